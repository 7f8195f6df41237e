import {
  createBacktestEngine,
  type BacktestConfig,
  type BacktestResult,
  type BarSeries,
  type EngineObserver,
  type ObservedEnd,
  type ObservedFact,
  type RunDescription,
  type RunObserver,
} from '@tapescope/engine'

/** As many facts of a kind as any observer here wants; of the rest an engine tells the number. */
const factsOfAKind = 200

interface Recording {
  readonly run: RunDescription
  readonly blocks: readonly (readonly [first: number, end: number])[]
  readonly facts: readonly ObservedFact[]
  readonly end: ObservedEnd
  readonly result: BacktestResult
}

/**
 * An engine that makes the calls of a real backtest to its observer without the work between them, so that what it takes
 * is what the observer takes. Timed bars are those that the observer asks for, each with all its stages.
 */
export function replayedBacktest(bars: BarSeries, config: BacktestConfig) {
  const { run: description, blocks, facts, end, result } = record(bars, config)
  let told = 0

  function block(run: RunObserver, first: number, last: number): void {
    let timed = run.blockStarted(first, last)
    let from = first
    while (timed >= from && timed < last) {
      run.barStarted(timed)
      for (let stage = 0; stage < description.stages.length; stage++) run.stageEnded(stage)
      from = timed + 1
      timed = run.barEnded(timed)
    }
    for (; told < facts.length && facts[told].bar < last; told++) run.fact(facts[told])
    run.blockEnded(last)
  }

  return {
    run(_bars: BarSeries, _config?: BacktestConfig, { observer }: { observer?: EngineObserver } = {}) {
      const run = observer?.runStarted(description)
      told = 0
      if (run !== undefined) for (const [first, last] of blocks) block(run, first, last)
      run?.runEnded(end)
      return result
    },
  }
}

function record(bars: BarSeries, config: BacktestConfig): Recording {
  const blocks: (readonly [number, number])[] = []
  const facts: ObservedFact[] = []
  const counts = new Map<string, number>()
  let run: RunDescription | undefined
  let end: ObservedEnd = { bars: 0 }
  let first = 0
  const observer: EngineObserver = {
    runStarted(described) {
      run = described
      return {
        blockStarted(bar) {
          first = bar
          return -1
        },
        barStarted() {},
        stageEnded() {},
        barEnded: () => -1,
        blockEnded: (last) => void blocks.push([first, last]),
        fact(fact) {
          facts.push(fact)
          const count = (counts.get(fact.kind) ?? 0) + 1
          counts.set(fact.kind, count)
          return count < factsOfAKind ? undefined : false
        },
        runEnded: (ended) => void (end = ended),
      }
    },
  }
  const result = createBacktestEngine().run(bars, config, { observer })
  return { run: run!, blocks, facts, end, result }
}
