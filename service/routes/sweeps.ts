import type { Hono } from 'hono'
import { z } from 'zod'
import { backtestConfigSchema, strategies } from '../backtest-config.ts'
import { defineRoute } from '../define-route.ts'
import { acceptSweep } from '../jobs/accept-sweep.ts'
import { mergeStoredSweep, readSweepState } from '../jobs/read-sweep.ts'
import { cancelRuns } from '../jobs/run-states.ts'
import {
  idSchema,
  runStatusSchema,
  symbolSchema,
  timeframeSchema,
  timeLike,
  traceIdSchema,
} from '../schemas.ts'
import type { ServiceContext } from '../service-context.ts'

/** The metrics by which runs can be ranked, the highest first. */
const metrics = [
  'total_return',
  'cagr',
  'sharpe',
  'sortino',
  'calmar',
  'win_rate',
  'profit_factor',
  'average_r',
  'expectancy_r',
  'total_pnl',
  'final_equity',
  'total_trades',
] as const

const value = z.union([z.string().max(64), z.number(), z.boolean(), z.null()])
const sweepBody = z
  .strictObject({
    symbols: z.array(symbolSchema).min(1).max(1_000),
    timeframe: timeframeSchema.default('1d'),
    start_date: timeLike('2010-01-01'),
    end_date: timeLike('2012-01-01'),
    strategy: z.enum(strategies),
    config: backtestConfigSchema.default({}),
    parameters: z
      .record(z.string().regex(/^[a-z_]{1,40}(\.[a-z_]{1,40})?$/), z.array(value).min(1).max(1_000))
      .default({})
      .meta({
        examples: [{ position_frac: [0.1, 0.2], 'limits.per_trade': [0.01, 0.02] }],
        description: 'Lists of values by field of `config`, or `strategy`; every combination is a run',
      }),
    metric: z.enum(metrics).default('sharpe'),
  })
  .refine((body) => body.end_date - body.start_date >= 86_400_000, {
    path: ['end_date'],
    message: 'must be at least a day after start_date',
  })

const counts = z.object({
  pending: z.int(),
  running: z.int(),
  completed: z.int(),
  failed: z.int(),
  cancelled: z.int(),
})
const parameters = z.record(z.string(), value)
const sweepResult = z.object({
  sweep_id: idSchema,
  status: z.enum(['PENDING', 'RUNNING', 'COMPLETED', 'CANCELLED']),
  metric: z.enum(metrics),
  runs: z.int(),
  counts,
  created_at: z.string(),
  sweep_trace_id: traceIdSchema,
  ranked: z
    .array(
      z.object({
        backtest_run_id: idSchema,
        parameters,
        value: z.number(),
        total_trades: z.int(),
        run_trace_id: traceIdSchema,
      }),
    )
    .meta({ description: 'The best first, of the runs that are done' }),
  parts: z
    .array(
      z.object({
        backtest_run_id: idSchema,
        status: runStatusSchema,
        error: z.string().nullable(),
        worker: z.string().nullable(),
        run_trace_id: traceIdSchema,
      }),
    )
    .meta({ description: 'All runs in the order of the plan' }),
})

export function sweepRoutes(app: Hono, { database, queue, maxWaiting }: ServiceContext): void {
  defineRoute(app, {
    method: 'post',
    path: '/api/v1/sweeps',
    tag: 'backtests',
    summary: 'Run a backtest for every combination of symbols and parameters, on all workers',
    body: sweepBody,
    success: { 202: 'All its runs are queued; see Location' },
    problems: [429],
    answer: z.object({
      sweep_id: idSchema,
      status: z.literal('PENDING'),
      runs: z.int(),
      created_at: z.string(),
    }),
    async handle({ body, user }) {
      const { start_date: startDate, end_date: endDate, ...rest } = body
      const { id, runs, createdAt } = await acceptSweep(
        database,
        queue,
        { ...rest, startDate, endDate },
        user,
        maxWaiting,
      )
      return {
        status: 202,
        headers: { Location: `/api/v1/sweeps/${id}` },
        body: { sweep_id: id, status: 'PENDING' as const, runs, created_at: createdAt },
      }
    },
  })

  defineRoute(app, {
    method: 'get',
    path: '/api/v1/sweeps/:id',
    tag: 'backtests',
    summary: 'A sweep: how far it is, its runs, and the best of those that are done',
    params: z.strictObject({ id: idSchema }),
    query: z.strictObject({ top: z.coerce.number().int().min(1).max(5_000).default(20) }),
    success: { 200: 'The sweep' },
    problems: [404],
    answer: sweepResult,
    async handle({ params: { id }, query: { top } }) {
      const state = await readSweepState(database, id)
      const { ranked, parts } = await mergeStoredSweep(database, state, top)
      return {
        body: {
          sweep_id: id,
          status: state.status,
          metric: state.metric as (typeof metrics)[number],
          runs: state.runs,
          counts: state.counts,
          created_at: state.createdAt,
          sweep_trace_id: state.traceId,
          ranked,
          parts: parts.map(({ run_id, status, error, worker, trace_id }) => ({
            backtest_run_id: run_id,
            status,
            error,
            worker,
            run_trace_id: trace_id,
          })),
        },
      }
    },
  })

  defineRoute(app, {
    method: 'post',
    path: '/api/v1/sweeps/:id/cancel',
    tag: 'backtests',
    summary: 'Stop what waits or runs of a sweep, within a second; what is done stays',
    params: z.strictObject({ id: idSchema }),
    success: { 200: 'How it ended' },
    problems: [404],
    answer: z.object({ sweep_id: idSchema, status: sweepResult.shape.status, counts }),
    async handle({ params: { id } }) {
      await readSweepState(database, id)
      const parts = await database.query<{ run_id: string }>({
        name: 'sweeps.ids',
        text: 'SELECT run_id FROM tapescope_jobs.runs WHERE sweep_id = $1',
        values: [id],
      })
      await cancelRuns(
        database,
        queue,
        parts.map((part) => part.run_id),
      )
      const { status, counts } = await readSweepState(database, id)
      return { body: { sweep_id: id, status, counts } }
    },
  })
}
