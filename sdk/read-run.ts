import type { EngineObserver } from './engine-observer.ts'
import { teeObserver } from './tee-observer.ts'

/** What a run is about, as far as somebody can tell. */
export interface SeriesInfo {
  readonly symbol?: string
  readonly timeframe?: string
  /** How many bars. */
  readonly bars?: number
}

/** Symbol, timeframe and length of a series, or of an object that names them; what is missing stays undefined. */
export function seriesOf(bars: unknown): SeriesInfo {
  if (typeof bars !== 'object' || bars === null) return {}
  const { symbol, timeframe, length } = bars as { symbol?: unknown; timeframe?: unknown; length?: unknown }
  return {
    ...(typeof symbol === 'string' && { symbol }),
    ...(typeof timeframe === 'string' && { timeframe }),
    ...(typeof length === 'number' && { bars: length }),
  }
}

/** Puts an observer into the argument at `position`, `{ observer }`; one that is there already hears everything too. */
export function withObserver(position: number) {
  return (args: readonly unknown[], observer: EngineObserver): unknown[] => {
    const given = [...args]
    while (given.length <= position) given.push(undefined)
    const run = given[position] as { observer?: EngineObserver } | null | undefined
    const other = run?.observer
    given[position] =
      run === undefined || run === null
        ? { observer }
        : { ...run, observer: other === undefined ? observer : teeObserver(other, observer) }
    return given
  }
}
