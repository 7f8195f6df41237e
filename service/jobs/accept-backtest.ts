import { randomBytes } from 'node:crypto'
import { carryContext, withSpan } from '@tapescope/sdk'
import { SpanKind } from '@opentelemetry/api'
import type { Database, Queryable } from '../database.ts'
import { newId } from '../entity-id.ts'
import { Problem } from '../problem.ts'
import { snakeCase } from '../snake-case.ts'
import type { BacktestRequest } from './backtest-request.ts'
import { type JobQueue, queueName } from './job-queue.ts'

interface AcceptedRun {
  id: string
  createdAt: string
}

/** A single run goes before the parts of sweeps. */
const singlePriority = 10

/** Accepts a run: a row that says PENDING and a job, both or neither. @throws Problem 422 when the period holds no bars */
export async function acceptBacktest(
  database: Database,
  queue: JobQueue,
  request: BacktestRequest,
  limit: number,
): Promise<AcceptedRun> {
  await requireBars(database, request)
  await requireRoom(database, limit)
  const id = newId(Date.now(), randomBytes(16))
  return withSpan(
    `send ${queueName}`,
    () =>
      database.transaction(async (transaction) => {
        const [row] = await transaction.query<{ created_at: string }>({
          name: 'backtests.accept',
          text: `INSERT INTO backtest_results (id, backtest_run_id, symbol, timeframe, start_date, end_date, status, config)
            VALUES ($1, $1, $2, $3, to_timestamp($4::FLOAT8 / 1000) AT TIME ZONE 'UTC',
              to_timestamp($5::FLOAT8 / 1000) AT TIME ZONE 'UTC', 'PENDING', $6) RETURNING created_at`,
          values: [
            id,
            request.symbol,
            request.timeframe,
            request.startDate,
            request.endDate,
            JSON.stringify(snakeCase(request.config)),
          ],
        })
        await transaction.execute({
          name: 'jobs.accept',
          text: 'INSERT INTO tapescope_jobs.runs (run_id) VALUES ($1)',
          values: [id],
        })
        const data = { runId: id, request, carriers: [carryContext()] }
        await queue.send(transaction, [{ data, priority: singlePriority }])
        return { id, createdAt: row.created_at }
      }),
    {
      kind: SpanKind.PRODUCER,
      attributes: {
        'messaging.system': 'pg-boss',
        'messaging.destination.name': queueName,
        'messaging.operation.type': 'send',
        'messaging.message.id': id,
      },
    },
  )
}

/** @throws Problem 422 when the period holds no bars */
export async function requireBars(
  database: Queryable,
  request: Omit<BacktestRequest, 'config'>,
): Promise<void> {
  const [found] = await database.query<{ bars: boolean }>({
    name: 'bars.exist',
    text: `SELECT EXISTS (SELECT FROM ohlcv_bars WHERE symbol = $1 AND timeframe = $2
      AND timestamp >= to_timestamp($3::FLOAT8 / 1000) AND timestamp <= to_timestamp($4::FLOAT8 / 1000)) AS bars`,
    values: [request.symbol, request.timeframe, request.startDate, request.endDate],
  })
  if (!found.bars) {
    throw new Problem(422, `No bars of ${request.symbol} ${request.timeframe} are stored in that period.`, {
      errors: [{ path: '/start_date', message: 'no bars between start_date and end_date' }],
    })
  }
}

/** @throws Problem 429 when as many runs as allowed wait already */
export async function requireRoom(database: Queryable, limit: number, more = 1): Promise<void> {
  const [{ waiting }] = await database.query<{ waiting: number }>({
    name: 'backtests.waiting',
    text: "SELECT count(*) AS waiting FROM backtest_results WHERE status = 'PENDING'",
  })
  if (waiting + more > limit) {
    throw new Problem(429, `${waiting} backtests wait already; at most ${limit} may.`, {
      headers: { 'Retry-After': '5' },
    })
  }
}
