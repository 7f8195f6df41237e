-- no transaction: built without locking out writers. Each line names the query that its index serves.

-- 1. one symbol, all timeframes, time window
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_ohlcv_symbol_timestamp ON ohlcv_bars (symbol, timestamp);
-- 2. last 100 bars of a series
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_ohlcv_symbol_timeframe_timestamp ON ohlcv_bars (symbol, timeframe, timestamp);
-- 3. newest bars of all symbols (freshness)
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_ohlcv_timestamp_desc ON ohlcv_bars (timestamp DESC);
-- 4. active signals of a symbol
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_signals_symbol_status ON signals (symbol, status);
-- 5. all active signals
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_signals_status ON signals (status);
-- 6. signals of a pattern; FK
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_signals_pattern_id ON signals (pattern_id);
-- 7. signals of a campaign; FK
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_signals_campaign_id ON signals (campaign_id);
-- 8. newest signals
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_signals_generated_at_desc ON signals (generated_at DESC);
-- 9. signal history of a symbol
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_signals_symbol_generated_at ON signals (symbol, generated_at);
-- 10. a symbol's patterns of one type
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_patterns_symbol_pattern_type ON patterns (symbol, pattern_type);
-- 11. all patterns of one type
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_patterns_pattern_type ON patterns (pattern_type);
-- 12. a symbol's patterns since T
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_patterns_symbol_detection_time ON patterns (symbol, detection_time);
-- 13. newest patterns
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_patterns_detection_time_desc ON patterns (detection_time DESC);
-- 14. patterns of a range; FK
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_patterns_trading_range_id ON patterns (trading_range_id);
-- 15. a series' patterns since T
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_patterns_symbol_timeframe_detection ON patterns (symbol, timeframe, detection_time);
-- 16. a symbol's ranges, any timeframe
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_trading_ranges_symbol_start_time ON trading_ranges (symbol, start_time);
-- 17. newest ranges
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_trading_ranges_start_time_desc ON trading_ranges (start_time DESC);
-- 18. a series' ranges
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_trading_ranges_symbol_timeframe_start ON trading_ranges (symbol, timeframe, start_time);
-- 19. ranges in one phase
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_trading_ranges_phase ON trading_ranges (phase);
-- 20. oldest waiting runs (operator's list, reconciliation with the job queue)
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_backtest_results_status_pending ON backtest_results (status) WHERE status = 'PENDING';
-- 21. result pages
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_backtest_results_created_at_desc ON backtest_results (created_at DESC);
-- 22. a user's active campaigns
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_campaigns_user_id_status ON campaigns (user_id, status);
-- 23. newest campaigns
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_campaigns_created_at_desc ON campaigns (created_at DESC);
-- 24. open positions of a campaign; FK
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_positions_campaign_id_status ON positions (campaign_id, status);
-- 25. position of a signal; FK
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_positions_signal_id ON positions (signal_id);
-- 26. unread count and list
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_notifications_user_id_read ON notifications (user_id, read);
-- 27. a user's notices of one type
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_notifications_user_id_type ON notifications (user_id, notification_type);
-- 28. live range of a symbol
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_trading_ranges_symbol_status ON trading_ranges (symbol, status);
-- 29. a user's actions of one kind, newest first
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_audit_user_action_time ON audit_logs (user_id, action_type, timestamp DESC);
