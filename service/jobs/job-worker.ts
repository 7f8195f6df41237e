import { trace } from '@opentelemetry/api'
import type { JobWithMetadata } from 'pg-boss'
import { bindCounter, bindHistogram, carryContext, withLinkedSpan } from '@tapescope/sdk'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Database, DatabaseUnavailable } from '../database.ts'
import { type BacktestJob, deadQueueName, type JobQueue, queueName } from './job-queue.ts'
import { beginRun, buryRun, completeRun, failRun } from './run-states.ts'
import type { SeriesCache } from '../series-cache.ts'
import { createBarShelf } from './bar-shelf.ts'
import { createThreadPool, type ThreadTelemetry } from './thread-pool.ts'
import { type RunWatch, watchRuns } from './watch-runs.ts'

interface JobWorkerOptions {
  database: Database
  series: SeriesCache
  queue: JobQueue
  /** Runs at once, each in a thread. */
  concurrency: number
  /** A run that takes longer is stopped and counts as failed. */
  runSeconds: number
  /** Who this is, in `tapescope_jobs.runs`. */
  name: string
  telemetry: ThreadTelemetry | null
  log: (line: Record<string, unknown>) => void
}

export interface JobWorker {
  running(): number
  /** Takes no more jobs and waits for those that run, at most `deadlineMs`; the rest goes back to the queue. */
  stop(deadlineMs: number): Promise<void>
}

/** Takes backtests from the queue and runs them in threads. */
export async function startJobWorker(options: JobWorkerOptions): Promise<JobWorker> {
  const { database, queue, concurrency, log } = options
  const pool = createThreadPool(options.telemetry)
  const shelf = createBarShelf(options.series)
  const watch = watchRuns(database, log)
  // Shown from the start, at 0.
  const retries = bindCounter('job_retries_total', {})
  const waits = bindHistogram('job_wait_seconds', {})
  void pool
    .warm()
    .catch((error: unknown) => log({ level: 'error', message: 'no thread', error: String(error) }))

  await queue.boss.work<BacktestJob, void>(deadQueueName, { pollingIntervalSeconds: 2 }, ([job]) =>
    buryRun(database, job.data.runId),
  )
  // One worker of the library per place, so that each can be told to look again as soon as its run is over: the library
  // itself would wait for its next poll.
  const ids: string[] = []
  for (let place = 0; place < concurrency; place++) {
    ids[place] = await queue.boss.work<BacktestJob>(
      queueName,
      {
        includeMetadata: true,
        pollingIntervalSeconds: 0.5,
        notifyPollingIntervalSeconds: 1,
        heartbeatRefreshSeconds: 3,
      },
      async ([job]) => {
        try {
          // Typed so by the library only where the options are literals.
          await work(job as JobWithMetadata<BacktestJob>)
        } finally {
          queue.boss.notifyWorker(ids[place])
        }
      },
    )
  }

  async function work(job: JobWithMetadata<BacktestJob>): Promise<void> {
    const { id, data, retryCount: attempt } = job
    await withLinkedSpan(
      `process ${queueName}`,
      data.carriers,
      async (span) => {
        waits.recordInSpan(waited(job), span)
        if (attempt > 0) retries.add()
        const begun = await patiently(() => beginRun(database, id, attempt, options.name), job.signal)
        if (!begun) {
          span.setAttribute('tapescope.status', 'skipped')
          return
        }
        const watched = watch.add(id)
        try {
          await run(job, watched)
        } catch (error) {
          if (watched.ended) {
            // The run was cancelled, or somebody else has it: nothing is to be stored or tried again.
            span.setAttribute('tapescope.status', 'cancelled')
            return
          }
          const final = attempt >= job.retryLimit || isHopeless(error)
          const text = error instanceof Error ? error.message : String(error)
          log({
            level: final ? 'error' : 'warn',
            message: final ? 'backtest failed' : 'backtest will be tried again',
            backtest_run_id: id,
            attempt,
            error: text,
            trace_id: trace.getActiveSpan()?.spanContext().traceId,
          })
          await patiently(() => failRun(database, id, attempt, text, final), job.signal)
          // For the queue the job of a hopeless run is done: another attempt would end in the same way.
          if (isHopeless(error)) span.setAttribute('tapescope.status', 'failed')
          else throw error
        } finally {
          watch.remove(id)
        }
      },
      {
        attributes: {
          'messaging.system': 'pg-boss',
          'messaging.destination.name': queueName,
          'messaging.operation.type': 'process',
          'messaging.message.id': id,
          'tapescope.job.attempt': attempt,
          ...(data.sweepId !== undefined && { 'tapescope.sweep.id': data.sweepId }),
        },
      },
    )
  }

  async function run(job: JobWithMetadata<BacktestJob>, watched: RunWatch): Promise<void> {
    const { request, sweepId, metricsOnly = false } = job.data
    const limit = AbortSignal.timeout(options.runSeconds * 1_000)
    const signal = AbortSignal.any([watched.signal, job.signal, limit])
    try {
      const bars = await unlessAborted(
        patiently(() => shelf.get(database, request, sweepId ?? job.id), signal),
        signal,
      )
      const { startDate, endDate, config } = request
      const result = await pool.run({
        bars,
        config: { ...config, startDate, endDate },
        metricsOnly,
        context: carryContext(),
        control: watched.control,
        signal,
      })
      await patiently(() => completeRun(database, job.id, job.retryCount, result), signal)
    } catch (error) {
      if (limit.aborted) throw new Error(`took longer than ${options.runSeconds} s`, { cause: error })
      throw error
    }
  }

  return {
    running: () => watch.size(),
    async stop(deadlineMs) {
      await queue.boss.stop({ graceful: true, timeout: deadlineMs })
      watch.stop()
      await pool.close()
    },
  }
}

/** Seconds from when the job could have run; both times are the database's. */
function waited({ createdOn, startAfter, startedOn }: JobWithMetadata<BacktestJob>): number {
  return Math.max(0, startedOn.getTime() - Math.max(createdOn.getTime(), startAfter.getTime())) / 1e3
}

/** Nobody waits for bars that nobody wants any more; another run of the sweep may still. */
async function unlessAborted<Result>(work: Promise<Result>, signal: AbortSignal): Promise<Result> {
  signal.throwIfAborted()
  const { promise, reject } = Promise.withResolvers<never>()
  const onAbort = () => reject(signal.reason as Error)
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    return await Promise.race([work, promise])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

/** What the same run would throw again. */
function isHopeless(error: unknown): boolean {
  return error instanceof Error && (error.name === 'BacktestError' || error.name === 'EngineError')
}

/** Tries again while the database is away, as long as a restart may take: a run is too dear to be thrown away. */
async function patiently<Result>(work: () => Promise<Result>, signal: AbortSignal): Promise<Result> {
  for (let waited = 0; ;) {
    try {
      return await work()
    } catch (error) {
      if (!(error instanceof DatabaseUnavailable) || waited > 60_000) throw error
      const pause = Math.min(2_000, 100 + waited)
      waited += pause
      await sleep(pause, undefined, { signal })
    }
  }
}
