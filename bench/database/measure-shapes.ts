import type { Client } from 'pg'
import { Pool } from 'pg'
import { indexQueries } from './index-queries.ts'
import { percentiles, type Percentiles } from './percentiles.ts'

/** A shape of work that no single index stands for (data specification, section 4). */
export interface ShapeMeasure {
  name: string
  budgetMs: number
  /** Milliseconds, client side, awaited to the last row. */
  times: Percentiles
}

const bulk = `INSERT INTO ohlcv_bars (symbol, timeframe, timestamp, open, high, low, close, volume)
  SELECT 'BULK', '1h', * FROM unnest($1::TIMESTAMPTZ[], $2::NUMERIC[], $3::NUMERIC[], $4::NUMERIC[], $5::NUMERIC[], $6::NUMERIC[])
  ON CONFLICT (symbol, timeframe, timestamp) DO UPDATE SET open = EXCLUDED.open, high = EXCLUDED.high,
    low = EXCLUDED.low, close = EXCLUDED.close, volume = EXCLUDED.volume`
const join = `SELECT signals.*, patterns.metadata, creek_level, ice_level, campaigns.status AS campaign_status
  FROM signals JOIN patterns ON patterns.id = pattern_id JOIN trading_ranges ON trading_ranges.id = patterns.trading_range_id
  LEFT JOIN campaigns ON campaigns.id = signals.campaign_id
  WHERE $1::INT >= 0 ORDER BY generated_at DESC LIMIT 50`
const aggregate = `SELECT signal_type, date_trunc('month', generated_at) AS month, count(*),
    avg((status = 'TARGET_HIT')::INT) AS win_rate, avg(r_multiple) AS mean_r
  FROM signals WHERE $1::INT >= 0 GROUP BY 1, 2 ORDER BY 2, 1`
/** Every third of them, so that each table is asked. */
const mixed = indexQueries.filter((_, i) => i % 3 === 0).slice(0, 10)

/** What is measured beside the queries of the indexes, and its budget in ms. */
export const shapeBudgets = {
  'bulk insert of 100 bars, one upsert': 200,
  'join signal, pattern, range, campaign, 50 rows': 100,
  'aggregate by pattern type and month': 150,
  'acquire a pooled connection': 5,
  '10 concurrent mixed queries, all done': 100,
} as const

export type ShapeName = keyof typeof shapeBudgets

interface DatabaseShapes {
  /** A call is awaited to its last row; the number varies from call to call. */
  readonly work: Readonly<Record<ShapeName, (call: number) => Promise<unknown>>>
  close(): Promise<void>
}

/** Their pool has all of its ten connections already. */
export async function databaseShapes(client: Client, url: string): Promise<DatabaseShapes> {
  const pool = new Pool({ connectionString: url, max: 10 })
  pool.on('error', () => undefined)
  const warm = await Promise.all(mixed.map(() => pool.connect()))
  for (const one of warm) one.release()
  return {
    work: {
      'bulk insert of 100 bars, one upsert': (call) => client.query(bulk, hundredBars(call)),
      'join signal, pattern, range, campaign, 50 rows': (call) => client.query(join, [call]),
      'aggregate by pattern type and month': (call) => client.query(aggregate, [call]),
      'acquire a pooled connection': async () => (await pool.connect()).release(),
      '10 concurrent mixed queries, all done': (call) =>
        Promise.all(mixed.map(({ text }, k) => pool.query(text, [call * 10 + k]))),
    },
    close: () => pool.end(),
  }
}

export async function measureShapes(client: Client, url: string, calls: number): Promise<ShapeMeasure[]> {
  const shapes = await databaseShapes(client, url)
  try {
    const measures: ShapeMeasure[] = []
    for (const [name, budgetMs] of Object.entries(shapeBudgets) as [ShapeName, number][]) {
      const times: number[] = []
      for (let call = -5; call < calls; call++) {
        const started = performance.now()
        await shapes.work[name](call + 5)
        if (call >= 0) times.push(performance.now() - started)
      }
      measures.push({ name, budgetMs, times: percentiles(times) })
    }
    await client.query("DELETE FROM ohlcv_bars WHERE symbol = 'BULK'")
    return measures
  } finally {
    await shapes.close()
  }
}

/** Half of them were there before: an upsert both inserts and updates. */
function hundredBars(call: number): unknown[] {
  const rows = Array.from({ length: 100 }, (_, i) => call * 50 + i)
  return [
    rows.map((row) => new Date(Date.UTC(2100, 0) + row * 3_600_000).toISOString()),
    rows.map((row) => 100 + (row % 7)),
    rows.map((row) => 110 + (row % 7)),
    rows.map((row) => 90 + (row % 7)),
    rows.map((row) => 101 + (row % 7)),
    rows.map((row) => 1_000 + row),
  ]
}
