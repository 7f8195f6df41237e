import type { EngineObserver, RunObserver } from '../engine-observer.ts'

export interface LookSeries {
  readonly symbol: string
  readonly timeframe: string
  readonly length: number
  readonly close: Float64Array
}

interface LookResult {
  readonly patterns: readonly number[]
  readonly highest: number
}

interface LookEngine {
  generate(bars: LookSeries, run?: { observer?: EngineObserver }): LookResult
}

const block = 1024

/**
 * A small engine that is none of the project's: it finds bars that close above all before them. It talks to its
 * observer as the seam asks, with one stage over whole blocks and two per bar.
 */
export function lookEngine(): LookEngine {
  return {
    generate(bars, run = {}) {
      const { symbol, timeframe, length } = bars
      const observer = run.observer?.runStarted({
        kind: 'signals',
        symbol,
        timeframe,
        bars: length,
        stages: ['smooth', 'look', 'validation'],
        attributes: { preset: 'default' },
      })
      const state: State = { highest: -Infinity, patterns: [], smooth: new Float64Array(length) }
      try {
        for (let first = 0; first < length; first += block)
          playBlock(bars, state, first, Math.min(first + block, length), observer)
      } catch (error) {
        observer?.runEnded({ bars: length, error })
        throw error
      }
      observer?.runEnded({ bars: length })
      return { patterns: state.patterns, highest: state.highest }
    },
  }
}

interface State {
  highest: number
  readonly patterns: number[]
  readonly smooth: Float64Array
}

function playBlock(
  bars: LookSeries,
  state: State,
  first: number,
  end: number,
  observer: RunObserver | undefined,
) {
  let timed = observer?.blockStarted(first, end) ?? -1
  for (let bar = first; bar < end; bar++)
    state.smooth[bar] = (bars.close[bar] + bars.close[Math.max(0, bar - 1)]) / 2
  observer?.stageEnded(0)
  for (let bar = first; bar < end; bar++) {
    const watched = bar === timed ? observer : undefined
    watched?.barStarted(bar)
    const found = state.smooth[bar] > state.highest
    if (found) state.highest = state.smooth[bar]
    watched?.stageEnded(1)
    if (found && bar % 50 === 0) {
      const told = { bar, time: bar * 86_400_000, attributes: { pattern_type: 'SPRING' } }
      observer?.fact({ kind: 'pattern', ...told })
      state.patterns.push(bar)
      const attributes = { pattern_type: 'SPRING', rejection_stage: 'RISK' }
      observer?.fact(
        bar % 100 === 0 ? { kind: 'signal', ...told } : { kind: 'rejection', ...told, attributes },
      )
    }
    watched?.stageEnded(2)
    if (watched !== undefined) timed = watched.barEnded(bar)
  }
  observer?.blockEnded(end)
}

/** Closes that rise, with a wave on them, the same each time. */
export function seriesOf(symbol: string, length: number): LookSeries {
  const close = Float64Array.from({ length }, (_, bar) => 100 + bar / 10 + Math.sin(bar / 7))
  return { symbol, timeframe: '1d', length, close }
}
