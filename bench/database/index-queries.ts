/** The query that each index exists for, as the service asks it. `$1` is a number that varies from call to call. */
export interface IndexQuery {
  index: string
  /** Milliseconds at the 95th percentile, base volume (data specification, section 3). */
  budgetMs: number
  /** What was claimed for it; null where nothing was. */
  claim: string | null
  text: string
}

const bars = '5-10x'
const composite = '2-3x'

function query(index: string, budgetMs: number, claim: string | null, text: string): IndexQuery {
  return { index: `idx_${index}`, budgetMs, claim, text }
}

const symbol = `'SYM' || ($1::INT % 10)`
const timeframe = `(ARRAY['1d', '1h', '4h'])[1 + $1::INT % 3]`
const since = `'2015-01-10Z'::TIMESTAMPTZ`
const user = `'user' || ($1::INT % 20)`
const kind = `(ARRAY['SPRING', 'SOS', 'LPS', 'UTAD'])[1 + $1::INT % 4]`
const id = (name: string, rows: number) => `md5('${name}' || ($1::INT % ${rows}))::UUID`

export const indexQueries: readonly IndexQuery[] = [
  query(
    'ohlcv_symbol_timestamp',
    50,
    bars,
    `SELECT * FROM ohlcv_bars WHERE symbol = ${symbol}
    AND timestamp BETWEEN ${since} AND ${since} + INTERVAL '4 days' ORDER BY timestamp`,
  ),
  query(
    'ohlcv_symbol_timeframe_timestamp',
    50,
    bars,
    `SELECT * FROM ohlcv_bars WHERE symbol = ${symbol}
    AND timeframe = ${timeframe} ORDER BY timestamp DESC LIMIT 100`,
  ),
  query(
    'ohlcv_timestamp_desc',
    50,
    bars,
    'SELECT * FROM ohlcv_bars WHERE $1::INT >= 0 ORDER BY timestamp DESC LIMIT 100',
  ),
  query(
    'signals_symbol_status',
    10,
    '3-5x',
    `SELECT * FROM signals WHERE symbol = ${symbol}
    AND status IN ('PENDING', 'APPROVED', 'FILLED')`,
  ),
  query(
    'signals_status',
    10,
    '3-5x',
    `SELECT * FROM signals WHERE status IN ('PENDING', 'APPROVED', 'FILLED') AND $1::INT >= 0`,
  ),
  query('signals_pattern_id', 20, null, `SELECT * FROM signals WHERE pattern_id = ${id('pattern', 500)}`),
  query('signals_campaign_id', 40, null, `SELECT * FROM signals WHERE campaign_id = ${id('campaign', 100)}`),
  query(
    'signals_generated_at_desc',
    40,
    null,
    'SELECT * FROM signals WHERE $1::INT >= 0 ORDER BY generated_at DESC LIMIT 50',
  ),
  query(
    'signals_symbol_generated_at',
    40,
    composite,
    `SELECT * FROM signals WHERE symbol = ${symbol}
    ORDER BY generated_at DESC LIMIT 50`,
  ),
  query(
    'patterns_symbol_pattern_type',
    30,
    '4-6x',
    `SELECT * FROM patterns WHERE symbol = ${symbol} AND pattern_type = ${kind}`,
  ),
  query(
    'patterns_pattern_type',
    30,
    '4-6x',
    `SELECT count(*), avg(confidence_score) FROM patterns WHERE pattern_type = ${kind}`,
  ),
  query(
    'patterns_symbol_detection_time',
    30,
    composite,
    `SELECT * FROM patterns WHERE symbol = ${symbol}
    AND detection_time >= ${since} ORDER BY detection_time LIMIT 50`,
  ),
  query(
    'patterns_detection_time_desc',
    30,
    null,
    'SELECT * FROM patterns WHERE $1::INT >= 0 ORDER BY detection_time DESC LIMIT 50',
  ),
  query(
    'patterns_trading_range_id',
    30,
    null,
    `SELECT * FROM patterns WHERE trading_range_id = ${id('range', 200)}`,
  ),
  query(
    'patterns_symbol_timeframe_detection',
    30,
    composite,
    `SELECT * FROM patterns WHERE symbol = ${symbol}
    AND timeframe = ${timeframe} AND detection_time >= ${since} ORDER BY detection_time LIMIT 50`,
  ),
  query(
    'trading_ranges_symbol_start_time',
    30,
    composite,
    `SELECT * FROM trading_ranges WHERE symbol = ${symbol}
    ORDER BY start_time DESC LIMIT 50`,
  ),
  query(
    'trading_ranges_start_time_desc',
    30,
    null,
    'SELECT * FROM trading_ranges WHERE $1::INT >= 0 ORDER BY start_time DESC LIMIT 50',
  ),
  query(
    'trading_ranges_symbol_timeframe_start',
    30,
    composite,
    `SELECT * FROM trading_ranges WHERE symbol = ${symbol}
    AND timeframe = ${timeframe} ORDER BY start_time DESC LIMIT 50`,
  ),
  query(
    'trading_ranges_phase',
    30,
    null,
    `SELECT count(*), avg(quality_score) FROM trading_ranges
    WHERE phase = (ARRAY['A', 'B', 'C', 'D', 'E'])[1 + $1::INT % 5]`,
  ),
  query(
    'backtest_results_status_pending',
    30,
    null,
    `SELECT * FROM backtest_results WHERE status = 'PENDING' AND $1::INT >= 0
    ORDER BY created_at LIMIT 20`,
  ),
  query(
    'backtest_results_created_at_desc',
    30,
    null,
    'SELECT * FROM backtest_results WHERE $1::INT >= 0 ORDER BY created_at DESC LIMIT 20',
  ),
  query(
    'campaigns_user_id_status',
    40,
    composite,
    `SELECT * FROM campaigns WHERE user_id = ${user} AND status = 'ACTIVE'`,
  ),
  query(
    'campaigns_created_at_desc',
    40,
    null,
    'SELECT * FROM campaigns WHERE $1::INT >= 0 ORDER BY created_at DESC LIMIT 50',
  ),
  query(
    'positions_campaign_id_status',
    20,
    composite,
    `SELECT * FROM positions WHERE campaign_id = ${id('campaign', 100)}
    AND status = 'OPEN'`,
  ),
  query('positions_signal_id', 20, null, `SELECT * FROM positions WHERE signal_id = ${id('signal', 500)}`),
  query(
    'notifications_user_id_read',
    20,
    composite,
    `SELECT count(*) FROM notifications WHERE user_id = ${user} AND NOT read`,
  ),
  query(
    'notifications_user_id_type',
    20,
    composite,
    `SELECT * FROM notifications WHERE user_id = ${user}
    AND notification_type = 'risk_warning' ORDER BY created_at DESC LIMIT 50`,
  ),
  query(
    'trading_ranges_symbol_status',
    30,
    composite,
    `SELECT * FROM trading_ranges WHERE symbol = ${symbol} AND status = 'ACTIVE'`,
  ),
  query(
    'audit_user_action_time',
    100,
    composite,
    `SELECT * FROM audit_logs WHERE user_id = ${user}
    AND action_type = 'signal_status' ORDER BY timestamp DESC LIMIT 50`,
  ),
]
