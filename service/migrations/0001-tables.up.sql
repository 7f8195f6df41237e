-- The nine tables. Prices NUMERIC(18,8), money NUMERIC(18,2), fractions NUMERIC(9,6) with 0.03 = 3 %; enumerations
-- are VARCHAR with a CHECK, because native enum types are awkward to migrate. Creek is resistance, Ice is support.

CREATE TABLE ohlcv_bars (
  symbol VARCHAR(20) NOT NULL,
  timeframe VARCHAR(5) NOT NULL CHECK (timeframe IN ('1m', '5m', '15m', '1h', '4h', '1d', '1w')),
  timestamp TIMESTAMPTZ NOT NULL,
  open NUMERIC(18,8) NOT NULL CHECK (open > 0),
  high NUMERIC(18,8) NOT NULL CHECK (high > 0),
  low NUMERIC(18,8) NOT NULL CHECK (low > 0),
  close NUMERIC(18,8) NOT NULL CHECK (close > 0),
  volume NUMERIC(24,8) NOT NULL CHECK (volume >= 0),
  spread NUMERIC(18,8) NOT NULL GENERATED ALWAYS AS (high - low) STORED,
  spread_ratio NUMERIC(10,4),
  volume_ratio NUMERIC(10,4),
  created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  PRIMARY KEY (symbol, timeframe, timestamp),
  CONSTRAINT ohlcv_bars_order CHECK (high >= greatest(open, close) AND low <= least(open, close))
);

CREATE TABLE trading_ranges (
  id UUID PRIMARY KEY,
  symbol VARCHAR(20) NOT NULL,
  timeframe VARCHAR(5) NOT NULL CHECK (timeframe IN ('1m', '5m', '15m', '1h', '4h', '1d', '1w')),
  start_time TIMESTAMPTZ NOT NULL,
  end_time TIMESTAMPTZ CHECK (end_time >= start_time),
  duration_bars SMALLINT NOT NULL CHECK (duration_bars BETWEEN 15 AND 120),
  creek_level NUMERIC(18,8) NOT NULL,
  ice_level NUMERIC(18,8) NOT NULL,
  jump_target NUMERIC(18,8) NOT NULL,
  drop_target NUMERIC(18,8) CHECK (drop_target > 0),
  cause_factor NUMERIC(4,2) NOT NULL CHECK (cause_factor BETWEEN 2.0 AND 3.0),
  -- The 0.03 of a candidate is between its clusters' means; between the levels, weighted by volume, it may be less.
  range_width_frac NUMERIC(9,6) NOT NULL CHECK (range_width_frac > 0),
  phase CHAR(1) CHECK (phase IN ('A', 'B', 'C', 'D', 'E')),
  bias VARCHAR(12) NOT NULL CHECK (bias IN ('ACCUMULATION', 'DISTRIBUTION', 'UNDETERMINED')),
  status VARCHAR(10) NOT NULL CHECK (status IN ('FORMING', 'ACTIVE', 'BREAKOUT', 'COMPLETED', 'ARCHIVED')),
  quality_score SMALLINT NOT NULL CHECK (quality_score BETWEEN 0 AND 100),
  strength_score SMALLINT NOT NULL CHECK (strength_score BETWEEN 0 AND 100),
  touch_count_creek SMALLINT NOT NULL CHECK (touch_count_creek >= 2),
  touch_count_ice SMALLINT NOT NULL CHECK (touch_count_ice >= 2),
  version INTEGER NOT NULL DEFAULT 1 CHECK (version >= 1),
  deleted_at TIMESTAMPTZ,
  created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  updated_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  CONSTRAINT trading_ranges_levels CHECK (
    creek_level > ice_level AND jump_target > creek_level AND (drop_target IS NULL OR drop_target < ice_level)
  ),
  -- The strength minimum is a preset's: 60 in `strict`, 40 in `standard`. The table holds ranges of both.
  CONSTRAINT trading_ranges_minimum CHECK (
    status NOT IN ('ACTIVE', 'BREAKOUT', 'COMPLETED') OR (quality_score >= 70 AND strength_score >= 40)
  )
);

CREATE TABLE patterns (
  id UUID PRIMARY KEY,
  symbol VARCHAR(20) NOT NULL,
  timeframe VARCHAR(5) NOT NULL CHECK (timeframe IN ('1m', '5m', '15m', '1h', '4h', '1d', '1w')),
  pattern_type VARCHAR(10) NOT NULL CHECK (pattern_type IN ('SPRING', 'SOS', 'LPS', 'UTAD')),
  side VARCHAR(5) NOT NULL CHECK (side IN ('LONG', 'SHORT')),
  detection_time TIMESTAMPTZ NOT NULL,
  pattern_bar_timestamp TIMESTAMPTZ NOT NULL,
  confidence_score SMALLINT NOT NULL CHECK (confidence_score BETWEEN 0 AND 100),
  phase CHAR(1) NOT NULL CHECK (phase IN ('A', 'B', 'C', 'D', 'E')),
  trading_range_id UUID NOT NULL REFERENCES trading_ranges (id) ON DELETE RESTRICT,
  entry_price NUMERIC(18,8),
  stop_loss NUMERIC(18,8),
  invalidation_level NUMERIC(18,8),
  volume_ratio NUMERIC(10,4) NOT NULL,
  spread_ratio NUMERIC(10,4) NOT NULL,
  test_confirmed BOOLEAN NOT NULL,
  test_bar_timestamp TIMESTAMPTZ,
  rejection_stage VARCHAR(10) CHECK (
    rejection_stage IN ('PRECHECK', 'VOLUME', 'PHASE', 'LEVELS', 'RISK', 'STRATEGY')
  ),
  rejection_reason TEXT,
  metadata JSONB NOT NULL,
  metadata_version SMALLINT NOT NULL,
  trace_id CHAR(32) CHECK (trace_id ~ '^[0-9a-f]{32}$' AND trace_id !~ '^0+$'),
  span_id CHAR(16) CHECK (span_id ~ '^[0-9a-f]{16}$' AND span_id !~ '^0+$'),
  created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  CONSTRAINT patterns_side CHECK ((side = 'SHORT') = (pattern_type = 'UTAD')),
  CONSTRAINT patterns_known_after_its_bar CHECK (detection_time >= pattern_bar_timestamp),
  CONSTRAINT patterns_test CHECK (test_confirmed = (test_bar_timestamp IS NOT NULL)),
  CONSTRAINT patterns_rejection CHECK ((rejection_stage IS NULL) = (rejection_reason IS NULL)),
  CONSTRAINT patterns_trace CHECK ((trace_id IS NULL) = (span_id IS NULL))
);

CREATE TABLE campaigns (
  id UUID PRIMARY KEY,
  campaign_id VARCHAR(60) NOT NULL UNIQUE,
  user_id VARCHAR(64) NOT NULL DEFAULT 'local',
  symbol VARCHAR(20) NOT NULL,
  timeframe VARCHAR(5) NOT NULL CHECK (timeframe IN ('1m', '5m', '15m', '1h', '4h', '1d', '1w')),
  side VARCHAR(5) NOT NULL CHECK (side IN ('LONG', 'SHORT')),
  trading_range_id UUID NOT NULL REFERENCES trading_ranges (id) ON DELETE RESTRICT,
  status VARCHAR(10) NOT NULL CHECK (status IN ('ACTIVE', 'COMPLETED', 'FAILED', 'CANCELLED')),
  phase CHAR(1) CHECK (phase IN ('A', 'B', 'C', 'D', 'E')),
  total_allocation_frac NUMERIC(9,6) NOT NULL CHECK (total_allocation_frac BETWEEN 0 AND 0.05),
  current_risk_frac NUMERIC(9,6) NOT NULL CHECK (current_risk_frac BETWEEN 0 AND 0.05),
  weighted_avg_entry NUMERIC(18,8),
  total_shares BIGINT NOT NULL CHECK (total_shares >= 0),
  total_pnl NUMERIC(18,2) NOT NULL,
  entries JSONB NOT NULL,
  invalidated_by UUID,
  invalidation_reason TEXT,
  jump_achieved BOOLEAN NOT NULL,
  version INTEGER NOT NULL,
  started_at TIMESTAMPTZ NOT NULL,
  completed_at TIMESTAMPTZ,
  created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  updated_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

CREATE TABLE signals (
  id UUID PRIMARY KEY,
  symbol VARCHAR(20) NOT NULL,
  timeframe VARCHAR(5) NOT NULL CHECK (timeframe IN ('1m', '5m', '15m', '1h', '4h', '1d', '1w')),
  phase CHAR(1) NOT NULL CHECK (phase IN ('A', 'B', 'C', 'D', 'E')),
  pattern_id UUID NOT NULL REFERENCES patterns (id) ON DELETE RESTRICT,
  signal_type VARCHAR(10) NOT NULL CHECK (signal_type IN ('SPRING', 'SOS', 'LPS', 'UTAD')),
  side VARCHAR(5) NOT NULL CHECK (side IN ('LONG', 'SHORT')),
  generated_at TIMESTAMPTZ NOT NULL,
  expires_at TIMESTAMPTZ,
  entry_price NUMERIC(18,8) NOT NULL,
  stop_loss NUMERIC(18,8) NOT NULL,
  target_1 NUMERIC(18,8) NOT NULL,
  target_2 NUMERIC(18,8),
  position_size INTEGER NOT NULL CHECK (position_size >= 1),
  risk_amount NUMERIC(18,2) NOT NULL CHECK (risk_amount > 0),
  notional_value NUMERIC(18,2) NOT NULL CHECK (notional_value > 0),
  r_multiple NUMERIC(6,2) NOT NULL CHECK (r_multiple > 0),
  confidence_score SMALLINT NOT NULL CHECK (confidence_score BETWEEN 70 AND 95),
  confidence_components JSONB NOT NULL,
  validation_chain JSONB NOT NULL,
  volume_analysis JSONB NOT NULL,
  campaign_id UUID REFERENCES campaigns (id) ON DELETE SET NULL,
  campaign_allocation NUMERIC(5,4) NOT NULL CHECK (campaign_allocation BETWEEN 0 AND 1),
  status VARCHAR(12) NOT NULL DEFAULT 'PENDING' CHECK (
    status IN ('PENDING', 'APPROVED', 'REJECTED', 'FILLED', 'STOPPED', 'TARGET_HIT', 'CLOSED', 'EXPIRED')
  ),
  requires_review BOOLEAN NOT NULL,
  notification_sent BOOLEAN NOT NULL,
  exit_date TIMESTAMPTZ,
  exit_price NUMERIC(18,8),
  trace_id CHAR(32) CHECK (trace_id ~ '^[0-9a-f]{32}$' AND trace_id !~ '^0+$'),
  span_id CHAR(16) CHECK (span_id ~ '^[0-9a-f]{16}$' AND span_id !~ '^0+$'),
  schema_version SMALLINT NOT NULL,
  created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  updated_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  CONSTRAINT signals_side CHECK ((side = 'SHORT') = (signal_type = 'UTAD')),
  CONSTRAINT signals_plan CHECK (
    CASE side
      WHEN 'LONG' THEN stop_loss < entry_price AND entry_price < target_1
      ELSE target_1 < entry_price AND entry_price < stop_loss
    END
  ),
  CONSTRAINT signals_exit CHECK ((exit_date IS NULL) = (exit_price IS NULL)),
  CONSTRAINT signals_trace CHECK ((trace_id IS NULL) = (span_id IS NULL))
);

CREATE TABLE positions (
  id UUID PRIMARY KEY,
  pattern_type VARCHAR(10) NOT NULL CHECK (pattern_type IN ('SPRING', 'SOS', 'LPS', 'UTAD')),
  side VARCHAR(5) NOT NULL CHECK (side IN ('LONG', 'SHORT')),
  campaign_id UUID NOT NULL REFERENCES campaigns (id) ON DELETE CASCADE,
  signal_id UUID NOT NULL REFERENCES signals (id) ON DELETE RESTRICT,
  entry_date TIMESTAMPTZ NOT NULL,
  entry_price NUMERIC(18,8) NOT NULL,
  shares INTEGER NOT NULL CHECK (shares >= 1),
  stop_loss NUMERIC(18,8) NOT NULL CHECK (stop_loss > 0),
  target_price NUMERIC(18,8) NOT NULL CHECK (target_price > 0),
  current_price NUMERIC(18,8),
  current_pnl NUMERIC(18,2),
  status VARCHAR(7) NOT NULL CHECK (status IN ('OPEN', 'PARTIAL', 'CLOSED')),
  allocation_frac NUMERIC(9,6) NOT NULL CHECK (allocation_frac BETWEEN 0 AND 0.05),
  risk_amount NUMERIC(18,2) NOT NULL CHECK (risk_amount >= 0),
  created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  updated_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  CONSTRAINT positions_side CHECK ((side = 'SHORT') = (pattern_type = 'UTAD'))
);

CREATE TABLE backtest_results (
  id UUID PRIMARY KEY,
  backtest_run_id UUID NOT NULL UNIQUE,
  symbol VARCHAR(20) NOT NULL,
  timeframe VARCHAR(5) NOT NULL CHECK (timeframe IN ('1m', '5m', '15m', '1h', '4h', '1d', '1w')),
  start_date DATE NOT NULL,
  end_date DATE NOT NULL,
  status VARCHAR(9) NOT NULL CHECK (status IN ('PENDING', 'RUNNING', 'COMPLETED', 'FAILED', 'CANCELLED')),
  config JSONB NOT NULL,
  equity_curve JSONB,
  trades JSONB,
  metrics JSONB,
  pattern_performance JSONB,
  monthly_returns JSONB,
  drawdown_periods JSONB,
  risk_metrics JSONB,
  campaign_performance JSONB,
  cost_summary JSONB,
  look_ahead_check BOOLEAN,
  bars_processed INTEGER,
  execution_time_seconds NUMERIC(12,6),
  error TEXT,
  started_at TIMESTAMPTZ,
  completed_at TIMESTAMPTZ,
  trace_id CHAR(32) CHECK (trace_id ~ '^[0-9a-f]{32}$' AND trace_id !~ '^0+$'),
  span_id CHAR(16) CHECK (span_id ~ '^[0-9a-f]{16}$' AND span_id !~ '^0+$'),
  created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  updated_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  CONSTRAINT backtest_results_dates CHECK (end_date > start_date),
  CONSTRAINT backtest_results_completed CHECK (status <> 'COMPLETED' OR metrics IS NOT NULL),
  CONSTRAINT backtest_results_failed CHECK (status <> 'FAILED' OR error IS NOT NULL),
  CONSTRAINT backtest_results_trace CHECK ((trace_id IS NULL) = (span_id IS NULL))
);

CREATE TABLE notifications (
  id UUID PRIMARY KEY,
  user_id VARCHAR(64) NOT NULL DEFAULT 'local',
  notification_type VARCHAR(20) NOT NULL CHECK (
    notification_type IN ('signal_generated', 'risk_warning', 'emergency_exit', 'system_error')
  ),
  priority VARCHAR(8) NOT NULL CHECK (priority IN ('info', 'warning', 'critical')),
  title VARCHAR(200) NOT NULL,
  message VARCHAR(1000) NOT NULL,
  metadata JSONB NOT NULL,
  read BOOLEAN NOT NULL DEFAULT false,
  created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

CREATE TABLE audit_logs (
  id UUID PRIMARY KEY,
  user_id VARCHAR(64) NOT NULL DEFAULT 'local',
  action_type VARCHAR(40) NOT NULL,
  timestamp TIMESTAMPTZ NOT NULL DEFAULT now(),
  entity_type VARCHAR(40) NOT NULL,
  entity_id UUID,
  details JSONB NOT NULL,
  trace_id CHAR(32) CHECK (trace_id ~ '^[0-9a-f]{32}$' AND trace_id !~ '^0+$')
);

-- Append-only: the trigger also stops the table's owner, whom REVOKE does not bind.
REVOKE UPDATE, DELETE, TRUNCATE ON audit_logs FROM PUBLIC, CURRENT_USER;
CREATE FUNCTION audit_logs_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'audit_logs is append-only';
END $$;
CREATE TRIGGER audit_logs_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_logs
  FOR EACH STATEMENT EXECUTE FUNCTION audit_logs_append_only();
