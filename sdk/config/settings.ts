import * as read from './read-value.ts'

/** One setting: where its value may come from, and what it is when nobody says. */
interface Setting<Value> {
  /** Environment variables, the most specific first. */
  readonly env: readonly EnvironmentSource<Value>[]
  readonly fallback: Value
  /** Shown as `***`. */
  readonly secret?: true
  readonly about: string
}

interface EnvironmentSource<Value> {
  readonly name: string
  /** @throws TypeError with a sentence that says what is expected */
  readonly parse: (text: string) => Value
}

type Sources<Value> = string | EnvironmentSource<Value> | readonly (string | EnvironmentSource<Value>)[]

function setting<Value>(
  env: Sources<Value>,
  parse: (text: string) => Value,
  fallback: Value,
  about: string,
): Setting<Value> {
  const sources = (Array.isArray(env) ? env : [env]) as readonly (string | EnvironmentSource<Value>)[]
  return {
    env: sources.map((source) => (typeof source === 'string' ? { name: source, parse } : source)),
    fallback,
    about,
  }
}

const secret = <Value>(one: Setting<Value>): Setting<Value> => ({ ...one, secret: true })

export type Signal = 'traces' | 'metrics' | 'logs'
export type Headers = Readonly<Record<string, string>>

/** The eight settings of an OTLP exporter, for one signal. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- it names the keys of the answer
function otlp<Of extends Signal>(signal: Of) {
  const upper = signal.toUpperCase()
  const both = (part: string): [string, string] => [
    `OTEL_EXPORTER_OTLP_${upper}_${part}`,
    `OTEL_EXPORTER_OTLP_${part}`,
  ]
  const file = (part: string, about: string) =>
    setting<string | undefined>(
      both(part),
      read.text,
      undefined,
      `${about} (a file in PEM format), ${signal}`,
    )
  const settings = {
    Endpoint: setting(
      [
        `OTEL_EXPORTER_OTLP_${upper}_ENDPOINT`,
        { name: 'OTEL_EXPORTER_OTLP_ENDPOINT', parse: (base) => signalUrl(read.url(base), signal) },
      ],
      read.url,
      `http://localhost:4318/v1/${signal}`,
      `where ${signal} go (OTLP over HTTP)`,
    ),
    Headers: secret(setting<Headers>(both('HEADERS'), read.pairs, {}, `headers sent with ${signal}`)),
    TimeoutMs: setting(
      both('TIMEOUT'),
      read.milliseconds,
      10_000,
      `how long one request of ${signal} may take`,
    ),
    Protocol: setting(
      both('PROTOCOL'),
      read.oneOf('http/protobuf', 'http/json'),
      'http/protobuf',
      `encoding of ${signal}`,
    ),
    Compression: setting(
      both('COMPRESSION'),
      read.oneOf('gzip', 'none', 'auto'),
      'auto',
      `compression of ${signal}; auto packs what has to wait`,
    ),
    Certificate: file('CERTIFICATE', "the server's authority"),
    ClientKey: file('CLIENT_KEY', "the client's key"),
    ClientCertificate: file('CLIENT_CERTIFICATE', "the client's certificate"),
  }
  return Object.fromEntries(
    Object.entries(settings).map(([name, value]) => [`${signal}${name}`, value]),
  ) as unknown as { [Name in keyof typeof settings as `${Of}${Name}`]: (typeof settings)[Name] }
}

export function signalUrl(base: string, signal: Signal): string {
  const url = new URL(base)
  url.pathname = `${url.pathname.replace(/\/+$/, '')}/v1/${signal}`
  return url.href
}

const count = (env: string | string[], fallback: number | undefined, about: string) =>
  setting<number | undefined>(env, read.count, fallback, about)

/**
 * Every setting of the SDK, by the name that code uses. What the specification's variables say and this SDK cannot do
 * (gRPC, Zipkin) is refused with a sentence.
 */
export const settingTable = {
  disabled: setting('OTEL_SDK_DISABLED', read.boolean, false, 'no telemetry at all'),
  serviceName: setting<string | undefined>('OTEL_SERVICE_NAME', read.text, undefined, 'service.name'),
  serviceVersion: setting<string | undefined>([], read.text, undefined, 'service.version'),
  resourceAttributes: setting<Headers>(
    'OTEL_RESOURCE_ATTRIBUTES',
    read.pairs,
    {},
    'attributes of the resource',
  ),
  resourceDetectors: setting<readonly string[]>(
    'OTEL_NODE_RESOURCE_DETECTORS',
    read.listOf('host', 'process', 'service', 'all', 'none'),
    ['service', 'host', 'process'],
    'what else describes the resource',
  ),
  logLevel: setting(
    'OTEL_LOG_LEVEL',
    read.oneOf('none', 'error', 'warn', 'info', 'debug', 'verbose', 'all'),
    'warn',
    "what OpenTelemetry's own diagnostics say on stderr",
  ),
  propagators: setting<readonly string[]>(
    'OTEL_PROPAGATORS',
    read.listOf('tracecontext', 'baggage', 'b3', 'b3multi', 'none'),
    ['tracecontext', 'baggage'],
    'how context crosses processes',
  ),
  disabledInstrumentations: setting<readonly string[]>(
    'OTEL_NODE_DISABLED_INSTRUMENTATIONS',
    read.listOf('pg', 'undici'),
    [],
    'libraries that get no spans',
  ),

  tracesExporter: setting<readonly string[]>(
    'OTEL_TRACES_EXPORTER',
    read.listOf('otlp', 'console', 'none'),
    ['otlp'],
    'where spans go',
  ),
  tracesSampler: setting(
    'OTEL_TRACES_SAMPLER',
    read.oneOf(
      'always_on',
      'always_off',
      'traceidratio',
      'parentbased_always_on',
      'parentbased_always_off',
      'parentbased_traceidratio',
    ),
    'parentbased_always_on',
    'which traces are recorded',
  ),
  tracesSamplerRatio: setting('OTEL_TRACES_SAMPLER_ARG', read.ratio, 1, 'share of traces, for traceidratio'),
  ...otlp('traces'),
  spanDelayMs: setting(
    'OTEL_BSP_SCHEDULE_DELAY',
    read.milliseconds,
    1000,
    'how long a span waits for company',
  ),
  spanBatch: setting('OTEL_BSP_MAX_EXPORT_BATCH_SIZE', read.positive, 512, 'spans per request'),
  spanQueue: setting('OTEL_BSP_MAX_QUEUE_SIZE', read.positive, 1_000_000, 'spans that may wait'),
  spanTimeoutMs: setting<number | undefined>(
    'OTEL_BSP_EXPORT_TIMEOUT',
    read.milliseconds,
    undefined,
    'the same as tracesTimeoutMs; the shorter counts',
  ),
  attributeCount: count(
    ['OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT', 'OTEL_ATTRIBUTE_COUNT_LIMIT'],
    128,
    'attributes per span',
  ),
  attributeLength: count(
    ['OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT', 'OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT'],
    4096,
    'characters per attribute of a span',
  ),
  eventCount: count('OTEL_SPAN_EVENT_COUNT_LIMIT', 128, 'events per span'),
  linkCount: count('OTEL_SPAN_LINK_COUNT_LIMIT', 128, 'links per span'),
  eventAttributeCount: count('OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT', 128, 'attributes per event'),
  linkAttributeCount: count('OTEL_LINK_ATTRIBUTE_COUNT_LIMIT', 128, 'attributes per link'),

  metricsExporter: setting<readonly string[]>(
    'OTEL_METRICS_EXPORTER',
    read.listOf('otlp', 'prometheus', 'console', 'none'),
    ['none'],
    'where metrics go besides the metrics handler',
  ),
  ...otlp('metrics'),
  metricIntervalMs: setting(
    'OTEL_METRIC_EXPORT_INTERVAL',
    read.positive,
    60_000,
    'between two exports of metrics',
  ),
  metricTimeoutMs: setting(
    'OTEL_METRIC_EXPORT_TIMEOUT',
    read.positive,
    30_000,
    'how long an export of metrics may take',
  ),
  metricTemporality: setting(
    'OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE',
    read.oneOf('cumulative', 'delta', 'lowmemory'),
    'cumulative',
    "temporality of the API's metrics over OTLP; the SDK's own are cumulative",
  ),
  metricHistograms: setting(
    'OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION',
    read.oneOf('explicit_bucket_histogram', 'base2_exponential_bucket_histogram'),
    'explicit_bucket_histogram',
    "histograms of the API over OTLP; the SDK's own have the buckets of the registry",
  ),
  exemplars: setting(
    'OTEL_METRICS_EXEMPLAR_FILTER',
    read.oneOf('trace_based', 'always_off'),
    'trace_based',
    'exemplars of sampled spans, or none',
  ),
  prometheusHost: setting(
    'OTEL_EXPORTER_PROMETHEUS_HOST',
    read.text,
    '127.0.0.1',
    'where the prometheus exporter listens',
  ),
  prometheusPort: setting('OTEL_EXPORTER_PROMETHEUS_PORT', read.port, 9464, 'its port'),

  logsExporter: setting<readonly string[]>(
    'OTEL_LOGS_EXPORTER',
    read.listOf('otlp', 'console', 'none'),
    ['none'],
    'where log records go besides the lines of the logger',
  ),
  ...otlp('logs'),
  logDelayMs: setting(
    'OTEL_BLRP_SCHEDULE_DELAY',
    read.milliseconds,
    1000,
    'how long a log record waits for company',
  ),
  logBatch: setting('OTEL_BLRP_MAX_EXPORT_BATCH_SIZE', read.positive, 512, 'log records per request'),
  logQueue: setting('OTEL_BLRP_MAX_QUEUE_SIZE', read.positive, 100_000, 'log records that may wait'),
  logTimeoutMs: setting<number | undefined>(
    'OTEL_BLRP_EXPORT_TIMEOUT',
    read.milliseconds,
    undefined,
    'the same as logsTimeoutMs; the shorter counts',
  ),
  logAttributeCount: count(
    ['OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT', 'OTEL_ATTRIBUTE_COUNT_LIMIT'],
    128,
    'attributes per log record',
  ),
  logAttributeLength: count(
    ['OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT', 'OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT'],
    4096,
    'characters per attribute of a log record',
  ),

  deadlineMs: setting('TAPESCOPE_DEADLINE_MS', read.positive, 5000, 'how long flush and shutdown may take'),
  queueBytes: setting(
    'TAPESCOPE_QUEUE_BYTES',
    read.positive,
    40 * 2 ** 20,
    'bytes that may wait, per signal',
  ),
  errorMessages: setting(
    'TAPESCOPE_ERROR_MESSAGES',
    read.oneOf('masked', 'none', 'full'),
    'masked',
    'messages of errors: with what may be a secret masked, none, or as they are',
  ),
  redactKeys: setting<readonly string[]>(
    'TAPESCOPE_REDACT_KEYS',
    read.list,
    [],
    'more attributes whose values are never emitted, by a part of their name',
  ),
  captureStatements: setting(
    'TAPESCOPE_CAPTURE_STATEMENTS',
    read.boolean,
    false,
    'SQL text with its literals masked, besides the names of statements',
  ),
  handleSignals: setting('TAPESCOPE_HANDLE_SIGNALS', read.boolean, true, 'flush on SIGTERM and SIGINT'),
} as const

type ValueOf<One> = One extends Setting<infer Value> ? Value : never

/** Every setting by its name in code; docs/configuration.md lists them. */
export type Settings = {
  readonly [Name in keyof typeof settingTable]: ValueOf<(typeof settingTable)[Name]>
}
export type SettingName = keyof Settings
