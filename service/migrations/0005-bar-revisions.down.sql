DROP TRIGGER bars_truncated ON ohlcv_bars;
DROP TRIGGER bars_deleted ON ohlcv_bars;
DROP TRIGGER bars_updated ON ohlcv_bars;
DROP TRIGGER bars_inserted ON ohlcv_bars;
DROP FUNCTION count_bar_truncate();
DROP FUNCTION count_bar_update();
DROP FUNCTION count_bar_change();
DROP TABLE tapescope_meta.bar_revisions;
