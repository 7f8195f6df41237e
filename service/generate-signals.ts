import type { SignalEngine, SignalResult } from '@tapescope/engine'
import type { Database } from './database.ts'
import { loadBars, type SeriesKey } from './load-bars.ts'
import { Problem } from './problem.ts'

/** Analyses all stored bars of a series, from the first. @throws Problem 404 when there are none */
export async function analyseStored(
  database: Database,
  engine: SignalEngine,
  key: SeriesKey,
): Promise<SignalResult> {
  const bars = await loadBars(database, key)
  if (bars.length === 0) {
    throw new Problem(404, `No bars of ${key.symbol} ${key.timeframe} are stored.`)
  }
  return engine.generate(bars)
}
