import { traceOf } from '@tapescope/sdk'
import type { BarSeries, SignalEngine, SignalResult } from '@tapescope/engine'
import type { Database } from './database.ts'
import { loadBars, type SeriesKey } from './load-bars.ts'
import { Problem } from './problem.ts'
import { storeSignals } from './store-signals.ts'

/** Analyses all stored bars of a series, from the first. @throws Problem 404 when there are none */
export async function analyseStored(
  database: Database,
  engine: SignalEngine,
  key: SeriesKey,
): Promise<{ bars: BarSeries; result: SignalResult }> {
  const bars = await loadBars(database, key)
  if (bars.length === 0) {
    throw new Problem(404, `No bars of ${key.symbol} ${key.timeframe} are stored.`)
  }
  return { bars, result: engine.generate(bars) }
}

/** After new bars: signals of the series that live are brought up to them. A series without any costs one look. */
export async function refreshSeries(
  database: Database,
  engine: SignalEngine,
  key: SeriesKey,
  user: string,
): Promise<void> {
  const [open] = await database.query<{ open: boolean }>({
    name: 'signals.any_active',
    text: `SELECT EXISTS (SELECT FROM signals WHERE symbol = $1 AND timeframe = $2
      AND status = ANY('{PENDING,APPROVED,FILLED}')) AS open`,
    values: [key.symbol, key.timeframe],
  })
  if (!open.open) return
  const { bars, result } = await analyseStored(database, engine, key)
  await storeSignals(database, bars, result, traceOf(result) ?? null, user)
}
