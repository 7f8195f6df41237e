// A worker alone: `npm run worker -- --concurrency N` on any machine that reaches the PostgreSQL of DATABASE_URL.
// OTEL_EXPORTER_OTLP_ENDPOINT takes its traces; its own metrics are at http://TAPESCOPE_HOST:PORT/api/v1/metrics.
import { serve as listen } from '@hono/node-server'
import { startTelemetry } from '@tapescope/sdk'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { hostname } from 'node:os'
import { Hono } from 'hono'
import packageJson from './package.json' with { type: 'json' }
import { portError } from './port.ts'
import { readServiceLimits } from './service-limits.ts'
import { StartError } from './start-error.ts'
import { readWorkerOptions, workerUsage } from './worker-options.ts'

const { env } = process
const stop = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop.abort())
/** What runs when the worker is told to stop gets this long; a container is given 20 s. */
const drainMs = 15_000

try {
  const options = readWorkerOptions(process.argv.slice(2), env)
  if (options.help) {
    process.stdout.write(workerUsage)
    process.exit(0)
  }
  const limits = readServiceLimits(env)
  // One instance with its threads: each would take an id of its own otherwise.
  const attributes = env['OTEL_RESOURCE_ATTRIBUTES'] ?? ''
  const given = /(?:^|,)service\.instance\.id=([^,]+)/.exec(attributes)?.[1]
  const instance = given ?? randomUUID()
  if (given === undefined) {
    env['OTEL_RESOURCE_ATTRIBUTES'] = `${attributes && `${attributes},`}service.instance.id=${instance}`
  }
  const telemetry = {
    serviceName: env['OTEL_SERVICE_NAME'] ?? 'tapescope-worker',
    serviceVersion: packageJson.version,
  }
  const sdk = await startTelemetry({ ...telemetry, handleSignals: false })
  // Not before telemetry: instrumentation must see pg being loaded.
  const { checkDatabaseUrl, openDatabase } = await import('./database.ts')
  const { migrate } = await import('./migrate.ts')
  const { openJobQueue } = await import('./jobs/job-queue.ts')
  const { startJobWorker } = await import('./jobs/job-worker.ts')
  const { createSeriesCache } = await import('./series-cache.ts')
  await checkDatabaseUrl(options.databaseUrl)
  await migrate(options.databaseUrl)
  const log = (line: Record<string, unknown>) =>
    console.error(JSON.stringify({ time: new Date().toISOString(), ...line }))
  const database = openDatabase({
    url: options.databaseUrl,
    applicationName: 'tapescope-worker',
    onConnectionError: (error) =>
      log({ level: 'warn', message: 'database connection lost', error: error.message }),
  })
  const queue = await openJobQueue(options.databaseUrl, log)
  const worker = await startJobWorker({
    database,
    series: createSeriesCache(),
    queue,
    concurrency: options.concurrency,
    runSeconds: limits.backtestSeconds,
    name: `${hostname()}:${process.pid}`,
    telemetry,
    log,
  })

  const app = new Hono()
  app.get('/api/v1/metrics', (c) => sdk.metricsHandler(c.req.raw))
  app.get('/healthz', (c) =>
    c.json({ status: 'ok', version: packageJson.version, running: worker.running() }),
  )
  const server = listen({ fetch: app.fetch, hostname: options.host, port: options.port }) as Server
  await once(server, 'listening').catch((error: NodeJS.ErrnoException) => {
    throw portError(error, options.host, options.port)
  })
  const { port } = server.address() as AddressInfo
  const url = `http://${options.host.includes(':') ? `[${options.host}]` : options.host}:${port}`
  log({ level: 'info', message: 'ready', url, instance, concurrency: options.concurrency })

  if (!stop.signal.aborted) await once(stop.signal, 'abort')
  log({ level: 'info', message: 'draining', running: worker.running() })
  await worker.stop(drainMs)
  server.close()
  server.closeAllConnections()
  // What the last runs have to tell is sent after them, and their rows are written before the pool closes.
  await sdk.shutdown()
  await database.close()
  log({ level: 'info', message: 'stopped' })
  process.exit(0)
} catch (error) {
  console.error(error instanceof StartError ? error.message : error)
  process.exit(1)
}
