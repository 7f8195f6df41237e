-- Whoever stores a signal, in whatever process: every service hears of it when it is committed.
CREATE FUNCTION tell_signal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('tapescope_signals', json_build_object(
    'id', NEW.id, 'symbol', NEW.symbol, 'timeframe', NEW.timeframe, 'pattern_type', NEW.signal_type,
    'side', NEW.side, 'phase', NEW.phase, 'entry_price', NEW.entry_price, 'stop_loss', NEW.stop_loss,
    'confidence_score', NEW.confidence_score)::TEXT);
  RETURN NULL;
END $$;
CREATE TRIGGER signals_told AFTER INSERT ON signals FOR EACH ROW EXECUTE FUNCTION tell_signal();
