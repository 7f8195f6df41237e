-- The volumes of the database benchmark. $BARS bars per symbol and $SCALE times the smaller tables are put in by the
-- runner; everything else follows from the row number, so that each run measures the same data.
SELECT setseed(0.42);

INSERT INTO ohlcv_bars (symbol, timeframe, timestamp, open, high, low, close, volume, spread_ratio, volume_ratio)
SELECT 'SYM' || s, (ARRAY['1d', '1h', '4h'])[1 + i % 3], '2015-01-01Z'::TIMESTAMPTZ + i * INTERVAL '1 hour',
  100 + s, 102 + s, 99 + s, 101 + s, 1000 + i, 1, 1
FROM generate_series(0, 9) AS s, generate_series(0, $BARS - 1) AS i;

INSERT INTO trading_ranges (id, symbol, timeframe, start_time, end_time, duration_bars, creek_level, ice_level,
  jump_target, drop_target, cause_factor, range_width_frac, phase, bias, status, quality_score, strength_score,
  touch_count_creek, touch_count_ice)
SELECT md5('range' || i)::UUID, 'SYM' || i % 10, (ARRAY['1d', '1h', '4h'])[1 + i / 10 % 3],
  '2015-01-01Z'::TIMESTAMPTZ + i * INTERVAL '7 hours', '2015-02-01Z'::TIMESTAMPTZ + i * INTERVAL '7 hours', 40, 110, 100,
  140, 70, 3, 0.1, (ARRAY['A', 'B', 'C', 'D', 'E'])[1 + i / 7 % 5], 'ACCUMULATION',
  CASE WHEN i % 20 = 0 THEN 'ACTIVE' ELSE (ARRAY['COMPLETED', 'ARCHIVED'])[1 + i % 2] END, 80, 70, 3, 3
FROM generate_series(0, 200 * $SCALE - 1) AS i;

INSERT INTO patterns (id, symbol, timeframe, pattern_type, side, detection_time, pattern_bar_timestamp,
  confidence_score, phase, trading_range_id, volume_ratio, spread_ratio, test_confirmed, metadata, metadata_version)
SELECT md5('pattern' || i)::UUID, 'SYM' || i % 10, (ARRAY['1d', '1h', '4h'])[1 + i / 10 % 3], kind,
  CASE WHEN kind = 'UTAD' THEN 'SHORT' ELSE 'LONG' END, '2015-01-02Z'::TIMESTAMPTZ + i * INTERVAL '90 minutes',
  '2015-01-01Z'::TIMESTAMPTZ + i * INTERVAL '90 minutes', 70 + i % 26, 'C',
  md5('range' || i % (200 * $SCALE))::UUID, 0.5, 1, false, '{"tier": "GOOD"}', 1
FROM generate_series(0, 1000 * $SCALE - 1) AS i, LATERAL (SELECT (ARRAY['SPRING', 'SOS', 'LPS', 'UTAD'])[1 + i / 3 % 4] AS kind) AS k;

INSERT INTO campaigns (id, campaign_id, user_id, symbol, timeframe, side, trading_range_id, status,
  total_allocation_frac, current_risk_frac, total_shares, total_pnl, entries, jump_achieved, version, started_at, created_at)
SELECT md5('campaign' || i)::UUID, 'CAMPAIGN-' || i, 'user' || i % 20, 'SYM' || i % 10, '1d', 'LONG',
  md5('range' || i)::UUID, (ARRAY['ACTIVE', 'COMPLETED', 'FAILED', 'CANCELLED'])[1 + i / 20 % 4], 0.02, 0.01, 10, 5, '[]',
  false, 1, '2015-01-01Z', '2015-01-01Z'::TIMESTAMPTZ + i * INTERVAL '1 hour'
FROM generate_series(0, 100 * $SCALE - 1) AS i;

INSERT INTO signals (id, symbol, timeframe, phase, pattern_id, signal_type, side, generated_at, entry_price, stop_loss,
  target_1, position_size, risk_amount, notional_value, r_multiple, confidence_score, confidence_components,
  validation_chain, volume_analysis, campaign_id, campaign_allocation, status, requires_review, notification_sent,
  schema_version)
SELECT md5('signal' || i)::UUID, patterns.symbol, patterns.timeframe, 'C', patterns.id, pattern_type, side,
  '2015-01-02Z'::TIMESTAMPTZ + i * INTERVAL '3 hours', 100, CASE side WHEN 'LONG' THEN 95 ELSE 105 END,
  CASE side WHEN 'LONG' THEN 120 ELSE 80 END, 10, 50, 1000, 1 + i % 4, 70 + i % 26, '{"overall": 80}',
  '{"results": []}', '{"effort": "NORMAL"}', md5('campaign' || i % (100 * $SCALE))::UUID, 0.4,
  CASE WHEN i % 10 = 0 THEN (ARRAY['PENDING', 'APPROVED', 'FILLED'])[1 + i / 10 % 3]
    ELSE (ARRAY['STOPPED', 'TARGET_HIT', 'CLOSED', 'EXPIRED'])[1 + i % 4] END, false, true, 1
FROM generate_series(0, 500 * $SCALE - 1) AS i JOIN patterns ON patterns.id = md5('pattern' || i)::UUID;

INSERT INTO positions (id, pattern_type, side, campaign_id, signal_id, entry_date, entry_price, shares, stop_loss,
  target_price, status, allocation_frac, risk_amount)
SELECT md5('position' || i)::UUID, signal_type, side, campaign_id, signals.id, generated_at, 100, 10, 95, 120,
  CASE WHEN i % 10 = 0 THEN 'OPEN' ELSE 'CLOSED' END, 0.01, 50
FROM generate_series(0, 500 * $SCALE - 1) AS i JOIN signals ON signals.id = md5('signal' || i)::UUID;

INSERT INTO backtest_results (id, backtest_run_id, symbol, timeframe, start_date, end_date, status, config, metrics, error, created_at)
SELECT md5('run' || i)::UUID, md5('run' || i)::UUID, 'SYM' || i % 10, '1d', '2015-01-01', '2016-01-01',
  CASE WHEN i % 50 = 0 THEN 'PENDING' ELSE 'COMPLETED' END, '{}', '{"sharpe": 1}', NULL,
  '2015-01-01Z'::TIMESTAMPTZ + i * INTERVAL '1 hour'
FROM generate_series(0, 200 * $SCALE - 1) AS i;

INSERT INTO notifications (id, user_id, notification_type, priority, title, message, metadata, read, created_at)
SELECT md5('note' || i)::UUID, 'user' || i % 20,
  (ARRAY['signal_generated', 'risk_warning', 'emergency_exit', 'system_error'])[1 + i / 20 % 4], 'info', 'A title',
  'A message of ordinary length for a notification.', '{}', i % 10 <> 0, '2015-01-01Z'::TIMESTAMPTZ + i * INTERVAL '1 hour'
FROM generate_series(0, 500 * $SCALE - 1) AS i;

INSERT INTO audit_logs (id, user_id, action_type, timestamp, entity_type, entity_id, details)
SELECT md5('audit' || i)::UUID, 'user' || i % 20, (ARRAY['signal_stored', 'signal_approved', 'signal_status'])[1 + i / 20 % 3],
  '2015-01-01Z'::TIMESTAMPTZ + i * INTERVAL '1 hour', 'signal', md5('signal' || i)::UUID, '{}'
FROM generate_series(0, 200 * $SCALE - 1) AS i;

ANALYZE;
