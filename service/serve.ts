import { serve as listen } from '@hono/node-server'
import { bindHistogram, type MetricsHandler } from '@tapescope/sdk'
import { traceRequests } from '@tapescope/sdk/hono'
import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { hostname } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { createAnalysisEngines } from './analysis-engines.ts'
import { createAnalysisThread } from './analysis-thread.ts'
import type { ApiKeys } from './api-keys.ts'
import { createApp } from './app.ts'
import { openJobQueue } from './jobs/job-queue.ts'
import { type JobWorker, startJobWorker } from './jobs/job-worker.ts'
import type { ThreadTelemetry } from './jobs/thread-pool.ts'
import { type Database, openDatabase, type QueryType } from './database.ts'
import { currentTraceId } from './define-route.ts'
import { createSignalGeneration } from './generate-signals.ts'
import { isLoopbackHost } from './guard.ts'
import { migrate, migrations } from './migrate.ts'
import { observeRequests } from './observe-requests.ts'
import { createOpenStreams } from './open-streams.ts'
import { portError } from './port.ts'
import { createRateLimit } from './rate-limit.ts'
import type { ServiceLimits } from './service-limits.ts'
import { createSeriesCache } from './series-cache.ts'
import { listenForSignals } from './signal-feed.ts'
import { StartError } from './start-error.ts'
import { watchData } from './watch-data.ts'

interface ServeOptions {
  databaseUrl: string
  host: string
  /** 0 takes a free one. */
  port: number
  version: string
  metrics: MetricsHandler
  /** How the threads of backtests send their spans; without it they send none. */
  telemetry?: ThreadTelemetry
  keys: ApiKeys
  limits: ServiceLimits
  /** Origins of pages that may read: the viewer's. */
  allowedOrigins: readonly string[]
  log: (line: Record<string, unknown>) => void
}

export interface Service {
  url: string
  database: Database
  /** Answers what has begun, then closes; at most `deadlineMs`. Idempotent, never rejects. */
  stop(deadlineMs?: number): Promise<void>
}

/** Statements slower than this are logged with their trace. */
const slowSeconds = 0.1

/**
 * The service: migrates the database, opens the pool and listens. Import it after telemetry has started, otherwise
 * `pg` gives no spans. @throws StartError when the port is taken
 */
export async function serve(options: ServeOptions): Promise<Service> {
  const { databaseUrl, host, port, version, metrics, keys, limits, allowedOrigins, log } = options
  if (keys.count === 0 && !isLoopbackHost(host)) {
    throw new StartError(
      `Listening on ${host} without API keys would let anybody in: set TAPESCOPE_API_KEYS, or listen on 127.0.0.1.`,
    )
  }
  await migrate(databaseUrl)
  const durations = new Map<QueryType, ReturnType<typeof bindHistogram>>()
  const database = openDatabase({
    url: databaseUrl,
    onQuery(type, seconds, statement) {
      let duration = durations.get(type)
      if (duration === undefined) {
        duration = bindHistogram('database_query_duration_seconds', { query_type: type })
        durations.set(type, duration)
      }
      duration.record(seconds)
      if (seconds > slowSeconds) {
        log({ level: 'warn', message: 'slow statement', statement, seconds, trace_id: currentTraceId() })
      }
    },
    onConnectionError: (error) =>
      log({ level: 'warn', message: 'database connection lost', error: error.message }),
  })
  const series = createSeriesCache()
  const thread = createAnalysisThread(options.telemetry ?? null)
  const generation = createSignalGeneration({
    database,
    series,
    engines: createAnalysisEngines(),
    thread,
  })
  const stopping = new AbortController()
  const queue = await openJobQueue(databaseUrl, log)
  const signalFeed = await listenForSignals(databaseUrl, log)
  let worker: JobWorker | undefined
  if (limits.concurrency > 0) {
    worker = await startJobWorker({
      database,
      series,
      queue,
      concurrency: limits.concurrency,
      runSeconds: limits.backtestSeconds,
      name: `${hostname()}:${process.pid}`,
      telemetry: options.telemetry ?? null,
      log,
    })
  }
  const watch = watchData(database, log)
  await watch.refresh()
  const app = createApp({
    observers: [traceRequests({ ended: observeRequests() })],
    uploadBytes: limits.uploadBytes,
    database,
    generation,
    queue,
    signalFeed,
    openStreams: createOpenStreams(limits.streams),
    maxWaiting: limits.backtests,
    stopping: stopping.signal,
    version,
    startedAt: performance.now(),
    guard: {
      keys,
      rateLimit: createRateLimit({ perSecond: limits.requestsPerSecond, burst: limits.burst }),
      allowedOrigins,
    },
    // While it drains it takes no more jobs: whoever balances load should look elsewhere.
    ready: { migrations: migrations.length, worker: () => !stopping.signal.aborted },
    metrics,
    log,
    signalsChanged: () => watch.refresh(),
    async barsStored(key, user) {
      await generation.refresh(key, user)
      await watch.refresh()
    },
  })

  const server = listen({
    fetch: app.fetch,
    hostname: host,
    port,
    // A client that sends its headers or its body slowly is let go; more headers than this are 431.
    serverOptions: {
      headersTimeout: limits.headerSeconds * 1_000,
      requestTimeout: limits.requestSeconds * 1_000,
      keepAliveTimeout: 5_000,
      connectionsCheckingInterval: 1_000,
      maxHeaderSize: 16_384,
    },
  }) as Server
  try {
    await once(server, 'listening')
  } catch (error) {
    await signalFeed.stop()
    await (worker?.stop(1_000) ?? queue.boss.stop({ graceful: false }))
    await database.close()
    throw portError(error as NodeJS.ErrnoException, host, port)
  }

  let stopped: Promise<void> | undefined
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${(server.address() as AddressInfo).port}`,
    database,
    stop: (deadlineMs = 3_000) => (stopped ??= stop(deadlineMs)),
  }

  async function stop(deadlineMs: number): Promise<void> {
    watch.stop()
    stopping.abort()
    void signalFeed.stop()
    const late = sleep(deadlineMs, undefined, { ref: false })
    const closed = once(server, 'close')
    const drained = worker?.stop(deadlineMs) ?? queue.boss.stop({ graceful: true, timeout: deadlineMs })
    server.close()
    server.closeIdleConnections()
    await Promise.race([Promise.all([closed, drained]), late])
    server.closeAllConnections()
    await thread.close()
    await Promise.race([database.close(), sleep(1_000, undefined, { ref: false })])
  }
}
