import { Client } from 'pg'
import { afterAll, beforeAll, beforeEach, afterEach, describe, expect, it } from 'vitest'
import type { EmbeddedPostgres } from './embedded-postgres.ts'
import { migrate, migrateDownToEmpty, migrations } from './migrate.ts'
import { startTemporaryPostgres } from './temporary-postgres.ts'

let postgres: EmbeddedPostgres
let client: Client

beforeAll(async () => {
  postgres = await startTemporaryPostgres()
})
afterAll(() => postgres.stop())
beforeEach(async () => {
  client = new Client({ connectionString: postgres.url })
  await client.connect()
})
afterEach(async () => {
  await client.end()
  await migrateDownToEmpty(postgres.url)
})

async function indexes() {
  const { rows } = await client.query<{ tablename: string; indexname: string }>(
    "SELECT tablename, indexname FROM pg_indexes WHERE schemaname = 'public' ORDER BY indexname",
  )
  return rows
}

/** The 29 of the specification, as PostgreSQL tells them. */
const specified = `
idx_audit_user_action_time ON audit_logs (user_id, action_type, "timestamp" DESC)
idx_backtest_results_created_at_desc ON backtest_results (created_at DESC)
idx_backtest_results_status_pending ON backtest_results (status) WHERE ((status)::text = 'PENDING'::text)
idx_campaigns_created_at_desc ON campaigns (created_at DESC)
idx_campaigns_user_id_status ON campaigns (user_id, status)
idx_notifications_user_id_read ON notifications (user_id, read)
idx_notifications_user_id_type ON notifications (user_id, notification_type)
idx_ohlcv_symbol_timeframe_timestamp ON ohlcv_bars (symbol, timeframe, "timestamp")
idx_ohlcv_symbol_timestamp ON ohlcv_bars (symbol, "timestamp")
idx_ohlcv_timestamp_desc ON ohlcv_bars ("timestamp" DESC)
idx_patterns_detection_time_desc ON patterns (detection_time DESC)
idx_patterns_pattern_type ON patterns (pattern_type)
idx_patterns_symbol_detection_time ON patterns (symbol, detection_time)
idx_patterns_symbol_pattern_type ON patterns (symbol, pattern_type)
idx_patterns_symbol_timeframe_detection ON patterns (symbol, timeframe, detection_time)
idx_patterns_trading_range_id ON patterns (trading_range_id)
idx_positions_campaign_id_status ON positions (campaign_id, status)
idx_positions_signal_id ON positions (signal_id)
idx_signals_campaign_id ON signals (campaign_id)
idx_signals_generated_at_desc ON signals (generated_at DESC)
idx_signals_pattern_id ON signals (pattern_id)
idx_signals_status ON signals (status)
idx_signals_symbol_generated_at ON signals (symbol, generated_at)
idx_signals_symbol_status ON signals (symbol, status)
idx_trading_ranges_phase ON trading_ranges (phase)
idx_trading_ranges_start_time_desc ON trading_ranges (start_time DESC)
idx_trading_ranges_symbol_start_time ON trading_ranges (symbol, start_time)
idx_trading_ranges_symbol_status ON trading_ranges (symbol, status)
idx_trading_ranges_symbol_timeframe_start ON trading_ranges (symbol, timeframe, start_time)
`
  .trim()
  .split('\n')

const insertBar = `INSERT INTO ohlcv_bars (symbol, timeframe, timestamp, open, high, low, close, volume)
  VALUES ('SPX', '1d', '2020-01-02Z', 10, 12, 9, 11, 1000)`

describe('migrations', () => {
  it('make exactly 29 indexes on nine tables, and the second time nothing', async () => {
    expect(await migrate(postgres.url)).toEqual(migrations)
    expect(await migrate(postgres.url)).toEqual([])
    const all = await indexes()
    const ours = all.filter(({ indexname }) => indexname.startsWith('idx_'))
    expect(specified).toHaveLength(29)
    const { rows: definitions } = await client.query<{ definition: string }>(
      `SELECT regexp_replace(indexdef, '^CREATE INDEX (.*) ON public\\.(.*) USING btree (.*)$', '\\1 ON \\2 \\3') AS definition
        FROM pg_indexes WHERE indexname LIKE 'idx\\_%' ORDER BY indexname`,
    )
    expect(definitions.map(({ definition }) => definition)).toEqual(specified)
    expect(ours).toHaveLength(29)
    expect(new Set(ours.map(({ tablename }) => tablename)).size).toBe(9)
    // Beside them only the primary keys and the two unique constraints.
    expect(all.filter(({ indexname }) => !indexname.startsWith('idx_'))).toHaveLength(11)
    const { rows } = await client.query(
      "SELECT count(*)::INT AS tables FROM pg_tables WHERE schemaname = 'public'",
    )
    expect(rows).toEqual([{ tables: 9 }])
  })

  it('can be run by several processes at once', async () => {
    const applied = await Promise.all([1, 2, 3, 4].map(() => migrate(postgres.url)))
    expect(applied.flat().sort()).toEqual(migrations)
  })

  it('keep the rows of a filled database, and go down to empty', async () => {
    await migrate(postgres.url)
    await client.query(insertBar)
    await client.query('DROP INDEX idx_ohlcv_symbol_timestamp')
    await client.query("DELETE FROM tapescope_meta.migrations WHERE name LIKE '0002%'")
    expect(await migrate(postgres.url)).toEqual(['0002-indexes'])
    const { rows } = await client.query('SELECT symbol, spread::FLOAT8 FROM ohlcv_bars')
    expect(rows).toEqual([{ symbol: 'SPX', spread: 3 }])

    expect(await migrateDownToEmpty(postgres.url)).toEqual(migrations.toReversed())
    const left = await client.query("SELECT 1 FROM pg_class WHERE relnamespace = 'public'::REGNAMESPACE")
    expect(left.rowCount).toBe(0)
  })

  it('repair an index whose building was killed', async () => {
    await migrate(postgres.url)
    await client.query(`UPDATE pg_index SET indisvalid = false
      WHERE indexrelid = 'idx_signals_status'::REGCLASS`)
    await client.query("DELETE FROM tapescope_meta.migrations WHERE name LIKE '0002%'")
    await migrate(postgres.url)
    const { rows } = await client.query(
      "SELECT indisvalid FROM pg_index WHERE indexrelid = 'idx_signals_status'::REGCLASS",
    )
    expect(rows).toEqual([{ indisvalid: true }])
  })

  it('refuse a database of a later version', async () => {
    await migrate(postgres.url)
    await client.query("INSERT INTO tapescope_meta.migrations (name) VALUES ('9999-later')")
    await expect(migrate(postgres.url)).rejects.toThrow(/newer than this Tapescope/)
    await client.query("DELETE FROM tapescope_meta.migrations WHERE name = '9999-later'")
  })

  it('give tables that refuse what must not be stored', async () => {
    await migrate(postgres.url)
    await client.query(insertBar)
    await expect(client.query(insertBar)).rejects.toThrow(/duplicate key/)
    await expect(client.query(insertBar.replace('12, 9', '9, 12'))).rejects.toThrow(/ohlcv_bars_order/)
    await client.query(`INSERT INTO audit_logs (id, action_type, entity_type, details)
      VALUES (gen_random_uuid(), 'test', 'none', '{}')`)
    await expect(client.query('DELETE FROM audit_logs')).rejects.toThrow(/append-only|permission denied/)
    await expect(client.query("UPDATE audit_logs SET action_type = 'x'")).rejects.toThrow(
      /append-only|permission denied/,
    )
    await expect(
      client.query(`INSERT INTO backtest_results
        (id, backtest_run_id, symbol, timeframe, start_date, end_date, status, config)
        VALUES (gen_random_uuid(), gen_random_uuid(), 'SPX', '1d', '2020-01-01', '2020-02-01', 'COMPLETED', '{}')`),
    ).rejects.toThrow(/backtest_results_completed/)
  })
})
