import { replaceGauges } from '@tapescope/sdk'
import type { Database } from './database.ts'
import { barMs } from './load-bars.ts'

interface DataWatch {
  stop(): void
}

/** Gauges that come from the database: signals that live or wait, age of each symbol's newest bar. */
export function watchData(
  database: Database,
  log: (line: Record<string, unknown>) => void,
  everyMs = 60_000,
): DataWatch & { refresh: () => Promise<void> } {
  let reading: Promise<void> | undefined
  let next: Promise<void> | undefined
  /** Tells of everything committed before the call. Calls that come while one reads share the one after it. */
  function refresh(): Promise<void> {
    if (reading === undefined) {
      reading = read().finally(() => (reading = undefined))
      return reading
    }
    return (next ??= reading.then(() => {
      next = undefined
      return refresh()
    }))
  }

  async function read(): Promise<void> {
    try {
      const signals = await database.query<{ signal_type: string; status: string; count: number }>({
        name: 'gauges.signals',
        text: `SELECT signal_type, status, count(*) FROM signals WHERE status = ANY('{PENDING,APPROVED,FILLED}')
          GROUP BY signal_type, status`,
      })
      const series = await database.query<{ symbol: string; timeframe: keyof typeof barMs; age: number }>({
        name: 'gauges.age',
        // A loose scan over the primary key: one look per series, however many bars it has.
        text: `WITH RECURSIVE series AS (
            (SELECT symbol, timeframe FROM ohlcv_bars ORDER BY symbol, timeframe LIMIT 1)
            UNION ALL
            SELECT next.symbol, next.timeframe FROM series, LATERAL (
              SELECT symbol, timeframe FROM ohlcv_bars
              WHERE (symbol, timeframe) > (series.symbol, series.timeframe) ORDER BY symbol, timeframe LIMIT 1
            ) AS next
          )
          SELECT symbol, timeframe, extract(epoch FROM now() - (SELECT max(timestamp) FROM ohlcv_bars
            WHERE ohlcv_bars.symbol = series.symbol AND ohlcv_bars.timeframe = series.timeframe)) AS age
          FROM series`,
      })
      const count = (wanted: (row: { signal_type: string; status: string }) => boolean) =>
        signals.filter(wanted).reduce((sum, row) => sum + row.count, 0)
      replaceGauges(
        'signals_active',
        ['SPRING', 'SOS', 'LPS', 'UTAD'].map(
          (pattern_type) => [{ pattern_type }, count((row) => row.signal_type === pattern_type)] as const,
        ),
      )
      replaceGauges('signals_pending', [[{}, count((row) => row.status === 'PENDING')]])
      const youngest = new Map<string, number>()
      const stale = new Set<string>()
      for (const { symbol, timeframe, age } of series) {
        youngest.set(symbol, Math.min(age, youngest.get(symbol) ?? Infinity))
        if (age * 1_000 > 2 * barMs[timeframe]) stale.add(symbol)
      }
      replaceGauges('stale_symbols', [[{}, stale.size]])
      replaceGauges('symbols_active', [[{}, youngest.size]])
      replaceGauges(
        'symbol_data_age_seconds',
        [...youngest].map(([symbol, value]) => [{ symbol }, value] as const),
      )
    } catch (error) {
      log({ level: 'warn', message: 'gauges not refreshed', error: String(error) })
    }
  }
  const timer = setInterval(() => void refresh(), everyMs)
  timer.unref()
  return { refresh, stop: () => clearInterval(timer) }
}
