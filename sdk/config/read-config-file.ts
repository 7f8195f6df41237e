import { mergeHeadersConfig, parseConfigFile } from '@opentelemetry/configuration'
import { ConfigNode } from './config-node.ts'
import type { ReadSettings } from './read-environment.ts'
import type { SettingName, Settings, Signal } from './settings.ts'
import * as read from './read-value.ts'

type Put = <Name extends SettingName>(name: Name, value: Settings[Name] | undefined, node: ConfigNode) => void

/**
 * OpenTelemetry's declarative configuration (`OTEL_CONFIG_FILE`, file format 1.x): read, its variables substituted
 * and checked against the schema by OpenTelemetry's own package, and mapped to settings. This SDK's own settings stand under
 * `distribution: tapescope:`.
 *
 * @throws TypeError that names the file and the key when a key is unknown, or asks for what this SDK cannot do
 */
export function readConfigFile(file: string): ReadSettings {
  let model: unknown
  try {
    model = parseConfigFile(file)
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    throw new TypeError(`The configuration file ${file} cannot be used: ${message}`, { cause: error })
  }
  const values = new Map<SettingName, unknown>()
  const origins = new Map<SettingName, string>()
  const put: Put = (name, value, node) => {
    if (value === undefined) return
    values.set(name, value)
    origins.set(name, `${file}: ${node.path}`)
  }
  const root = new ConfigNode(model, file, '')
  put('disabled', root.boolean('disabled'), root)
  const level = root.text('log_level')
  if (level !== undefined) put('logLevel', logLevelOf(level), root)
  const limits = root.child('attribute_limits')
  for (const name of ['attributeLength', 'logAttributeLength'] as const)
    put(name, limits?.number('attribute_value_length_limit'), limits ?? root)
  for (const name of ['attributeCount', 'logAttributeCount'] as const)
    put(name, limits?.number('attribute_count_limit'), limits ?? root)
  readResource(root.child('resource'), put)
  readPropagator(root.child('propagator'), put)
  readTracer(root.child('tracer_provider'), put)
  readMeter(root.child('meter_provider'), put)
  readLogger(root.child('logger_provider'), put)
  readOwn(root.child('distribution')?.child('tapescope'), put)
  root.refuseTheRest()
  return { values, origins, warnings: [] }
}

function logLevelOf(level: string): Settings['logLevel'] {
  const [word = ''] = /^[a-z]+/.exec(level) ?? []
  if (word === 'fatal') return 'error'
  return word === 'trace' ? 'all' : read.oneOf('error', 'warn', 'info', 'debug')(word)
}

function readResource(node: ConfigNode | undefined, put: Put): void {
  if (node === undefined) return
  const attributes: Record<string, string> = { ...read.pairs(node.text('attributes_list') ?? '') }
  for (const one of node.children('attributes')) {
    const name = one.text('name')
    const value = one.any('value')
    one.any('type')
    if (name !== undefined && value !== null && value !== undefined)
      attributes[name] = typeof value === 'string' ? value : JSON.stringify(value)
  }
  node.text('schema_url')
  put('serviceName', attributes['service.name'], node)
  put('serviceVersion', attributes['service.version'], node)
  put('resourceAttributes', attributes, node)
  const detection = node.child('detection/development')
  const detectors = detection?.children('detectors').map((one) => one.only())
  if (detectors === undefined || detection === undefined) return
  const known = read.oneOf('host', 'process', 'service', 'container')
  const wanted = detectors.map((name) => detection.check(name, known))
  // Part of the usual file, and nothing that Node could find out by itself.
  put(
    'resourceDetectors',
    wanted.filter((name) => name !== 'container'),
    detection,
  )
}

function readPropagator(node: ConfigNode | undefined, put: Put): void {
  if (node === undefined) return
  const names = node.children('composite').map((one) => one.only())
  for (const name of read.list(node.text('composite_list') ?? '')) names.push(name)
  const known = read.oneOf('tracecontext', 'baggage', 'b3', 'b3multi', 'none')
  put('propagators', [...new Set(names.map((name) => node.check(name, known)))], node)
}

function readTracer(node: ConfigNode | undefined, put: Put): void {
  if (node === undefined) return
  readProcessors('traces', 'span', node, put)
  const limits = node.child('limits')
  if (limits !== undefined) {
    put('attributeLength', limits.number('attribute_value_length_limit'), limits)
    put('attributeCount', limits.number('attribute_count_limit'), limits)
    put('eventCount', limits.number('event_count_limit'), limits)
    put('linkCount', limits.number('link_count_limit'), limits)
    put('eventAttributeCount', limits.number('event_attribute_count_limit'), limits)
    put('linkAttributeCount', limits.number('link_attribute_count_limit'), limits)
  }
  const sampler = node.child('sampler')
  if (sampler !== undefined) readSampler(sampler, put)
}

function readSampler(node: ConfigNode, put: Put): void {
  const kind = node.only()
  const inside = node.child(kind)
  const root = kind === 'parent_based' ? inside?.child('root') : node
  const rootKind = kind === 'parent_based' ? root?.only() : kind
  const words = {
    always_on: 'always_on',
    always_off: 'always_off',
    trace_id_ratio_based: 'traceidratio',
  } as const
  const word = words[(rootKind ?? 'always_on') as keyof typeof words]
  if (word === undefined) throw node.cannot(rootKind ?? kind)
  const ratio = root?.child(rootKind ?? '')?.number('ratio')
  put('tracesSampler', kind === 'parent_based' ? `parentbased_${word}` : word, node)
  put('tracesSamplerRatio', ratio, node)
}

function readMeter(node: ConfigNode | undefined, put: Put): void {
  if (node === undefined) return
  const exporters: string[] = []
  for (const reader of node.children('readers')) {
    const kind = reader.only()
    const one = reader.child(kind)
    if (kind === 'periodic' && one !== undefined) {
      put('metricIntervalMs', one.number('interval'), one)
      put('metricTimeoutMs', one.number('timeout'), one)
      exporters.push(readExporter('metrics', one.child('exporter'), put))
    } else if (kind === 'pull' && one !== undefined) {
      const prometheus = one.child('exporter')?.child('prometheus/development')
      if (prometheus === undefined) throw one.cannot('exporter')
      put('prometheusHost', prometheus.text('host'), prometheus)
      put('prometheusPort', prometheus.number('port'), prometheus)
      exporters.push('prometheus')
    } else throw reader.cannot(kind)
  }
  put('metricsExporter', once(exporters, node), node)
  const filter = node.text('exemplar_filter')
  if (filter !== undefined)
    put('exemplars', node.check(filter, read.oneOf('trace_based', 'always_off')), node)
}

function readLogger(node: ConfigNode | undefined, put: Put): void {
  if (node === undefined) return
  readProcessors('logs', 'log', node, put)
  const limits = node.child('limits')
  put('logAttributeLength', limits?.number('attribute_value_length_limit'), limits ?? node)
  put('logAttributeCount', limits?.number('attribute_count_limit'), limits ?? node)
}

/** The processors of spans or log records, each with its exporter; `prefix` is how the settings of that signal begin. */
function readProcessors(signal: 'traces' | 'logs', prefix: 'span' | 'log', node: ConfigNode, put: Put): void {
  const exporters: string[] = []
  for (const processor of node.children('processors')) {
    const kind = processor.only()
    const one = processor.child(kind)
    if (one === undefined || (kind !== 'batch' && kind !== 'simple')) throw processor.cannot(kind)
    put(`${prefix}DelayMs`, one.number('schedule_delay'), one)
    put(`${prefix}TimeoutMs`, one.number('export_timeout'), one)
    put(`${prefix}Queue`, one.number('max_queue_size'), one)
    put(`${prefix}Batch`, kind === 'simple' ? 1 : one.number('max_export_batch_size'), one)
    exporters.push(readExporter(signal, one.child('exporter'), put))
  }
  put(`${signal}Exporter`, once(exporters, node), node)
}

/** One backend per signal: what leads to more is a collector. */
function once(exporters: readonly string[], node: ConfigNode): readonly string[] {
  if (new Set(exporters).size < exporters.length)
    throw node.problem('', 'this SDK sends a signal to one backend; let a collector fan out')
  return exporters
}

function readExporter(signal: Signal, node: ConfigNode | undefined, put: Put): string {
  const kind = node?.only()
  if (node === undefined || kind === undefined || (kind !== 'otlp_http' && kind !== 'console'))
    throw (node ?? new ConfigNode({}, '', signal)).cannot(kind ?? 'exporter')
  const one = node.child(kind)
  if (kind === 'console' || one === undefined) return kind === 'console' ? 'console' : 'otlp'
  const endpoint = one.text('endpoint')
  put(`${signal}Endpoint`, endpoint === undefined ? undefined : one.check(endpoint, read.url), one)
  const headers = mergeHeadersConfig(
    one.any('headers') as Parameters<typeof mergeHeadersConfig>[0],
    one.text('headers_list'),
  )
  put(`${signal}Headers`, headers, one)
  const compression = one.text('compression')
  if (compression !== undefined)
    put(`${signal}Compression`, one.check(compression, read.oneOf('gzip', 'none')), one)
  put(`${signal}TimeoutMs`, one.number('timeout'), one)
  const encoding = one.text('encoding')
  if (encoding !== undefined)
    put(`${signal}Protocol`, encoding === 'json' ? 'http/json' : 'http/protobuf', one)
  const tls = one.child('tls')
  put(`${signal}Certificate`, tls?.text('ca_file'), one)
  put(`${signal}ClientKey`, tls?.text('key_file'), one)
  put(`${signal}ClientCertificate`, tls?.text('cert_file'), one)
  if (signal === 'metrics') {
    const histograms = one.text('default_histogram_aggregation')
    if (histograms !== undefined)
      put(
        'metricHistograms',
        one.check(histograms, read.oneOf('explicit_bucket_histogram', 'base2_exponential_bucket_histogram')),
        one,
      )
    const temporality = one.text('temporality_preference')
    if (temporality !== undefined)
      put(
        'metricTemporality',
        temporality === 'low_memory'
          ? 'lowmemory'
          : one.check(temporality, read.oneOf('cumulative', 'delta')),
        one,
      )
  }
  return 'otlp'
}

function readOwn(node: ConfigNode | undefined, put: Put): void {
  if (node === undefined) return
  put('deadlineMs', node.number('deadline_ms'), node)
  put('queueBytes', node.number('queue_bytes'), node)
  put('handleSignals', node.boolean('handle_signals'), node)
  put('captureStatements', node.boolean('capture_statements'), node)
  const messages = node.text('error_messages')
  if (messages !== undefined)
    put('errorMessages', node.check(messages, read.oneOf('masked', 'none', 'full')), node)
  const keys = node.any('redact_keys')
  if (Array.isArray(keys)) put('redactKeys', keys.map(String), node)
}
