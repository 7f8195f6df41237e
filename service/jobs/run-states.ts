import type { Queryable } from '../database.ts'
import type { JobQueue } from './job-queue.ts'
import type { StoredResult } from './render-result.ts'

/**
 * The steps of a run's row, each guarded: a run that is over stays as it is, and only the newest attempt may write.
 * So a job that runs twice, because its worker was taken for dead, has one result.
 */

/** False when the run is over or a newer attempt has begun. */
export async function beginRun(
  database: Queryable,
  id: string,
  attempt: number,
  worker: string,
): Promise<boolean> {
  const begun = await database.execute({
    name: 'backtests.begin',
    text: `WITH mine AS (
        UPDATE tapescope_jobs.runs SET attempt = $2, worker = $3, bars_done = 0, bars_total = NULL
        WHERE run_id = $1 AND attempt <= $2 RETURNING run_id
      )
      UPDATE backtest_results SET status = 'RUNNING', error = NULL, started_at = now(), updated_at = now()
      FROM mine WHERE backtest_run_id = run_id AND status IN ('PENDING', 'RUNNING')`,
    values: [id, attempt, worker],
  })
  return begun === 1
}

const newest = `status = 'RUNNING' AND EXISTS (
  SELECT FROM tapescope_jobs.runs WHERE run_id = $1 AND attempt = $2)`

/** False when somebody else has ended the run. */
export async function completeRun(
  database: Queryable,
  id: string,
  attempt: number,
  result: StoredResult,
): Promise<boolean> {
  const stored = await database.execute({
    name: 'backtests.complete',
    text: `UPDATE backtest_results SET status = 'COMPLETED', completed_at = now(), updated_at = now(),
      config = $3, equity_curve = $4, trades = $5, metrics = $6, drawdown_periods = $7, risk_metrics = $8,
      cost_summary = $9, bars_processed = $10, execution_time_seconds = $11,
      trace_id = $12, span_id = $13 WHERE backtest_run_id = $1 AND ${newest}`,
    values: [
      id,
      attempt,
      result.config,
      result.equityCurve,
      result.trades,
      result.metrics,
      result.drawdownPeriods,
      result.riskMetrics,
      result.costSummary,
      result.barsProcessed,
      result.seconds,
      result.trace?.traceId ?? null,
      result.trace?.spanId ?? null,
    ],
  })
  return stored === 1
}

/** `final`: there is no attempt left, the run has failed. Else it waits for the next. */
export async function failRun(
  database: Queryable,
  id: string,
  attempt: number,
  error: string,
  final: boolean,
): Promise<void> {
  await database.execute({
    name: final ? 'backtests.fail' : 'backtests.retry',
    text: final
      ? `UPDATE backtest_results SET status = 'FAILED', error = $3, completed_at = now(), updated_at = now()
          WHERE backtest_run_id = $1 AND ${newest}`
      : `UPDATE backtest_results SET status = 'PENDING', error = $3, updated_at = now()
          WHERE backtest_run_id = $1 AND ${newest}`,
    values: [id, attempt, error],
  })
}

/** For a job that was given up by the queue: its worker died on the last attempt. */
export async function buryRun(database: Queryable, id: string): Promise<void> {
  await database.execute({
    name: 'backtests.bury',
    text: `UPDATE backtest_results SET status = 'FAILED', completed_at = now(), updated_at = now(),
        error = coalesce(error, 'Every worker that ran it died.')
      WHERE backtest_run_id = $1 AND status IN ('PENDING', 'RUNNING')`,
    values: [id],
  })
}

/** Ends those of these runs that are not over, and takes their jobs from the queue. Answers with their ids. */
export async function cancelRuns(
  database: Queryable,
  queue: Pick<JobQueue, 'cancel'>,
  ids: readonly string[],
): Promise<string[]> {
  const rows = await database.query<{ id: string }>({
    name: 'backtests.cancel',
    text: `UPDATE backtest_results SET status = 'CANCELLED', completed_at = now(), updated_at = now()
      WHERE backtest_run_id = ANY($1::UUID[]) AND status IN ('PENDING', 'RUNNING') RETURNING backtest_run_id AS id`,
    values: [ids],
  })
  const ended = rows.map(({ id }) => id)
  await queue.cancel(database, ended)
  return ended
}
