import type { Hono } from 'hono'
import { z } from 'zod'
import { backtestConfigSchema, engineConfig, strategies } from '../backtest-config.ts'
import { defineRoute } from '../define-route.ts'
import { backtestResultSchema, readBacktest } from '../read-backtest.ts'
import { acceptBacktest } from '../jobs/accept-backtest.ts'
import { cancelRuns } from '../jobs/run-states.ts'
import { waitForRun } from '../jobs/wait-for-run.ts'
import { idSchema, runStatusSchema, symbolSchema, timeframeSchema, timeLike } from '../schemas.ts'
import type { ServiceContext } from '../service-context.ts'

const dayMs = 86_400_000

const runBody = z
  .strictObject({
    symbol: symbolSchema,
    timeframe: timeframeSchema.default('1d'),
    start_date: timeLike('2010-01-01'),
    end_date: timeLike('2012-01-01'),
    strategy: z.enum(strategies),
    config: backtestConfigSchema.default({}),
  })
  .refine((body) => body.end_date - body.start_date >= dayMs, {
    path: ['end_date'],
    message: 'must be at least a day after start_date',
  })

const accepted = z.object({
  backtest_run_id: z.string(),
  status: z.enum(['PENDING', 'RUNNING', 'FAILED', 'CANCELLED']),
  created_at: z.string(),
})

const include = z
  .string()
  .default('equity_curve,trades')
  .transform((text) => text.split(',').filter((part) => part !== ''))
  .pipe(z.array(z.enum(['equity_curve', 'trades'])))

export function backtestRoutes(
  app: Hono,
  { database, queue, openStreams, maxWaiting, stopping }: ServiceContext,
): void {
  defineRoute(app, {
    method: 'post',
    path: '/api/v1/backtests/run',
    tag: 'backtests',
    summary: 'Run a backtest over stored bars',
    query: z.strictObject({ wait: z.coerce.number().int().min(1).max(60).optional() }),
    body: runBody,
    success: { 200: 'Done within `wait` seconds: the whole result', 202: 'Accepted; see Location' },
    problems: [429],
    answer: z.union([backtestResultSchema, accepted]),
    async handle({ body, query }, c) {
      const request = {
        symbol: body.symbol,
        timeframe: body.timeframe,
        startDate: body.start_date,
        endDate: body.end_date,
        config: engineConfig(body.strategy, body.config),
      }
      // Before anything is accepted: whoever may not wait should not have a run either.
      const leave = query.wait === undefined ? undefined : openStreams.enter(c)
      try {
        const { id, createdAt } = await acceptBacktest(database, queue, request, maxWaiting)
        const status =
          query.wait === undefined
            ? 'PENDING'
            : await waitForRun(
                database,
                id,
                query.wait * 1_000,
                AbortSignal.any([stopping, c.req.raw.signal]),
              )
        if (status === 'COMPLETED') return { body: await readBacktest(database, id) }
        return {
          status: 202,
          headers: { Location: `/api/v1/backtests/${id}` },
          body: { backtest_run_id: id, status, created_at: createdAt },
        }
      } finally {
        leave?.()
      }
    },
  })

  defineRoute(app, {
    method: 'get',
    path: '/api/v1/backtests/:id',
    tag: 'backtests',
    summary: 'A backtest and, once it is done, its result',
    params: z.strictObject({ id: idSchema }),
    query: z.strictObject({ include }),
    success: { 200: 'The run' },
    problems: [404],
    answer: backtestResultSchema,
    handle: async ({ params, query }) => ({ body: await readBacktest(database, params.id, query.include) }),
  })

  defineRoute(app, {
    method: 'post',
    path: '/api/v1/backtests/:id/cancel',
    tag: 'backtests',
    summary: 'Stop a backtest that waits or runs, within a second; one that is over stays as it is',
    params: z.strictObject({ id: idSchema }),
    success: { 200: 'How it ended' },
    problems: [404],
    answer: z.object({ backtest_run_id: z.string(), status: runStatusSchema }),
    async handle({ params: { id } }) {
      await cancelRuns(database, queue, [id])
      const { status } = await readBacktest(database, id, [])
      return { body: { backtest_run_id: id, status } }
    },
  })
}
