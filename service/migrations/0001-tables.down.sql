DROP TABLE audit_logs, notifications, backtest_results, positions, signals, campaigns, patterns, trading_ranges, ohlcv_bars;
DROP FUNCTION audit_logs_append_only;
