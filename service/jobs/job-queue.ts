import { PgBoss } from 'pg-boss'
import { type ContextCarrier, replaceGauges } from '@tapescope/sdk'
import type { Queryable, Transaction } from '../database.ts'
import type { BacktestRequest } from './backtest-request.ts'

/** What a job carries: all that another machine needs besides the bars, which it reads from the database. */
export interface BacktestJob {
  /** That of the job too; in the queue of the dead, whose jobs have ids of their own, it is only here. */
  runId: string
  request: BacktestRequest
  /** Trace contexts of the request and, for a part of a sweep, of the sweep. */
  carriers: ContextCarrier[]
  sweepId?: string
  /** Keep metrics alone: a sweep of thousands would fill the disk with curves that nobody reads. */
  metricsOnly?: boolean
}

/** A job to send. */
interface NewJob {
  data: BacktestJob
  /** Higher goes first: a single run that somebody waits for passes the parts of a sweep. */
  priority: number
}

export const queueName = 'backtests'
/** Where jobs go whose worker died on the last attempt, too. */
export const deadQueueName = 'backtests_dead'

const retryLimit = 3
/** A worker that is silent this long is taken for dead, and its job runs elsewhere. */
const heartbeatSeconds = 10

export interface JobQueue {
  readonly boss: PgBoss
  /** Within the caller's transaction, so that a run is accepted and queued, or neither. */
  send(transaction: Transaction, jobs: readonly NewJob[]): Promise<void>
  /** Waits and runs no more. Runs that are under way are stopped by their worker. */
  cancel(database: Queryable, ids: readonly string[]): Promise<void>
}

/** The queue on the service's own PostgreSQL; makes its schema when it is not there. */
export async function openJobQueue(
  url: string,
  log: (line: Record<string, unknown>) => void,
): Promise<JobQueue> {
  const boss = new PgBoss({
    connectionString: url,
    schema: 'pgboss',
    application_name: 'tapescope-jobs',
    max: 4,
    connectionTimeoutMillis: 3_000,
    useListenNotify: true,
    schedule: false,
    superviseIntervalSeconds: 1,
    monitorIntervalSeconds: 1,
    // Its spans would continue the request's trace: one of thousands of parts. Ours link to it instead.
    openTelemetry: { enabled: false },
  })
  boss.on('error', (error) => log({ level: 'warn', message: 'job queue', error: error.message }))
  boss.on('warning', ({ message }) => log({ level: 'warn', message: 'job queue', warning: message }))
  await boss.start()
  await boss.createQueue(deadQueueName, { retryLimit: 20, retryDelay: 1, retryBackoff: true, notify: true })
  await boss.createQueue(queueName, {
    retryLimit,
    retryDelay: 1,
    retryBackoff: true,
    retryDelayMax: 60,
    heartbeatSeconds,
    expireInSeconds: 23 * 3_600,
    deadLetter: deadQueueName,
    notify: true,
  })
  const timer = setInterval(() => void showDepth(boss), 5_000)
  timer.unref()
  boss.once('stopped', () => clearInterval(timer))
  await showDepth(boss)
  return {
    boss,
    async send(transaction, jobs) {
      await boss.insert(
        queueName,
        jobs.map(({ data, priority }) => ({ id: data.runId, data, priority, heartbeatSeconds })),
        { db: throughOurs(transaction, 'jobs.send') },
      )
    },
    async cancel(database, ids) {
      if (ids.length > 0) {
        await boss.cancel(queueName, [...ids], { db: throughOurs(database, 'jobs.cancel') })
      }
    },
  }
}

/** The library's own connections know no time limit, and no transaction of ours. */
function throughOurs(database: Queryable, name: string) {
  return {
    executeSql: async (text: string, values: unknown[] = []) => ({
      rows: await database.query({ name, text, values }),
    }),
  }
}

/** The counts that pg-boss's own monitor keeps, at most a few seconds old. While the database is away the last stay. */
async function showDepth(boss: PgBoss): Promise<void> {
  const queue = await boss.getQueue(queueName).catch(() => null)
  if (queue === null) return
  replaceGauges('job_queue_depth', [
    [{ job_state: 'waiting' }, queue.readyCount],
    [{ job_state: 'deferred' }, queue.deferredCount],
    [{ job_state: 'running' }, queue.activeCount],
    [{ job_state: 'failed' }, queue.failedCount],
  ])
}
