import type { Instrumentation } from '@opentelemetry/instrumentation'
import type { MetricsHandler } from './metrics-handler.ts'
import { processStore } from './metric-store.ts'
import { within } from './within.ts'

export interface TelemetryOptions {
  /** `service.name`; default OTEL_SERVICE_NAME, then the SDK's own default. */
  readonly serviceName?: string
  /** `service.version`. */
  readonly serviceVersion?: string
  /**
   * Base URL of an OTLP/HTTP receiver (`/v1/traces` is added), default OTEL_EXPORTER_OTLP_ENDPOINT, then
   * `http://localhost:4318`. False sends nothing; spans are made all the same.
   */
  readonly otlpEndpoint?: string | false
  /** More instrumentations; those of PostgreSQL (`pg`) and `fetch` are there already. */
  readonly instrumentations?: readonly Instrumentation[]
  /** How long `flush` and `shutdown` may take, in ms; default 5000. */
  readonly deadlineMs?: number
}

export interface Telemetry {
  /** Sends what is queued. True when all of it arrived within the deadline; never rejects. */
  flush(): Promise<boolean>
  /** Flushes and stops. May be called any number of times; never rejects, and is over within the deadline. */
  shutdown(): Promise<boolean>
  /** Answers a request with this process's metrics. Mount it anywhere: `app.get('/metrics', (c) => handler(c.req.raw))`. */
  readonly metricsHandler: MetricsHandler
}

/**
 * Starts OpenTelemetry for this process: OTLP traces, metrics for Prometheus to scrape, spans of `pg` and `fetch`.
 * Call it at the top of the entry file and import everything else (`pg` above all) dynamically after it.
 *
 * @throws TypeError when an option cannot be meant
 */
export async function startTelemetry(options: TelemetryOptions = {}): Promise<Telemetry> {
  const { deadlineMs = 5000, otlpEndpoint } = options
  if (!(deadlineMs > 0))
    throw new TypeError(`deadlineMs is ${deadlineMs}; give a time above 0 in milliseconds`)
  const url = otlpEndpoint === false || otlpEndpoint === undefined ? undefined : tracesUrl(otlpEndpoint)
  const { startSdk } = await import('./start-sdk.ts')
  const sdk = startSdk(options, url, processStore)
  let stopped: Promise<boolean> | undefined
  const stop = async (): Promise<boolean> => {
    const inTime = await within(sdk.shutdown(), deadlineMs)
    if (!inTime) sdk.abandon()
    return inTime
  }
  return {
    metricsHandler: sdk.metricsHandler,
    flush: () => within(sdk.flush(), deadlineMs),
    shutdown: () => (stopped ??= stop()),
  }
}

function tracesUrl(endpoint: string): string {
  const url = URL.parse(endpoint)
  if (url === null || !/^https?:$/.test(url.protocol))
    throw new TypeError(
      `otlpEndpoint is ${JSON.stringify(endpoint)}; give a URL such as http://127.0.0.1:4318`,
    )
  url.pathname = `${url.pathname.replace(/\/+$/, '')}/v1/traces`
  return url.href
}
