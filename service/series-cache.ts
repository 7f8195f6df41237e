import type { BarSeries } from '@tapescope/engine'
import type { Queryable } from './database.ts'
import { loadBars, type SeriesKey } from './load-bars.ts'
import { shareBars } from './share-bars.ts'

/** All bars of a series as they were at `revision`; in shared memory, so that threads read them without a copy. */
export interface StoredSeries {
  readonly bars: BarSeries
  /** Grows with each change of the series' bars; see migration 0005. */
  readonly revision: string
}

export interface SeriesCache {
  /** The series as it is stored now: read again only when its revision has changed. */
  load(database: Queryable, key: SeriesKey): Promise<StoredSeries>
}

interface Kept {
  revision: string
  bars: Promise<BarSeries>
  bytes: number
}

const bytesPerBar = 6 * Float64Array.BYTES_PER_ELEMENT

/**
 * Keeps series in memory, the least recent first to go. What makes that safe is the database: every answer begins by
 * asking it for the series' revision, and bars are read after it, so that what is kept is never older than its number.
 */
export function createSeriesCache(maxBytes = 128 * 2 ** 20): SeriesCache {
  const kept = new Map<string, Kept>()
  let bytes = 0

  function forget(name: string, entry: Kept): void {
    if (kept.get(name) !== entry) return
    kept.delete(name)
    bytes -= entry.bytes
  }

  function keep(name: string, entry: Kept): void {
    const old = kept.get(name)
    if (old !== undefined) forget(name, old)
    kept.set(name, entry)
    void weigh(name, entry)
  }

  async function weigh(name: string, entry: Kept): Promise<void> {
    try {
      const bars = await entry.bars
      // A newer revision may have taken its place meanwhile.
      if (kept.get(name) !== entry) return
      entry.bytes = bars.length * bytesPerBar
      bytes += entry.bytes
      for (const [oldest, candidate] of kept) {
        if (bytes <= maxBytes) break
        forget(oldest, candidate)
      }
    } catch {
      // Whoever waits for it hears why.
      forget(name, entry)
    }
  }

  return {
    async load(database, key) {
      const name = `${key.timeframe} ${key.symbol}`
      const revision = await revisionOf(database, key)
      let entry = kept.get(name)
      if (entry?.revision === revision) {
        kept.delete(name)
        kept.set(name, entry)
      } else {
        entry = { revision, bars: loadBars(database, key).then(shareBars), bytes: 0 }
        keep(name, entry)
      }
      return { bars: await entry.bars, revision }
    },
  }
}

async function revisionOf(database: Queryable, { symbol, timeframe }: SeriesKey): Promise<string> {
  const [row] = await database.query<{ revision: string } | undefined>({
    name: 'bars.revision',
    text: 'SELECT revision::TEXT FROM tapescope_meta.bar_revisions WHERE symbol = $1 AND timeframe = $2',
    values: [symbol, timeframe],
  })
  return row?.revision ?? '0'
}
