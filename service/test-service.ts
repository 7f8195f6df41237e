import type { Hono } from 'hono'
import { createAnalysisEngines } from './analysis-engines.ts'
import { createAnalysisThread } from './analysis-thread.ts'
import { readApiKeys } from './api-keys.ts'
import { createApp } from './app.ts'
import { openJobQueue } from './jobs/job-queue.ts'
import { startJobWorker } from './jobs/job-worker.ts'
import { type Database, openDatabase } from './database.ts'
import type { EmbeddedPostgres } from './embedded-postgres.ts'
import { createSignalGeneration } from './generate-signals.ts'
import { migrate, migrations } from './migrate.ts'
import { createOpenStreams } from './open-streams.ts'
import { createRateLimit } from './rate-limit.ts'
import { listenForSignals } from './signal-feed.ts'
import { createSeriesCache } from './series-cache.ts'
import { startTemporaryPostgres } from './temporary-postgres.ts'

export type Json = Record<string, unknown>

export interface TestService {
  app: Hono
  database: Database
  postgres: EmbeddedPostgres
  /** What the operator would have read. */
  logged: Record<string, unknown>[]
  /** A request with a JSON body, or one that is text already, and its JSON answer. */
  call: (
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ) => Promise<{ status: number; headers: Headers; body: Json }>
  stop(): Promise<void>
}

interface TestServiceOptions {
  /** As in TAPESCOPE_API_KEYS. */
  keys?: string
  maxConnections?: number
  postgres?: EmbeddedPostgres
  /** Backtests at once; 0 leaves them to workers elsewhere. */
  concurrency?: number
  maxWaiting?: number
  /** Streams and waits that a client may have open. */
  maxStreams?: number
}

/** The whole application on a PostgreSQL of its own, without a socket and without telemetry: for tests. */
export async function startTestService(options: TestServiceOptions = {}): Promise<TestService> {
  const postgres = options.postgres ?? (await startTemporaryPostgres())
  await migrate(postgres.url)
  const { maxConnections } = options
  const database = openDatabase({
    url: postgres.url,
    ...(maxConnections !== undefined && { maxConnections }),
  })
  const series = createSeriesCache()
  const thread = createAnalysisThread(null)
  const generation = createSignalGeneration({ database, series, engines: createAnalysisEngines(), thread })
  const logged: Record<string, unknown>[] = []
  const log = (line: Record<string, unknown>) => logged.push(line)
  const queue = await openJobQueue(postgres.url, log)
  const concurrency = options.concurrency ?? 2
  const worker =
    concurrency === 0
      ? undefined
      : await startJobWorker({
          database,
          series,
          queue,
          concurrency,
          runSeconds: 60,
          name: 'test',
          telemetry: null,
          log,
        })
  const stopping = new AbortController()
  const signalFeed = await listenForSignals(postgres.url, log)
  const app = createApp({
    observers: [],
    uploadBytes: 1_000_000,
    database,
    generation,
    queue,
    signalFeed,
    openStreams: createOpenStreams(options.maxStreams ?? 100),
    maxWaiting: options.maxWaiting ?? 64,
    stopping: stopping.signal,
    version: '0.0.0',
    startedAt: performance.now(),
    guard: {
      keys: readApiKeys(options.keys),
      rateLimit: createRateLimit({ perSecond: 1e6, burst: 1e6 }),
      allowedOrigins: ['http://127.0.0.1:4319'],
    },
    ready: { migrations: migrations.length, worker: () => true },
    metrics: () => new Response('# none\n', { headers: { 'content-type': 'text/plain' } }),
    log,
    signalsChanged: () => Promise.resolve(),
    barsStored: (key, user) => generation.refresh(key, user),
  })
  return {
    app,
    database,
    postgres,
    logged,
    async call(method, path, body, headers = {}) {
      const response = await app.request(path, {
        method,
        headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
        ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      })
      return { status: response.status, headers: response.headers, body: (await response.json()) as Json }
    },
    async stop() {
      stopping.abort()
      await signalFeed.stop()
      await (worker?.stop(1_000) ?? queue.boss.stop({ graceful: false }))
      await thread.close()
      await database.close()
      await postgres.stop()
    },
  }
}
