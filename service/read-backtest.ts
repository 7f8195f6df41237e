import { z } from 'zod'
import type { Queryable } from './database.ts'
import { Problem } from './problem.ts'
import { timeframeSchema } from './schemas.ts'

const json = z.record(z.string(), z.unknown())

/** One run as stored, in whatever state it is. */
export const backtestResultSchema = z
  .object({
    backtest_run_id: z.string(),
    symbol: z.string(),
    timeframe: timeframeSchema,
    start_date: z.string(),
    end_date: z.string(),
    status: z.enum(['PENDING', 'RUNNING', 'COMPLETED', 'FAILED', 'CANCELLED']),
    config: json,
    metrics: json.nullable(),
    equity_curve: z
      .array(json)
      .nullable()
      .optional()
      .meta({ description: 'A point per bar; of more than 20,000 every n-th, the last among them' }),
    trades: z.array(json).nullable().optional(),
    drawdown_periods: z.array(json).nullable(),
    risk_metrics: json.nullable(),
    cost_summary: json.nullable(),
    look_ahead_check: z.boolean().nullable(),
    bars_processed: z.int().nullable(),
    execution_time_seconds: z.number().nullable(),
    error: z.string().nullable(),
    attempt: z.int().nullable().meta({ description: 'From 0; null before a worker has begun' }),
    bars_done: z.int().nullable(),
    bars_total: z.int().nullable(),
    sweep_id: z.string().nullable(),
    created_at: z.string(),
    started_at: z.string().nullable(),
    completed_at: z.string().nullable(),
    run_trace_id: z.string().nullable(),
    run_span_id: z.string().nullable(),
  })
  .meta({ id: 'BacktestResult' })

type BacktestInclude = 'equity_curve' | 'trades'

/** @throws Problem 404 for an id that no run has */
export async function readBacktest(
  database: Queryable,
  id: string,
  include: readonly BacktestInclude[] = ['equity_curve', 'trades'],
): Promise<z.input<typeof backtestResultSchema>> {
  const [row] = await database.query<z.input<typeof backtestResultSchema>>({
    name: `backtests.read${include.map((part) => `.${part}`).join('')}`,
    text: `SELECT backtest_run_id, symbol, timeframe, start_date, end_date, status, config, metrics,
        ${include.map((part) => `${part}, `).join('')}
        drawdown_periods, risk_metrics, cost_summary, look_ahead_check, bars_processed,
        execution_time_seconds, error, created_at, started_at, completed_at,
        trace_id AS run_trace_id, span_id AS run_span_id,
        nullif(attempt, -1) AS attempt, bars_done, bars_total, sweep_id
      FROM backtest_results LEFT JOIN tapescope_jobs.runs ON run_id = backtest_run_id WHERE backtest_run_id = $1`,
    values: [id],
  })
  if (row === undefined) throw new Problem(404, `No backtest ${id} is known.`)
  return row
}
