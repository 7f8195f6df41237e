-- A number per series that grows with every change of its bars, whoever makes it: bars that a process keeps in memory
-- are good as long as their number is the newest. A series without a row has the number 0.
CREATE TABLE tapescope_meta.bar_revisions (
  symbol VARCHAR(20) NOT NULL,
  timeframe VARCHAR(5) NOT NULL,
  revision BIGINT NOT NULL,
  PRIMARY KEY (symbol, timeframe)
);
INSERT INTO tapescope_meta.bar_revisions SELECT DISTINCT symbol, timeframe, 1 FROM ohlcv_bars;

CREATE FUNCTION count_bar_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO tapescope_meta.bar_revisions AS known (symbol, timeframe, revision)
    SELECT DISTINCT symbol, timeframe, 1 FROM changed ORDER BY symbol, timeframe
    ON CONFLICT (symbol, timeframe) DO UPDATE SET revision = known.revision + 1;
  RETURN NULL;
END $$;

-- An UPDATE may move a bar to another series: both have changed.
CREATE FUNCTION count_bar_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO tapescope_meta.bar_revisions AS known (symbol, timeframe, revision)
    SELECT symbol, timeframe, 1 FROM (SELECT symbol, timeframe FROM before UNION SELECT symbol, timeframe FROM after)
    AS changed ORDER BY symbol, timeframe
    ON CONFLICT (symbol, timeframe) DO UPDATE SET revision = known.revision + 1;
  RETURN NULL;
END $$;

CREATE FUNCTION count_bar_truncate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE tapescope_meta.bar_revisions SET revision = revision + 1;
  RETURN NULL;
END $$;

CREATE TRIGGER bars_inserted AFTER INSERT ON ohlcv_bars REFERENCING NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION count_bar_change();
CREATE TRIGGER bars_updated AFTER UPDATE ON ohlcv_bars REFERENCING OLD TABLE AS before NEW TABLE AS after
  FOR EACH STATEMENT EXECUTE FUNCTION count_bar_update();
CREATE TRIGGER bars_deleted AFTER DELETE ON ohlcv_bars REFERENCING OLD TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION count_bar_change();
CREATE TRIGGER bars_truncated AFTER TRUNCATE ON ohlcv_bars
  FOR EACH STATEMENT EXECUTE FUNCTION count_bar_truncate();
