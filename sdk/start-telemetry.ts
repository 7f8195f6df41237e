import { diag, DiagLogLevel } from '@opentelemetry/api'
import type { Instrumentation } from '@opentelemetry/instrumentation'
import { format } from 'node:util'
import type { CodeSettings, ResolvedSettings } from './config/resolve-settings.ts'
import type { MetricsHandler } from './metrics-handler.ts'
import { processStore } from './metric-store.ts'
import type { ProfileOptions, Profiler } from './profile.ts'
import type { RunningSdk } from './start-sdk.ts'
import { tracingOn } from './tracing-on.ts'
import { within } from './within.ts'

/**
 * Every setting has a name here, an `OTEL_` or `TAPESCOPE_` variable and a place in the declarative file; what is not
 * given comes from there (docs/configuration.md).
 */
export interface TelemetryOptions extends CodeSettings {
  /** More instrumentations; those of PostgreSQL (`pg`) and `fetch` are there already. */
  readonly instrumentations?: readonly Instrumentation[]
  /**
   * Samples this process's CPU (1 kHz) and joins the samples to its spans; they go to the sidecar's viewer, by default
   * `TAPESCOPE_VIEWER_URL` or http://127.0.0.1:4319. `flush` and `shutdown` of the telemetry send what is left.
   */
  readonly profile?: boolean | ProfileOptions
}

/** What runs: `startTelemetry` answers with it. */
export interface Telemetry {
  /** Sends what is queued. True when all of it arrived within the deadline; never rejects. */
  flush(): Promise<boolean>
  /**
   * Flushes and stops. May be called any number of times; never rejects, and is over within the deadline. True when
   * nothing had to be given up. An SDK of somebody else, which this one has joined, is flushed and runs on.
   */
  shutdown(): Promise<boolean>
  /** Answers a request with this process's metrics. Mount it anywhere: `app.get('/metrics', (c) => handler(c.req.raw))`. */
  readonly metricsHandler: MetricsHandler
  /**
   * `started`: this call's SDK. `joined`: OpenTelemetry was registered already, its spans go where that sends them.
   * `disabled`: OTEL_SDK_DISABLED.
   */
  readonly mode: 'started' | 'joined' | 'disabled'
  /** The CPU profiler that `profile` started. */
  readonly profiler?: Profiler
  /** The effective configuration as text: each setting, its value (secrets masked) and where it came from. */
  configuration(): Promise<string>
}

const key = Symbol.for('tapescope.telemetry.1')
const shared = globalThis as { [key]?: Promise<Telemetry> }

/**
 * Starts OpenTelemetry for this process: OTLP traces, metrics for Prometheus to scrape, spans of `pg` and `fetch`.
 * Call it at the top of the entry file and import everything else (`pg` above all) dynamically after it, or start
 * without code: `node --import @tapescope/sdk/register app.js`. A second call answers with what runs already.
 *
 * @throws TypeError when an option or the declarative file says what cannot be meant
 */
export async function startTelemetry(options: TelemetryOptions = {}): Promise<Telemetry> {
  const running = shared[key]
  if (running !== undefined) {
    if (Object.keys(options).length > 0) {
      const { instrumentations: _, profile: __, ...code } = options
      await resolve(code)
      diag.warn('tapescope: telemetry runs already, the options of this call of startTelemetry are not used')
    }
    return running
  }
  const starting = start(options)
  shared[key] = starting
  try {
    return await starting
  } catch (error) {
    delete shared[key]
    throw error
  }
}

async function start({ profile = false, ...options }: TelemetryOptions): Promise<Telemetry> {
  const telemetry = await startUnprofiled(options)
  if (profile === false || telemetry.mode === 'disabled') return telemetry
  const { startProfiler } = await import('./profile.ts')
  try {
    const given = profile === true ? {} : profile
    const sidecar = process.env['TAPESCOPE_VIEWER_URL'] ?? 'http://127.0.0.1:4319'
    return withProfiler(telemetry, await startProfiler({ sidecar, ...given }))
  } catch (error) {
    // `tapescope profile` runs already, or this is a worker thread: telemetry goes on without.
    diag.warn(`tapescope: no CPU profile: ${(error as Error).message}`)
    return telemetry
  }
}

/** Longest that what the profiler holds may keep a flush or the end of the process waiting, in ms. */
const profilerMs = 3000

/**
 * What the profiler holds goes out with the spans: a trace whose samples are missing would look idle. The same object,
 * since that is the one that a signal flushes.
 */
function withProfiler(telemetry: Telemetry, profiler: Profiler): Telemetry {
  const unprofiled = { ...telemetry }
  process.once('exit', () => profiler.stopNow(profilerMs))
  return Object.assign(telemetry, {
    profiler,
    async flush() {
      const [spans] = await Promise.all([unprofiled.flush(), within(profiler.flush(), profilerMs)])
      return spans
    },
    async shutdown() {
      const [spans] = await Promise.all([unprofiled.shutdown(), within(profiler.stop(), profilerMs)])
      return spans
    },
  })
}

async function startUnprofiled({ instrumentations = [], ...code }: TelemetryOptions): Promise<Telemetry> {
  const resolved = await resolve(code)
  const { settings } = resolved
  logDiagnostics(settings.logLevel)
  for (const warning of resolved.warnings) diag.warn(`tapescope: ${warning}`)
  if (settings.disabled || tracingOn()) {
    const { joinSdk } = await import('./join-sdk.ts')
    return telemetryOf(joinSdk(processStore), settings.disabled ? 'disabled' : 'joined', resolved)
  }
  const { startSdk } = await import('./start-sdk.ts')
  const sdk = startSdk(settings, processStore, instrumentations)
  const telemetry = telemetryOf(sdk, 'started', resolved)
  const { watchProcess } = await import('./watch-process.ts')
  watchProcess(telemetry, sdk, settings)
  return telemetry
}

async function resolve(code: CodeSettings): Promise<ResolvedSettings> {
  const { resolveSettings } = await import('./config/resolve-settings.ts')
  return resolveSettings(code, process.env)
}

function telemetryOf(sdk: RunningSdk, mode: Telemetry['mode'], resolved: ResolvedSettings): Telemetry {
  const { deadlineMs } = resolved.settings
  let stopped: Promise<boolean> | undefined
  const stop = async (): Promise<boolean> => {
    const before = sdk.lost()
    const inTime = await within(sdk.shutdown(), deadlineMs)
    if (!inTime) sdk.abandon()
    delete shared[key]
    return inTime && sdk.lost() === before
  }
  return {
    mode,
    metricsHandler: sdk.metricsHandler,
    async flush() {
      if (stopped !== undefined) return stopped
      const before = sdk.lost()
      const inTime = await within(sdk.flush(), deadlineMs)
      return inTime && sdk.lost() === before
    },
    shutdown: () => (stopped ??= stop()),
    configuration: async () => (await import('./config/render-settings.ts')).renderSettings(resolved),
  }
}

const api = globalThis as { [key: symbol]: { diag?: unknown } | undefined }

/** OpenTelemetry's own diagnostics on stderr, unless the program has taken them already. Stdout is the program's. */
function logDiagnostics(level: ResolvedSettings['settings']['logLevel']): void {
  if (api[Symbol.for('opentelemetry.js.api.1')]?.diag !== undefined) return
  const levels = {
    none: DiagLogLevel.NONE,
    error: DiagLogLevel.ERROR,
    warn: DiagLogLevel.WARN,
    info: DiagLogLevel.INFO,
    debug: DiagLogLevel.DEBUG,
    verbose: DiagLogLevel.VERBOSE,
    all: DiagLogLevel.ALL,
  }
  const write = (...words: unknown[]): void => void process.stderr.write(`${format(...words)}\n`)
  const logger = { error: write, warn: write, info: write, debug: write, verbose: write }
  diag.setLogger(logger, { logLevel: levels[level], suppressOverrideMessage: true })
}
