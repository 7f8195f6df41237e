import type { BarSeries } from '@tapescope/engine'
import type { Queryable } from '../database.ts'
import type { SeriesKey } from '../load-bars.ts'
import type { SeriesCache } from '../series-cache.ts'

interface BarShelf {
  /** The bars of a series; those who give the same `scope` get the same copy. */
  get(database: Queryable, key: SeriesKey, scope: string): Promise<BarSeries>
}

/** Keeps the last few series, so that the runs of a sweep in this process see the same bars, whatever is stored meanwhile. */
export function createBarShelf(series: SeriesCache, places = 4): BarShelf {
  const kept = new Map<string, Promise<BarSeries>>()
  return {
    get(database, { symbol, timeframe }, scope) {
      const key = JSON.stringify([scope, symbol, timeframe])
      // From the first stored bar, so that what an average warms up on does not depend on the period.
      const bars = kept.get(key) ?? series.load(database, { symbol, timeframe }).then(({ bars }) => bars)
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
