DROP TRIGGER signals_told ON signals;
DROP FUNCTION tell_signal();
