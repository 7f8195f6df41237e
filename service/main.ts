// The service alone, as production runs it: `node service/main.ts` with DATABASE_URL, and OTEL_EXPORTER_OTLP_ENDPOINT
// for its traces. TAPESCOPE_HOST, TAPESCOPE_PORT, TAPESCOPE_API_KEYS, TAPESCOPE_VIEWER_ORIGIN and the limits of
// service-limits.ts are read too. `npm start` is the one that brings its own database and sidecar.
import { startTelemetry } from '@tapescope/sdk'
import packageJson from './package.json' with { type: 'json' }
import { readApiKeys } from './api-keys.ts'
import { portOf } from './start-options.ts'
import { readServiceLimits } from './service-limits.ts'
import { StartError } from './start-error.ts'

const { env } = process
const stop = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop.abort())

try {
  const databaseUrl = env['DATABASE_URL']
  if (databaseUrl === undefined || databaseUrl === '') {
    throw new StartError('DATABASE_URL must name a PostgreSQL 15 or later; npm start brings one of its own.')
  }
  const keys = readApiKeys(env['TAPESCOPE_API_KEYS'])
  const limits = readServiceLimits(env)
  const port = portOf('TAPESCOPE_PORT', env['TAPESCOPE_PORT'] ?? '8080')
  const serviceName = env['OTEL_SERVICE_NAME'] ?? 'tapescope-service'
  const telemetry = await startTelemetry({ serviceName, serviceVersion: packageJson.version })
  // Not before telemetry: instrumentation must see pg being loaded.
  const { checkDatabaseUrl } = await import('./database.ts')
  await checkDatabaseUrl(databaseUrl)
  const { serve } = await import('./serve.ts')
  const log = (line: Record<string, unknown>) =>
    console.error(JSON.stringify({ time: new Date().toISOString(), ...line }))
  const service = await serve({
    databaseUrl,
    host: env['TAPESCOPE_HOST'] ?? '127.0.0.1',
    port,
    version: packageJson.version,
    metrics: telemetry.metricsHandler,
    telemetry: { serviceName, serviceVersion: packageJson.version },
    keys,
    limits,
    allowedOrigins: [env['TAPESCOPE_VIEWER_ORIGIN'] ?? 'http://127.0.0.1:4319'],
    log,
  })
  log({ level: 'info', message: 'ready', url: service.url })
  if (!stop.signal.aborted) {
    await new Promise<void>((resolve) => {
      stop.signal.addEventListener('abort', () => resolve(), { once: true })
    })
  }
  // What the last requests have to tell is sent after them.
  await service.stop()
  await telemetry.shutdown()
  process.exit(0)
} catch (error) {
  console.error(error instanceof StartError ? error.message : error)
  process.exit(1)
}
