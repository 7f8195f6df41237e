import { SpanKind } from '@opentelemetry/api'
import { planSweep, type SweepRun, type SweepValue } from '@tapescope/engine'
import { carryContext, withLinkedSpan } from '@tapescope/sdk'
import { randomBytes } from 'node:crypto'
import { z } from 'zod'
import { engineConfig, backtestConfigSchema, strategies } from '../backtest-config.ts'
import type { Database } from '../database.ts'
import { validate } from '../define-route.ts'
import { newId } from '../entity-id.ts'
import { Problem } from '../problem.ts'
import { snakeCase } from '../snake-case.ts'
import { requireBars, requireRoom } from './accept-backtest.ts'
import type { BacktestRequest } from './backtest-request.ts'
import { type JobQueue, queueName } from './job-queue.ts'

export interface SweepRequest {
  symbols: string[]
  timeframe: BacktestRequest['timeframe']
  startDate: number
  endDate: number
  strategy: (typeof strategies)[number]
  /** As the API takes it: snake_case. What every run has. */
  config: Record<string, unknown>
  /** Lists of values by name: a field of `config` (`limits.per_trade`), or `strategy`. */
  parameters: Record<string, SweepValue[]>
  metric: string
}

/** Runs of one sweep: as many as are accepted in one transaction within the time limit of a statement. */
const maxRuns = 5_000

/**
 * Plans a sweep and queues all its runs, or none. The sweep's span begins a trace of its own, linked to the request; each
 * run will link to both. @throws Problem 422 when a combination is no valid configuration or a symbol has no bars
 */
export async function acceptSweep(
  database: Database,
  queue: JobQueue,
  request: SweepRequest,
  user: string,
  limit: number,
): Promise<{ id: string; runs: number; createdAt: string }> {
  checkValues(request)
  const plan = planRuns(request)
  const prepared = plan.map((run) => ({ run, request: runRequest(request, run) }))
  for (const symbol of request.symbols) await requireBars(database, { ...request, symbol })
  await requireRoom(database, limit, plan.length)
  const now = Date.now()
  const id = newId(now, randomBytes(16))
  const requested = carryContext()
  return withLinkedSpan(
    'sweep',
    requested,
    async (span) => {
      const carriers = [requested, carryContext()]
      const jobs = prepared.map(({ run, request: one }) => ({
        run,
        data: {
          runId: newId(now, randomBytes(16)),
          request: one,
          carriers,
          sweepId: id,
          metricsOnly: true,
        },
        priority: 0,
      }))
      return database.transaction(async (transaction) => {
        const [row] = await transaction.query<{ created_at: string }>({
          name: 'sweeps.accept',
          text: `INSERT INTO tapescope_jobs.sweeps (id, user_id, request, metric, runs, trace_id)
            VALUES ($1, $2, $3, $4, $5, $6) RETURNING created_at`,
          values: [
            id,
            user,
            JSON.stringify(snakeCase(request)),
            request.metric,
            plan.length,
            span.isRecording() ? span.spanContext().traceId : null,
          ],
        })
        await transaction.execute({
          name: 'sweeps.runs',
          text: `WITH run AS (
              SELECT * FROM unnest($1::UUID[], $2::TEXT[], $3::TEXT[], $4::INT[], $5::TEXT[])
                AS run (id, symbol, config, position, parameters)
            ), stored AS (
              INSERT INTO backtest_results
                (id, backtest_run_id, symbol, timeframe, start_date, end_date, status, config)
              SELECT id, id, symbol, $6, to_timestamp($7::FLOAT8 / 1000) AT TIME ZONE 'UTC',
                to_timestamp($8::FLOAT8 / 1000) AT TIME ZONE 'UTC', 'PENDING', config::JSONB FROM run
            )
            INSERT INTO tapescope_jobs.runs (run_id, sweep_id, sweep_index, parameters)
            SELECT id, $9, position, parameters::JSONB FROM run`,
          values: [
            jobs.map(({ data }) => data.runId),
            jobs.map(({ data }) => data.request.symbol),
            jobs.map(({ data }) => JSON.stringify(snakeCase(data.request.config))),
            jobs.map(({ run }) => run.index),
            jobs.map(({ run }) => JSON.stringify(run.parameters)),
            request.timeframe,
            request.startDate,
            request.endDate,
            id,
          ],
        })
        await queue.send(transaction, jobs)
        return { id, runs: plan.length, createdAt: row.created_at }
      })
    },
    {
      kind: SpanKind.PRODUCER,
      attributes: {
        'messaging.system': 'pg-boss',
        'messaging.destination.name': queueName,
        'messaging.operation.type': 'send',
        'messaging.batch.message_count': plan.length,
        'tapescope.sweep.id': id,
        'tapescope.sweep.runs': plan.length,
      },
    },
  )
}

/** Symbols are a list of the plan like any other. */
export function planRuns({ symbols, parameters }: Pick<SweepRequest, 'symbols' | 'parameters'>): SweepRun[] {
  try {
    const lists = { ...parameters, symbol: symbols }
    const count = Object.values(lists).reduce((product, { length }) => product * length, 1)
    if (count > maxRuns) {
      throw new Problem(422, `These lists make ${count} runs; a sweep has at most ${maxRuns}.`)
    }
    return planSweep(lists)
  } catch (error) {
    if (error instanceof Problem) throw error
    throw new Problem(422, (error as Error).message, { cause: error })
  }
}

/** Names the value in its list that no run could have. @throws Problem 422 */
function checkValues({ parameters, config }: SweepRequest): void {
  for (const [name, values] of Object.entries(parameters)) {
    for (const [i, value] of values.entries()) {
      const { error } =
        name === 'strategy'
          ? z.enum(strategies).safeParse(value)
          : backtestConfigSchema.safeParse(withFields(config, { [name]: value }))
      if (error === undefined) continue
      const path = `/parameters/${name}/${i}`
      const [{ message }] = error.issues
      throw new Problem(422, `${path}: ${message}`, { errors: [{ path, message }] })
    }
  }
}

function withFields(
  config: SweepRequest['config'],
  fields: Record<string, SweepValue>,
): Record<string, unknown> {
  const changed = structuredClone(config)
  for (const [path, value] of Object.entries(fields)) {
    const [first, second] = path.split('.')
    if (second === undefined) changed[first] = value
    else changed[first] = { ...(changed[first] as object), [second]: value }
  }
  return changed
}

function runRequest(sweep: SweepRequest, { parameters }: SweepRun): BacktestRequest {
  const { symbol, strategy = sweep.strategy, ...fields } = parameters
  return {
    symbol: symbol as string,
    timeframe: sweep.timeframe,
    startDate: sweep.startDate,
    endDate: sweep.endDate,
    config: engineConfig(
      strategy as SweepRequest['strategy'],
      validate(backtestConfigSchema, withFields(sweep.config, fields), '/'),
    ),
  }
}
