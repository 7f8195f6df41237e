import type * as Engine from '@tapescope/engine'
import type { BarSeries } from '@tapescope/engine'
import { existsSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import type * as Rig from '../nfr/pipeline-rig.ts'

export const hotPaths = ['signal', 'backtest', 'pipeline'] as const
export type HotPath = (typeof hotPaths)[number]

/** One of the paths, ready to run again and again. */
interface PreparedPath {
  /** What one unit of work is. */
  readonly unit: string
  /** Does the next stretch of work; answers with how many units it was. Nothing is generated in here. */
  step(): number | Promise<number>
  /** What was found and closed so far, as proof that the path was walked. @throws when nothing was */
  proof(): string
  close?(): Promise<void>
}

/** Loads a path from the checkout in `root`, whose code it then runs. Throws a sentence when that has no such path. */
export async function openPath(path: HotPath, root: string, seed: number): Promise<PreparedPath> {
  const load = async <Module>(file: string): Promise<Module> => {
    if (!existsSync(`${root}/${file}`))
      throw new Error(`${root} has no ${file}: it cannot run the path ${path}`)
    return (await import(pathToFileURL(`${root}/${file}`).href)) as Module
  }
  if (path === 'signal') return signalPath(await load<typeof Engine>('engine/index.ts'), seed)
  if (path === 'backtest') return backtestPath(await load<typeof Engine>('engine/index.ts'), seed)
  return pipelinePath(await load<typeof Rig>('bench/nfr/pipeline-rig.ts'), seed)
}

/** A million bars in ten series are too many for a branch predictor to learn. */
function signalPath({ createSignalEngine, generateBars, barAt }: typeof Engine, seed: number): PreparedPath {
  const engine = createSignalEngine()
  const all = Array.from({ length: 10 }, (_, k) => generateBars({ seed: seed + k, length: 100_000 }).bars)
  let next = 0
  let signals = 0

  function generateInBlocks(bars: BarSeries): number {
    return engine.generate(bars).signals.length
  }

  function pushBarByBar(bars: BarSeries): number {
    const session = engine.open(bars)
    let found = 0
    for (let bar = 0; bar < bars.length; bar++) found += session.push(barAt(bars, bar)).signals.length
    session.close()
    return found
  }

  return {
    unit: 'bar',
    step() {
      const bars = all[next++ % all.length]
      signals += generateInBlocks(bars) + pushBarByBar(bars)
      return 2 * bars.length
    },
    proof() {
      if (signals === 0) throw new Error('no signal was found while profiling')
      return `${signals} signals, each series in blocks and bar by bar`
    },
  }
}

function backtestPath({ createBacktestEngine, generateBars }: typeof Engine, seed: number): PreparedPath {
  const engine = createBacktestEngine()
  const structures = ['accumulation', 'distribution'] as const
  const all = Array.from(
    { length: 60 },
    (_, k) => generateBars({ seed: seed + k, length: 10_000, structures }).bars,
  )
  let next = 0
  let long = 0
  let short = 0

  function runBacktest(bars: BarSeries): void {
    const result = engine.run(bars, { strategy: 'wyckoff_all', haltCleared: true })
    for (const { side } of result.trades) {
      if (side === 'LONG') long++
      else short++
    }
    // Made when first read; whoever stores a result reads them.
    void [result.monthlyReturns, result.patternPerformance, result.campaignPerformance]
  }

  return {
    unit: 'bar',
    step() {
      const bars = all[next++ % all.length]
      runBacktest(bars)
      return bars.length
    },
    proof() {
      if (long === 0 || short === 0) throw new Error('not both sides closed trades while profiling')
      return `${long} long and ${short} short trades closed`
    },
  }
}

async function pipelinePath({ PipelineRig, PipelineWalk }: typeof Rig, seed: number): Promise<PreparedPath> {
  const rig = await PipelineRig.start()
  const walk = new PipelineWalk(rig, seed, 1_000)
  let bars = 0
  let signals = 0
  return {
    unit: 'bar with a pattern',
    async step() {
      await walk.toNext()
      const { newSignals } = await walk.run()
      signals += newSignals.length
      bars++
      return 1
    },
    proof() {
      if (signals === 0) throw new Error('no signal was stored while profiling')
      return `${bars} bars, ${signals} signals stored; the bars between them are stored and analysed at once`
    },
    close: () => rig.stop(),
  }
}
