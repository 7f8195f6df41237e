// The service in a process of its own, for `cases/request.ts`: `service-process.ts bare`, `instrumented` or `plain`, with
// DATABASE_URL. It tells its port, and on each message the CPU time that it has used; it ends with its parent.
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'

const databaseUrl = process.env['DATABASE_URL']!
process.on('disconnect', () => process.exit(0))

interface Running {
  port: number
  flush: () => Promise<unknown>
}

/** As `npm start` runs it: spans of requests, runs and statements sent to OTLP, metrics kept. */
async function instrumented(): Promise<Running> {
  const { startTelemetry } = await import('@tapescope/sdk')
  const telemetry = await startTelemetry({ serviceName: 'tapescope-bench' })
  const { serve } = await import('../service/serve.ts')
  const { readApiKeys } = await import('../service/api-keys.ts')
  const { url } = await serve({
    databaseUrl,
    host: '127.0.0.1',
    port: 0,
    version: '0.0.0',
    metrics: telemetry.metricsHandler,
    keys: readApiKeys(undefined),
    limits: { ...(await unlimited()) },
    allowedOrigins: [],
    log: () => undefined,
  })
  return { port: Number(new URL(url).port), flush: () => telemetry.flush() }
}

/**
 * What OpenTelemetry's own packages record of the same service: a span for each request and each statement, sent in
 * batches; nothing of engines and runs, no metrics.
 */
async function plain(): Promise<Running> {
  const { context, trace } = await import('@opentelemetry/api')
  const { AsyncLocalStorageContextManager } = await import('@opentelemetry/context-async-hooks')
  const { OTLPTraceExporter } = await import('@opentelemetry/exporter-trace-otlp-proto')
  const { registerInstrumentations } = await import('@opentelemetry/instrumentation')
  const { HttpInstrumentation } = await import('@opentelemetry/instrumentation-http')
  const { PgInstrumentation } = await import('@opentelemetry/instrumentation-pg')
  const { BatchSpanProcessor, TracerProvider } = await import('@opentelemetry/sdk-trace')
  const tracerProvider = new TracerProvider({
    spanProcessors: [new BatchSpanProcessor({ exporter: new OTLPTraceExporter() })],
  })
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  trace.setGlobalTracerProvider(tracerProvider)
  registerInstrumentations({
    tracerProvider,
    instrumentations: [
      new HttpInstrumentation(),
      new PgInstrumentation({ ignoreConnectSpans: true, requireParentSpan: true }),
    ],
  })
  // Wraps the prototypes, which ES modules share.
  createRequire(import.meta.url)('node:http')
  const { port } = await bare()
  return { port, flush: () => tracerProvider.forceFlush() }
}

/** The same routes, engines and pool, and nothing that watches them. */
async function bare(): Promise<Running> {
  const { serve: listen } = await import('@hono/node-server')
  const { createSignalEngine } = await import('@tapescope/engine')
  const { createApp } = await import('../service/app.ts')
  const { readApiKeys } = await import('../service/api-keys.ts')
  const { openJobQueue } = await import('../service/jobs/job-queue.ts')
  const { listenForSignals } = await import('../service/signal-feed.ts')
  const { startJobWorker } = await import('../service/jobs/job-worker.ts')
  const { createOpenStreams } = await import('../service/open-streams.ts')
  const { openDatabase } = await import('../service/database.ts')
  const { createSignalGeneration } = await import('../service/generate-signals.ts')
  const { createSeriesCache } = await import('../service/series-cache.ts')
  const { migrations } = await import('../service/migrate.ts')
  const { servicePreset } = await import('../service/decision-chain.ts')
  const { createRateLimit } = await import('../service/rate-limit.ts')
  const database = openDatabase({ url: databaseUrl })
  const engine = createSignalEngine({ preset: servicePreset })
  const limits = await unlimited()
  const log = () => undefined
  const queue = await openJobQueue(databaseUrl, log)
  const { concurrency, backtestSeconds: runSeconds } = limits
  const series = createSeriesCache()
  const generation = createSignalGeneration({
    database,
    series,
    engines: { live: engine, replay: engine },
  })
  await startJobWorker({
    database,
    series,
    queue,
    concurrency,
    runSeconds,
    name: 'bare',
    telemetry: null,
    log,
  })
  const app = createApp({
    observers: [],
    uploadBytes: limits.uploadBytes,
    database,
    generation,
    queue,
    signalFeed: await listenForSignals(databaseUrl, log),
    openStreams: createOpenStreams(limits.streams),
    maxWaiting: limits.backtests,
    stopping: new AbortController().signal,
    version: '0.0.0',
    startedAt: performance.now(),
    guard: {
      keys: readApiKeys(undefined),
      rateLimit: createRateLimit({ perSecond: limits.requestsPerSecond, burst: limits.burst }),
      allowedOrigins: [],
    },
    ready: { migrations: migrations.length, worker: () => true },
    metrics: () => new Response(''),
    log,
    signalsChanged: () => Promise.resolve(),
    barsStored: (key, user) => generation.refresh(key, user),
  })
  const port = await new Promise<number>((resolve) => {
    const server = listen({ fetch: app.fetch, hostname: '127.0.0.1', port: 0 }, (info: AddressInfo) =>
      resolve(info.port),
    )
    server.on('error', (error) => {
      throw error
    })
  })
  return { port, flush: () => Promise.resolve() }
}

async function unlimited() {
  const { readServiceLimits } = await import('../service/service-limits.ts')
  return readServiceLimits({ TAPESCOPE_RATE_LIMIT: '1000000000', TAPESCOPE_RATE_BURST: '1000000000' })
}

async function told(): Promise<void> {
  await flush()
  const { user, system } = process.cpuUsage()
  process.send!({ cpuMicroseconds: user + system })
}

const kinds = { bare, instrumented, plain }
const { port, flush } = await kinds[process.argv[2] as keyof typeof kinds]()
process.on('message', () => {
  // What a request leaves to be sent later belongs to its cost.
  void told()
})
process.send!({ port })
