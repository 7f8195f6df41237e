import { createWriteStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { EngineError, parseBarsCsv, type RejectedRow } from '@tapescope/engine'
import { startTelemetry, type Telemetry } from '@tapescope/sdk'
import { headRevision } from './head-revision.ts'
import { context } from '@opentelemetry/api'
import { suppressTracing } from '@opentelemetry/core'
import packageJson from './package.json' with { type: 'json' }
import { readKeysWithOwn } from './api-keys.ts'
import { startEmbeddedPostgres } from './embedded-postgres.ts'
import { checkPort } from './port.ts'
import { readRealBarsCsv } from './real-bars.ts'
import { acquireRunLock } from './run-lock.ts'
import { readServiceLimits } from './service-limits.ts'
import { startSidecar } from './sidecar-process.ts'
import { StartError } from './start-error.ts'
import { readStartOptions, type StartOptions, startUsage } from './start-options.ts'
import { createProgress } from './progress.ts'
import { renderSummary } from './render-summary.ts'

const root = dirname(import.meta.dirname)
const began = performance.now()

const stop = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => stop.abort(new Interrupted(signal)))
}

class Interrupted extends Error {
  readonly exitCode: number
  constructor(signal: 'SIGINT' | 'SIGTERM' | 'SIGHUP') {
    super(signal)
    this.exitCode = 128 + { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 }[signal]
  }
}

/** What has been started, newest last; undone from the end. */
const undo: (() => unknown)[] = []
const progress = createProgress(process.stderr)
let exitCode = 0
try {
  const options = readStartOptions(process.argv.slice(2), process.env, root)
  if (options.help) process.stdout.write(startUsage)
  else await start(options)
} catch (error) {
  progress.done()
  exitCode = 1
  if (stop.signal.aborted) exitCode = (stop.signal.reason as Interrupted).exitCode
  else if (error instanceof StartError) console.error(error.message)
  else console.error(error)
} finally {
  progress.done()
  for (const step of undo.reverse()) {
    try {
      await step()
    } catch (error) {
      console.error(error)
    }
  }
}
process.exit(exitCode)

async function start(options: StartOptions): Promise<void> {
  const { signal } = stop
  // The job asks the service as any client would, and needs a key where all do.
  const { keys, own } = readKeysWithOwn(process.env['TAPESCOPE_API_KEYS'], 'local')
  // First what needs nothing running: a bad file leaves nothing behind.
  const { bars, rejected } = await readBars(options)
  for (const { row, reason } of rejected) console.error(`left out: row ${row}: ${reason}`)

  const lock = await acquireRunLock(options.data)
  undo.push(() => lock.release())
  for (const name of lock.cleared) console.error(`Ended what a killed run had left running: ${name}.`)
  await checkPort(options.host, options.port)

  const log = createWriteStream(join(options.data, 'service.log'))
  undo.push(() => new Promise((resolve) => log.end(resolve)))
  progress.show('starting the sidecar and the database')
  const onNotice = (message: string) => console.error(message)
  const [sidecarStart, databaseStart] = await Promise.allSettled([
    startSidecar({ root, folder: options.data, flags: options.sidecarFlags, onEnd: onNotice, signal }),
    startDatabase(options, onNotice, signal),
  ])
  if (databaseStart.status === 'fulfilled') undo.push(() => databaseStart.value.stop())
  if (sidecarStart.status === 'fulfilled') {
    undo.push(() => sidecarStart.value.stop())
    lock.addChild('sidecar', sidecarStart.value.pid)
  }
  if (sidecarStart.status === 'rejected') throw sidecarStart.reason
  if (databaseStart.status === 'rejected') throw databaseStart.reason
  const { urls } = sidecarStart.value
  signal.throwIfAborted()

  // Of the resource, so that each run says what code it was; the threads inherit it.
  const revision = headRevision(root)
  if (revision !== undefined) {
    const given = process.env['OTEL_RESOURCE_ATTRIBUTES']
    process.env['OTEL_RESOURCE_ATTRIBUTES'] =
      `vcs.ref.head.revision=${revision}${given === undefined || given === '' ? '' : `,${given}`}`
  }
  const telemetry = await startTelemetry({
    serviceName: 'tapescope-service',
    serviceVersion: packageJson.version,
    otlpEndpoint: urls['otlp'],
    // The job alone: its end stops the profiler.
    profile: { service: 'tapescope-service', sidecar: urls['viewer'] },
  })
  undo.push(() => telemetry.shutdown())

  // Not before telemetry: instrumentation must see pg being loaded.
  const { checkDatabaseUrl } = await import('./database.ts')
  if (options.databaseUrl !== undefined) await checkDatabaseUrl(options.databaseUrl)
  const { serve } = await import('./serve.ts')
  const { runMainJob, findTraces } = await import('./main-job.ts')
  const service = await serve({
    databaseUrl: databaseStart.value.url,
    host: options.host,
    port: options.port,
    version: packageJson.version,
    metrics: telemetry.metricsHandler,
    telemetry: {
      serviceName: 'tapescope-service',
      serviceVersion: packageJson.version,
      otlpEndpoint: urls['otlp'],
      // Backtests run in a thread; they are short, so they are sampled densely.
      profileRuns: {
        service: 'tapescope-service',
        sidecar: urls['viewer'],
        intervalUs: 250,
        everyMs: 5_000,
      },
    },
    keys,
    limits: readServiceLimits(process.env),
    allowedOrigins: [urls['viewer']],
    log: (line) => log.write(`${JSON.stringify({ time: new Date().toISOString(), ...line })}\n`),
  })
  undo.push(() => service.stop())
  lock.setUrl(service.url)
  signal.throwIfAborted()

  // Traced is what the service does, from its server span on, not this client of it.
  const report = await context.with(suppressTracing(context.active()), () =>
    runMainJob({
      key: own,
      bars,
      database: service.database,
      url: service.url,
      strategy: 'wyckoff_all',
      signal,
      progress: progress.show,
    }),
  )
  progress.show('waiting for the traces')
  await flush(telemetry)
  await telemetry.profiler?.stop()
  const { trace_ids } = report.result
  await context.with(suppressTracing(context.active()), () =>
    findTraces(urls['viewer'], [trace_ids.signals, trace_ids.backtest], signal),
  )
  progress.done()

  const links = {
    service: service.url,
    metrics: `${service.url}/api/v1/metrics`,
    openapi: `${service.url}/openapi.json`,
    viewer: urls['viewer'],
    flame_graph: `${urls['viewer']}/#/trace/${trace_ids.backtest}`,
    bars: `${urls['viewer']}/#/bars?${new URLSearchParams({ service: service.url, symbol: bars.symbol, timeframe: bars.timeframe })}`,
    signals_trace: `${urls['viewer']}/api/traces/${trace_ids.signals}`,
    backtest_trace: `${urls['viewer']}/api/traces/${trace_ids.backtest}`,
  }
  const summary = { ...report.result, urls: links, duration_ms: Math.round(performance.now() - began) }
  process.stdout.write(options.json ? `${JSON.stringify(summary)}\n` : renderSummary(summary, report))
  if (options.once) return
  if (!options.json) process.stdout.write('Running. Ctrl-C stops everything.\n')
  await new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

async function readBars({ csv, symbol, timeframe, skipBad }: StartOptions) {
  try {
    const text = csv === undefined ? await readRealBarsCsv() : await readFile(csv, 'utf8')
    const read = parseBarsCsv(text, { symbol, timeframe, skipBad })
    if (read.bars.length === 0) throw new StartError(`${csv ?? 'The file'} holds no bars.`)
    return read
  } catch (error) {
    if (error instanceof EngineError) {
      const rows = error.rows.map(({ row, reason }: RejectedRow) => `  row ${row}: ${reason}`).join('\n')
      throw new StartError(
        `${csv}: ${error.rows.length} bad ${error.rows.length === 1 ? 'row' : 'rows'}, nothing was stored ` +
          `(--skip-bad leaves them out):\n${rows}`,
        { cause: error },
      )
    }
    const { code } = error as NodeJS.ErrnoException
    if (code === undefined) throw error
    throw new StartError(`${csv} cannot be read (${code}).`, { cause: error })
  }
}

async function startDatabase(
  options: StartOptions,
  onNotice: (message: string) => void,
  signal: AbortSignal,
): Promise<{ url: string; stop: () => Promise<void> }> {
  const { databaseUrl } = options
  // Checked later: `pg` must not be loaded before telemetry has started.
  if (databaseUrl !== undefined) return { url: databaseUrl, stop: () => Promise.resolve() }
  const postgres = await startEmbeddedPostgres({ folder: join(options.data, 'postgres'), onNotice, signal })
  if (postgres.tookOver) onNotice('Ended what a killed run had left running: PostgreSQL.')
  return postgres
}

async function flush(telemetry: Telemetry): Promise<void> {
  if (!(await telemetry.flush())) throw new StartError('The sidecar did not take the telemetry within 5 s.')
}
