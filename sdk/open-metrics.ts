import {
  DataPointType,
  type DataPoint,
  type Histogram,
  type MetricData,
  type ResourceMetrics,
} from '@opentelemetry/sdk-metrics'
import type { Attributes } from '@opentelemetry/api'
import type { Exemplar } from './exemplars.ts'

export const openMetricsType = 'application/openmetrics-text; version=1.0.0; charset=utf-8'

/**
 * OpenMetrics 1.0 text. `exemplarsOf` answers for the attributes of a point with its exemplars by bucket; exponential
 * histograms are left out, the format has none.
 */
export function serializeOpenMetrics(
  { scopeMetrics }: ResourceMetrics,
  exemplarsOf: (attributes: Attributes) => readonly (Exemplar | undefined)[] | undefined,
): string {
  const lines: string[] = []
  const written = new Set<string>()
  for (const metric of scopeMetrics.flatMap(({ metrics }) => metrics)) {
    const kind = kindOf(metric)
    if (kind === undefined) continue
    const clean = metric.descriptor.name.replace(/[^a-zA-Z0-9_]/g, '_')
    const name = kind === 'counter' ? clean.replace(/_total$/, '') : clean
    if (written.has(name)) continue
    written.add(name)
    const unit = /_(seconds|bytes|ratio)$/.exec(name)?.[1]
    lines.push(`# TYPE ${name} ${kind}`)
    if (unit !== undefined) lines.push(`# UNIT ${name} ${unit}`)
    lines.push(`# HELP ${name} ${escape(metric.descriptor.description)}`)
    if (metric.dataPointType === DataPointType.HISTOGRAM)
      for (const point of metric.dataPoints) histogram(lines, name, point, exemplarsOf(point.attributes))
    else if (metric.dataPointType !== DataPointType.EXPONENTIAL_HISTOGRAM) {
      const sample = kind === 'counter' ? `${name}_total` : name
      for (const { attributes, value } of metric.dataPoints)
        lines.push(`${sample}${labels(attributes)} ${value}`)
    }
  }
  lines.push('# EOF', '')
  return lines.join('\n')
}

function kindOf(metric: MetricData): 'counter' | 'gauge' | 'histogram' | undefined {
  if (metric.dataPointType === DataPointType.HISTOGRAM) return 'histogram'
  if (metric.dataPointType === DataPointType.GAUGE) return 'gauge'
  if (metric.dataPointType === DataPointType.SUM) return metric.isMonotonic ? 'counter' : 'gauge'
  return undefined
}

function histogram(
  lines: string[],
  name: string,
  { attributes, value }: DataPoint<Histogram>,
  exemplars: readonly (Exemplar | undefined)[] | undefined,
): void {
  const { boundaries, counts } = value.buckets
  let total = 0
  for (const [bucket, count] of counts.entries()) {
    total += count
    const bound = boundaries[bucket]
    const le = bound === undefined ? '+Inf' : Number.isInteger(bound) ? `${bound}.0` : String(bound)
    const exemplar = exemplars?.[bucket]
    const trace = exemplar === undefined ? '' : ` # ${exemplarText(exemplar)}`
    lines.push(`${name}_bucket${labels({ ...attributes, le })} ${total}${trace}`)
  }
  lines.push(
    `${name}_sum${labels(attributes)} ${value.sum ?? 0}`,
    `${name}_count${labels(attributes)} ${value.count}`,
  )
}

const exemplarText = ({ traceId, spanId, value, timeMs }: Exemplar): string =>
  `{trace_id="${traceId}",span_id="${spanId}"} ${value} ${timeMs / 1000}`

function labels(attributes: Attributes): string {
  const entries = Object.entries(attributes).map(
    ([name, value]) => `${name.replace(/[^a-zA-Z0-9_]/g, '_')}="${escape(textOf(value))}"`,
  )
  return entries.length === 0 ? '' : `{${entries.join(',')}}`
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value))

const escape = (text: string): string =>
  text.replace(/\\/g, '\\\\').replace(/\n/g, '\\n').replace(/"/g, '\\"')
