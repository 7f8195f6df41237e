-- What a job needs beside its row in backtest_results. The queue itself lies in pg-boss's own schema.
CREATE SCHEMA tapescope_jobs;

CREATE TABLE tapescope_jobs.sweeps (
  id UUID PRIMARY KEY,
  user_id VARCHAR(64) NOT NULL,
  request JSONB NOT NULL,
  metric TEXT NOT NULL,
  runs INTEGER NOT NULL CHECK (runs > 0),
  trace_id CHAR(32),
  created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

CREATE TABLE tapescope_jobs.runs (
  run_id UUID PRIMARY KEY REFERENCES public.backtest_results (backtest_run_id) ON DELETE CASCADE,
  sweep_id UUID REFERENCES tapescope_jobs.sweeps (id) ON DELETE CASCADE,
  -- Position in the plan of the sweep.
  sweep_index INTEGER,
  parameters JSONB,
  -- Only the newest attempt may store a result.
  attempt INTEGER NOT NULL DEFAULT -1,
  worker TEXT,
  bars_done INTEGER NOT NULL DEFAULT 0,
  bars_total INTEGER,
  UNIQUE (sweep_id, sweep_index)
);
