import { decode, encode, type Json, type JsonValue } from './codec.ts'
import { MetricsRequest } from './schema.ts'

/** An ExportMetricsServiceRequest in OTLP's JSON shape, as far as the sidecar makes or reads one. */
interface MetricRequest {
  resourceMetrics?: {
    resource?: { attributes?: Json[] }
    scopeMetrics?: { scope?: { name?: string; version?: string }; schemaUrl?: string; metrics?: Metric[] }[]
  }[]
}

export interface Metric {
  name?: string
  description?: string
  unit?: string
  gauge?: { dataPoints?: NumberPoint[] }
  sum?: { dataPoints?: NumberPoint[]; aggregationTemporality?: number; isMonotonic?: boolean }
  histogram?: { dataPoints?: HistogramPoint[]; aggregationTemporality?: number }
  exponentialHistogram?: { dataPoints?: Json[] }
  summary?: { dataPoints?: SummaryPoint[] }
}

interface Point {
  attributes?: Json[]
  startTimeUnixNano?: string
  timeUnixNano?: string
  exemplars?: Exemplar[]
  flags?: number
}

interface NumberPoint extends Point {
  asDouble?: number | string
  asInt?: string
}

export interface HistogramPoint extends Point {
  count?: string
  sum?: number | string
  bucketCounts?: string[]
  explicitBounds?: number[]
}

interface SummaryPoint extends Point {
  count?: string
  sum?: number | string
  quantileValues?: { quantile?: number; value?: number | string }[]
}

export interface Exemplar {
  timeUnixNano?: string
  asDouble?: number | string
  asInt?: string
  spanId?: string
  traceId?: string
}

export const CUMULATIVE = 2

export function decodeMetrics(body: Buffer): MetricRequest {
  return decode(MetricsRequest, body)
}

export function encodeMetrics(request: MetricRequest): Buffer {
  return encode(MetricsRequest, request as Json)
}

/** One attribute with a plain value. */
export function attribute(key: string, value: JsonValue): Json {
  if (typeof value === 'boolean') return { key, value: { boolValue: value } }
  if (typeof value === 'number')
    return { key, value: Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value } }
  return { key, value: { stringValue: typeof value === 'string' ? value : JSON.stringify(value) } }
}
