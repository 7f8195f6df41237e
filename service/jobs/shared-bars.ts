import type { BarSeries } from '@tapescope/engine'
import type { Queryable } from '../database.ts'
import { loadBars, type SeriesKey } from '../load-bars.ts'

const columns = ['time', 'open', 'high', 'low', 'close', 'volume'] as const

/** The same bars in memory that all threads of the process read without a copy. */
export function shareBars(bars: BarSeries): BarSeries {
  const memory = new SharedArrayBuffer(bars.length * columns.length * Float64Array.BYTES_PER_ELEMENT)
  const shared = columns.map((name, k) => {
    const column = new Float64Array(memory, k * bars.length * Float64Array.BYTES_PER_ELEMENT, bars.length)
    column.set(bars[name])
    return [name, column] as const
  })
  const { symbol, timeframe, length } = bars
  return {
    symbol,
    timeframe,
    length,
    ...(Object.fromEntries(shared) as Record<(typeof columns)[number], Float64Array>),
  }
}

export interface BarShelf {
  /** The bars of a series; those who give the same `scope` get the same copy. */
  get(database: Queryable, key: SeriesKey, scope: string): Promise<BarSeries>
}

/** Keeps the last few series, so that the runs of a sweep read the database once per process. */
export function createBarShelf(places = 4): BarShelf {
  const kept = new Map<string, Promise<BarSeries>>()
  return {
    get(database, { symbol, timeframe }, scope) {
      const key = JSON.stringify([scope, symbol, timeframe])
      // From the first stored bar, so that what an average warms up on does not depend on the period.
      const bars = kept.get(key) ?? loadBars(database, { symbol, timeframe }).then(shareBars)
      kept.delete(key)
      kept.set(key, bars)
      bars.catch(() => kept.delete(key))
      for (const oldest of kept.keys()) {
        if (kept.size <= places) break
        kept.delete(oldest)
      }
      return bars
    },
  }
}
