import { createServer } from 'node:http'
import { z } from 'zod'
import type { Batch, Consumer, Context, Exporter, ExporterFactory } from '../component.ts'
import { duration, endpoint, section } from '../config/shapes.ts'
import { close, listen } from '../listen.ts'
import type { Json } from '../otlp/codec.ts'
import { decodeMetrics, type Exemplar, type HistogramPoint, type Metric } from '../otlp/metric-request.ts'
import { keyValues } from '../otlp/plain.ts'
import { escapeLabel } from '../telemetry.ts'
import { goFloat, labelName, metricName } from './prometheus-names.ts'

const config = section({
  endpoint: endpoint('127.0.0.1:8889'),
  namespace: z.string().default('').describe('prefix of every name'),
  const_labels: z.record(z.string(), z.string()).default({}),
  send_timestamps: z.literal(false).default(false),
  metric_expiration: duration('5m').describe('series that were not updated for so long are left out'),
  enable_open_metrics: z
    .boolean()
    .default(false)
    .describe('OpenMetrics, with exemplars, to those who ask for it'),
  resource_to_telemetry_conversion: section({ enabled: z.boolean().default(false) }).prefault({}),
})

type Config = z.infer<typeof config>

export const prometheusExporter: ExporterFactory<Config> = {
  type: 'prometheus',
  summary: 'a scrape endpoint with the last value of every series',
  signals: ['metrics'],
  config,
  create: (config, context) => new PrometheusExporter(config, context),
}

type Kind = 'counter' | 'gauge' | 'histogram' | 'summary'

interface Series {
  /** Sorted, as they are printed. */
  readonly labels: string
  value: number
  histogram:
    | { bounds: readonly number[]; cumulative: readonly number[]; sum: number; count: number }
    | undefined
  quantiles: readonly { quantile: number; value: number }[] | undefined
  /** The last one of each bucket; a single one for a counter. */
  readonly exemplars: Map<number, Exemplar>
  updated: number
}

interface Family {
  readonly kind: Kind
  readonly help: string
  readonly series: Map<string, Series>
}

class PrometheusExporter implements Exporter {
  readonly countsItself = true
  readonly listening: Record<string, string> = {}
  private readonly config: Config
  private readonly families = new Map<string, Family>()
  private readonly sent
  private readonly dropped
  private readonly offered
  private readonly server = createServer((request, response) => {
    const path = request.url?.split('?', 1)[0]
    if (path !== '/metrics') {
      response.writeHead(404, { 'content-type': 'text/plain' }).end('the metrics are at /metrics\n')
      return
    }
    const open =
      this.config.enable_open_metrics &&
      (request.headers.accept ?? '').includes('application/openmetrics-text')
    const type = open
      ? 'application/openmetrics-text; version=1.0.0; charset=utf-8'
      : 'text/plain; version=0.0.4; charset=utf-8'
    response.writeHead(200, { 'content-type': type }).end(this.text(open))
  })

  constructor(config: Config, context: Context) {
    this.config = config
    const counter = (name: string, help: string, more = {}) =>
      context.telemetry.counter(`otelcol_exporter_${name}_metric_points_total`, help, {
        exporter: context.id,
        ...more,
      })
    this.offered = counter('offered', 'Points that reached this exporter')
    this.sent = counter('sent', 'Points whose series are shown')
    this.dropped = counter(
      'send_failed',
      'Points that cannot be shown: delta, exponential, or of another type',
      {
        reason: 'unsupported',
      },
    )
  }

  async start(): Promise<void> {
    this.listening['scrape'] =
      `http://${await listen(this.server, this.config.endpoint, 'prometheus exporter')}/metrics`
  }

  async shutdown(deadline: number): Promise<void> {
    await close(this.server, deadline)
  }

  consumer(): Consumer {
    return { consume: (batch) => this.consume(batch) }
  }

  private consume(batch: Batch): void {
    if (batch.signal !== 'metrics') return
    this.offered.value += batch.count
    let shown = 0
    for (const { resource, scopeMetrics } of decodeMetrics(batch.body).resourceMetrics ?? []) {
      const attributes = keyValues(resource?.attributes)
      const identity = identityLabels(attributes)
      const copied = this.config.resource_to_telemetry_conversion.enabled ? attributes : {}
      this.showTarget(attributes, identity)
      for (const { scope, schemaUrl, metrics } of scopeMetrics ?? []) {
        const common = {
          ...this.config.const_labels,
          ...copied,
          ...identity,
          otel_scope_name: scope?.name ?? '',
          otel_scope_version: scope?.version ?? '',
          otel_scope_schema_url: schemaUrl ?? '',
        }
        for (const metric of metrics ?? []) shown += this.show(metric, common)
      }
    }
    this.sent.value += shown
    this.dropped.value += batch.count - shown
  }

  /** What else is known of a process, under the labels that its series have. */
  private showTarget(attributes: Record<string, unknown>, identity: Record<string, string>): void {
    const more = Object.entries(attributes).filter(
      ([key]) => !['service.name', 'service.namespace', 'service.instance.id'].includes(key),
    )
    // As in the Collector: a target is only who says both which job and which instance of it.
    if (!identity['job'] || !identity['instance']) return
    const series = this.seriesOf('target_info', 'gauge', 'Target metadata', {
      ...Object.fromEntries(more),
      ...identity,
    })
    if (series) series.value = 1
  }

  /** Takes over a metric's points; answers with how many could be shown. */
  private show(metric: Metric, common: Record<string, unknown>): number {
    const { sum, gauge, histogram, summary } = metric
    const kind: Kind | undefined = histogram
      ? 'histogram'
      : summary
        ? 'summary'
        : sum?.isMonotonic
          ? 'counter'
          : gauge || sum
            ? 'gauge'
            : undefined
    const delta = (sum?.aggregationTemporality ?? histogram?.aggregationTemporality ?? 2) !== 2
    if (kind === undefined || delta) return 0
    const name = metricName(
      this.config.namespace === '' ? metric.name! : `${this.config.namespace}_${metric.name!}`,
      metric.unit ?? '',
      kind,
    )
    const seriesOf = (attributes: Json[] | undefined) =>
      this.seriesOf(name, kind, metric.description ?? '', { ...common, ...keyValues(attributes) })
    let shown = 0
    for (const point of sum?.dataPoints ?? gauge?.dataPoints ?? []) {
      const series = seriesOf(point.attributes)
      if (!series) continue
      series.value = Number(point.asDouble ?? point.asInt ?? 0)
      const exemplar = point.exemplars?.at(-1)
      if (exemplar) series.exemplars.set(0, exemplar)
      shown++
    }
    for (const point of histogram?.dataPoints ?? []) {
      const series = seriesOf(point.attributes)
      if (!series) continue
      takeHistogram(series, point)
      shown++
    }
    for (const point of summary?.dataPoints ?? []) {
      const series = seriesOf(point.attributes)
      if (!series) continue
      const quantiles = point.quantileValues ?? []
      series.quantiles = quantiles.map(({ quantile, value }) => ({
        quantile: quantile ?? 0,
        value: Number(value ?? 0),
      }))
      series.histogram = {
        bounds: [],
        cumulative: [],
        sum: Number(point.sum ?? 0),
        count: Number(point.count ?? 0),
      }
      shown++
    }
    return shown
  }

  /** Undefined when the name is already taken by a metric of another type. */
  private seriesOf(
    name: string,
    kind: Kind,
    help: string,
    labels: Record<string, unknown>,
  ): Series | undefined {
    let family = this.families.get(name)
    if (family === undefined) {
      family = { kind, help, series: new Map() }
      this.families.set(name, family)
    }
    if (family.kind !== kind) return undefined
    const text = labelsText(labels)
    let series = family.series.get(text)
    if (series === undefined) {
      series = {
        labels: text,
        value: 0,
        histogram: undefined,
        quantiles: undefined,
        exemplars: new Map(),
        updated: 0,
      }
      family.series.set(text, series)
    }
    series.updated = Date.now()
    return series
  }

  /** The exposition: Prometheus text 0.0.4, or OpenMetrics 1.0 with exemplars. */
  text(open: boolean): string {
    const lines: string[] = []
    const oldest = Date.now() - this.config.metric_expiration
    for (const [name, family] of [...this.families].sort(([a], [b]) => (a < b ? -1 : 1))) {
      for (const [key, series] of family.series) if (series.updated < oldest) family.series.delete(key)
      if (family.series.size === 0) {
        this.families.delete(name)
        continue
      }
      const title = open && family.kind === 'counter' ? name.replace(/_total$/, '') : name
      lines.push(`# HELP ${title} ${escapeHelp(family.help)}`, `# TYPE ${title} ${family.kind}`)
      for (const series of family.series.values()) writeSeries(lines, name, series, open)
    }
    if (open) lines.push('# EOF')
    return lines.length === 0 ? '' : `${lines.join('\n')}\n`
  }
}

function takeHistogram(series: Series, point: HistogramPoint): void {
  const bounds = point.explicitBounds ?? []
  let total = 0
  const cumulative = (point.bucketCounts ?? []).map((count) => (total += Number(count)))
  series.histogram = { bounds, cumulative, sum: Number(point.sum ?? 0), count: Number(point.count ?? 0) }
  for (const exemplar of point.exemplars ?? []) {
    const value = Number(exemplar.asDouble ?? exemplar.asInt ?? 0)
    const bucket = bounds.findIndex((bound) => value <= bound)
    series.exemplars.set(bucket < 0 ? bounds.length : bucket, exemplar)
  }
}

function writeSeries(lines: string[], name: string, series: Series, open: boolean): void {
  const { labels, histogram, quantiles, exemplars } = series
  const bound = (value: number) => (open ? openFloat(value) : goFloat(value))
  const whole = (value: number) => (open ? String(value) : goFloat(value))
  const withLabel = (key: string, value: string) => `{${labels}${labels === '' ? '' : ','}${key}="${value}"}`
  const plain = labels === '' ? '' : `{${labels}}`
  if (histogram === undefined) {
    lines.push(`${name}${plain} ${bound(series.value)}${open ? exemplarText(exemplars.get(0)) : ''}`)
    return
  }
  if (quantiles) {
    for (const { quantile, value } of quantiles)
      lines.push(`${name}${withLabel('quantile', bound(quantile))} ${bound(value)}`)
  } else {
    for (const [i, le] of [...histogram.bounds, Infinity].entries()) {
      const value = le === Infinity ? histogram.count : histogram.cumulative[i]
      const exemplar = open ? exemplarText(exemplars.get(i)) : ''
      lines.push(`${name}_bucket${withLabel('le', bound(le))} ${whole(value)}${exemplar}`)
    }
  }
  lines.push(`${name}_sum${plain} ${bound(histogram.sum)}`, `${name}_count${plain} ${whole(histogram.count)}`)
}

/** OpenMetrics wants a dot or an exponent in every float. */
function openFloat(value: number): string {
  const text = goFloat(value)
  return /^-?\d+$/.test(text) ? `${text}.0` : text
}

function exemplarText(exemplar: Exemplar | undefined): string {
  if (exemplar === undefined) return ''
  const ids = { span_id: exemplar.spanId, trace_id: exemplar.traceId }
  const labels = Object.entries(ids).flatMap(([key, value]) => (value ? [`${key}="${value}"`] : []))
  const value = openFloat(Number(exemplar.asDouble ?? exemplar.asInt ?? 0))
  const time = exemplar.timeUnixNano ? ` ${openFloat(Number(exemplar.timeUnixNano) / 1e9)}` : ''
  return ` # {${labels.join(',')}} ${value}${time}`
}

/** Labels of a process: job is its service, instance its id. */
function identityLabels(attributes: Record<string, unknown>): Record<string, string> {
  const name = attributes['service.name']
  const namespace = attributes['service.namespace']
  const instance = attributes['service.instance.id']
  return {
    ...(name !== undefined && {
      job: namespace === undefined ? textOf(name) : `${textOf(namespace)}/${textOf(name)}`,
    }),
    ...(instance !== undefined && { instance: textOf(instance) }),
  }
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}

/** `a="1",b="2"` in the order of the names. Two keys that become one name share it, joined by a semicolon. */
function labelsText(labels: Record<string, unknown>): string {
  const named = new Map<string, string>()
  for (const [key, value] of Object.entries(labels)) {
    const name = labelName(key)
    const before = named.get(name)
    named.set(name, before === undefined ? textOf(value) : `${before};${textOf(value)}`)
  }
  return [...named]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}="${escapeLabel(value)}"`)
    .join(',')
}

function escapeHelp(help: string): string {
  return help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
}
