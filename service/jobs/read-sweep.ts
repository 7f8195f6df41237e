import { mergeSweep, type Metrics, type SweepOutcome, type SweepValue } from '@tapescope/engine'
import type { Queryable } from '../database.ts'
import { Problem } from '../problem.ts'
import { camelCase } from '../snake-case.ts'
import { planRuns, type SweepRequest } from './accept-sweep.ts'
import type { RunStatus } from './wait-for-run.ts'

interface SweepState {
  id: string
  status: 'PENDING' | 'RUNNING' | 'COMPLETED' | 'CANCELLED'
  request: Record<string, unknown>
  metric: string
  runs: number
  counts: Record<Lowercase<RunStatus>, number>
  traceId: string | null
  createdAt: string
}

interface SweepRecord {
  id: string
  request: Record<string, unknown>
  metric: string
  runs: number
  trace_id: string | null
  created_at: string
}

/** How far a sweep is. @throws Problem 404 for an id that no sweep has */
export async function readSweepState(database: Queryable, id: string): Promise<SweepState> {
  const [row] = await database.query<SweepRecord & Record<Lowercase<RunStatus>, number>>({
    name: 'sweeps.state',
    text: `SELECT sweeps.id, request, metric, runs, sweeps.trace_id, sweeps.created_at, counted.*
      FROM tapescope_jobs.sweeps, LATERAL (
        SELECT count(*) FILTER (WHERE status = 'PENDING') AS pending,
          count(*) FILTER (WHERE status = 'RUNNING') AS running,
          count(*) FILTER (WHERE status = 'COMPLETED') AS completed,
          count(*) FILTER (WHERE status = 'FAILED') AS failed,
          count(*) FILTER (WHERE status = 'CANCELLED') AS cancelled
        FROM tapescope_jobs.runs JOIN backtest_results ON backtest_run_id = run_id WHERE sweep_id = sweeps.id
      ) AS counted WHERE sweeps.id = $1`,
    values: [id],
  })
  if (row === undefined) throw new Problem(404, `No sweep ${id} is known.`)
  const { pending, running, completed, failed, cancelled } = row
  const counts = { pending, running, completed, failed, cancelled }
  const over = completed + failed + cancelled
  return {
    id,
    status:
      over === row.runs
        ? cancelled > 0
          ? 'CANCELLED'
          : 'COMPLETED'
        : over + running === 0
          ? 'PENDING'
          : 'RUNNING',
    request: row.request,
    metric: row.metric,
    runs: row.runs,
    counts,
    traceId: row.trace_id,
    createdAt: row.created_at,
  }
}

interface RunRecord {
  run_id: string
  sweep_index: number
  status: RunStatus
  metrics: Record<string, number | null> | null
  error: string | null
  worker: string | null
  trace_id: string | null
}

interface MergedSweep {
  /** The best first; at most `top`. */
  ranked: {
    backtest_run_id: string
    parameters: Record<string, SweepValue>
    value: number
    total_trades: number
    run_trace_id: string | null
  }[]
  parts: RunRecord[]
}

/** The runs of a sweep put together as far as they are done: the engine's merge over what the rows hold. */
export async function mergeStoredSweep(
  database: Queryable,
  { id, request, metric }: SweepState,
  top: number,
): Promise<MergedSweep> {
  const parts = await database.query<RunRecord>({
    name: 'sweeps.parts',
    text: `SELECT run_id, sweep_index, status, metrics, error, worker, trace_id
      FROM tapescope_jobs.runs JOIN backtest_results ON backtest_run_id = run_id
      WHERE sweep_id = $1 ORDER BY sweep_index`,
    values: [id],
  })
  // Planned again from what was asked: the plan is pure, so it is the same.
  const plan = planRuns(request as Pick<SweepRequest, 'symbols' | 'parameters'>)
  const outcomes = parts.flatMap(({ sweep_index, status, metrics, error }): SweepOutcome[] => {
    const { key } = plan[sweep_index]
    if (status === 'COMPLETED') return [{ key, metrics: camelCase(metrics) as Metrics }]
    return status === 'FAILED' ? [{ key, error: error ?? 'failed' }] : []
  })
  const [name] = Object.keys(camelCase({ [metric]: 0 }) as object) as (keyof Metrics)[]
  const merged = mergeSweep(plan, outcomes, name)
  return {
    ranked: merged.ranked.slice(0, top).map(({ index, parameters, metrics }) => ({
      backtest_run_id: parts[index].run_id,
      parameters,
      value: metrics![name]!,
      total_trades: metrics!.totalTrades,
      run_trace_id: parts[index].trace_id,
    })),
    parts,
  }
}
