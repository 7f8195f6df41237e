import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import {
  Refused,
  type Batch,
  type ConnectorFactory,
  type Consumer,
  type Context,
  type Processor,
} from '../component.ts'
import { count, duration, parseDuration, section } from '../config/shapes.ts'
import { AttributeReader, readValue, resourceAttributes } from '../otlp/attributes.ts'
import type { Json, JsonValue } from '../otlp/codec.ts'
import { attribute, CUMULATIVE, encodeMetrics, type Exemplar, type Metric } from '../otlp/metric-request.ts'
import { list } from '../otlp/plain.ts'
import {
  decodeResource,
  END_TIME,
  KIND,
  NAME,
  NAME_END,
  SCOPE,
  SPAN_ID,
  START_TIME,
  STATUS,
  STRIDE,
  TRACE_ID,
  type ResourceEntry,
  type TraceBatch,
} from '../otlp/trace-batch.ts'

const DEFAULT_BUCKETS = [
  '2ms',
  '4ms',
  '6ms',
  '8ms',
  '10ms',
  '50ms',
  '100ms',
  '200ms',
  '400ms',
  '800ms',
  '1s',
  '1400ms',
  '2s',
  '5s',
  '10s',
  '15s',
]

const DEFAULT_DIMENSIONS = [
  'service.name',
  'span.name',
  'span.kind',
  'status.code',
  'collector.instance.id',
] as const

const config = section({
  namespace: z.string().default('traces.span.metrics'),
  histogram: section({
    unit: z.enum(['ms', 's']).default('ms'),
    explicit: section({
      buckets: z
        .array(
          z.string().refine((text) => parseDuration(text) !== undefined, 'expected durations such as 5ms'),
        )
        .default(DEFAULT_BUCKETS)
        .describe('upper bounds'),
    }).prefault({}),
  }).prefault({}),
  dimensions: z
    .array(z.strictObject({ name: z.string().min(1), default: z.string().optional() }))
    .default([])
    .describe('attributes of the span or its resource that become labels'),
  exclude_dimensions: z.array(z.enum(DEFAULT_DIMENSIONS)).default([]),
  exemplars: section({
    enabled: z.boolean().default(false),
    max_per_data_point: count.default(5),
  }).prefault({}),
  aggregation_temporality: z
    .literal('AGGREGATION_TEMPORALITY_CUMULATIVE')
    .default('AGGREGATION_TEMPORALITY_CUMULATIVE'),
  aggregation_cardinality_limit: count
    .default(0)
    .describe('series per resource; further spans share one; 0: no limit'),
  metrics_flush_interval: duration('60s'),
  metrics_expiration: duration('0').describe('resources without spans for so long are forgotten; 0: never'),
})

type Config = z.infer<typeof config>

export const spanMetricsConnector: ConnectorFactory<Config> = {
  type: 'span_metrics',
  aliases: ['spanmetrics'],
  summary: 'counts and times spans, with exemplars',
  routes: [['traces', 'metrics']],
  config,
  create: (config, context, _from, next) => new SpanMetrics(config, context, next),
}

interface Series {
  /** What tells it from others: kind and status, then name and dimension values as bytes. */
  readonly codes: number
  readonly parts: readonly Buffer[]
  readonly attributes: Json[]
  readonly startTimeUnixNano: string
  count: number
  sum: number
  readonly buckets: Float64Array
  exemplars: Exemplar[]
}

interface ResourceSeries {
  readonly resource: Json
  readonly service: string
  readonly byHash: Map<number, Series[]>
  readonly all: Series[]
  overflow: Series | undefined
  lastSeen: number
}

const KINDS = ['UNSPECIFIED', 'INTERNAL', 'SERVER', 'CLIENT', 'PRODUCER', 'CONSUMER']
const STATUSES = ['UNSET', 'OK', 'ERROR']
const MISSING = Buffer.alloc(0)

class SpanMetrics implements Processor {
  private readonly config: Config
  private readonly next: Consumer
  private readonly readers: readonly AttributeReader[]
  /** Upper bounds in the histogram's unit. */
  private readonly bounds: Float64Array
  private readonly nanosPerUnit: number
  private readonly resources = new Map<string, ResourceSeries>()
  private readonly byEntry = new WeakMap<ResourceEntry, ResourceSeries | null>()
  private readonly instance = randomUUID()
  private readonly starts: Int32Array
  private readonly ends: Int32Array
  private readonly exemplarsPerFlush: number
  private timer: NodeJS.Timeout | undefined

  constructor(config: Config, _context: Context, next: Consumer) {
    this.config = config
    this.next = next
    this.readers = config.dimensions.map(({ name }) => new AttributeReader(name))
    this.starts = new Int32Array(this.readers.length)
    this.ends = new Int32Array(this.readers.length)
    this.nanosPerUnit = config.histogram.unit === 's' ? 1e9 : 1e6
    const unitMs = config.histogram.unit === 's' ? 1000 : 1
    this.bounds = Float64Array.from(
      config.histogram.explicit.buckets,
      (text) => parseDuration(text)! / unitMs,
    ).sort()
    this.exemplarsPerFlush = config.exemplars.enabled ? config.exemplars.max_per_data_point || Infinity : 0
  }

  start(): Promise<void> {
    this.timer ??= setInterval(() => this.flush(), this.config.metrics_flush_interval).unref()
    return Promise.resolve()
  }

  consume(batch: Batch): void {
    if (batch.signal !== 'traces') return
    const { rows, body } = batch
    let lastScope = -1
    let group: ResourceSeries | null = null
    for (let span = 0; span < batch.count; span++) {
      const row = span * STRIDE
      const scope = rows[row + SCOPE]
      if (scope !== lastScope) {
        lastScope = scope
        group = this.groupOf(batch, span)
      }
      // As in the Collector: without a service's name there is nothing to count under.
      if (group === null) continue
      const series = this.seriesOf(group, batch, span)
      const value = durationNanos(body, rows[row + START_TIME], rows[row + END_TIME]) / this.nanosPerUnit
      series.count++
      series.sum += value
      let bucket = 0
      while (bucket < this.bounds.length && value > this.bounds[bucket]) bucket++
      series.buckets[bucket]++
      if (series.exemplars.length < this.exemplarsPerFlush && series !== group.overflow)
        series.exemplars.push({
          timeUnixNano: `${Date.now()}000000`,
          asDouble: value,
          traceId: body.toString('hex', rows[row + TRACE_ID], rows[row + TRACE_ID] + 16),
          spanId: body.toString('hex', rows[row + SPAN_ID], rows[row + SPAN_ID] + 8),
        })
    }
  }

  private groupOf(batch: TraceBatch, span: number): ResourceSeries | null {
    const entry = batch.resources[batch.scopes[batch.rows[span * STRIDE + SCOPE]].resource]
    let group = this.byEntry.get(entry)
    if (group === undefined) {
      const service = resourceAttributes(batch, span)['service.name']
      group = null
      if (service !== undefined) {
        const key = entry.bytes.toString('latin1')
        group = this.resources.get(key) ?? {
          resource: decodeResource(entry),
          service: typeof service === 'string' ? service : JSON.stringify(service),
          byHash: new Map(),
          all: [],
          overflow: undefined,
          lastSeen: 0,
        }
        this.resources.set(key, group)
      }
      this.byEntry.set(entry, group)
    }
    if (group) group.lastSeen = Date.now()
    return group
  }

  /** Finds a span's series by its bytes; nothing is decoded or allocated for one that is known. */
  private seriesOf(group: ResourceSeries, batch: TraceBatch, span: number): Series {
    const { body, rows } = batch
    const row = span * STRIDE
    const codes = rows[row + KIND] * 4 + rows[row + STATUS]
    const { starts, ends, readers } = this
    let hash = hashBytes(codes, body, rows[row + NAME], rows[row + NAME_END])
    for (let i = 0; i < readers.length; i++) {
      const at = readers[i].find(batch, span)
      starts[i] = at < 0 ? 0 : at
      ends[i] = at < 0 ? 0 : readers[i].end
      hash = hashBytes(hash ^ (i + 1), body, starts[i], ends[i])
    }
    const candidates = group.byHash.get(hash)
    if (candidates) {
      for (const series of candidates) {
        if (series.codes !== codes || !equal(series.parts[0], body, rows[row + NAME], rows[row + NAME_END]))
          continue
        let same = true
        for (let i = 0; same && i < readers.length; i++)
          same = equal(series.parts[i + 1], body, starts[i], ends[i])
        if (same) return series
      }
    }
    const limit = this.config.aggregation_cardinality_limit
    if (limit > 0 && group.all.length >= limit) {
      group.overflow ??= this.newSeries(0, [], [attribute('otel.metric.overflow', true)])
      return group.overflow
    }
    const series = this.describe(group, batch, span, codes)
    if (candidates) candidates.push(series)
    else group.byHash.set(hash, [series])
    group.all.push(series)
    return series
  }

  private describe(group: ResourceSeries, batch: TraceBatch, span: number, codes: number): Series {
    const { body, rows } = batch
    const row = span * STRIDE
    const name = body.subarray(rows[row + NAME], rows[row + NAME_END])
    const standard: Record<(typeof DEFAULT_DIMENSIONS)[number], string> = {
      'service.name': group.service,
      'span.name': name.toString('utf8'),
      'span.kind': `SPAN_KIND_${KINDS[rows[row + KIND]] ?? ''}`,
      'status.code': `STATUS_CODE_${STATUSES[rows[row + STATUS]] ?? ''}`,
      'collector.instance.id': this.instance,
    }
    const attributes = DEFAULT_DIMENSIONS.filter((key) => !this.config.exclude_dimensions.includes(key)).map(
      (key) => attribute(key, standard[key]),
    )
    const parts: Buffer[] = [Buffer.from(name)]
    for (const [i, { name, default: fallback }] of this.config.dimensions.entries()) {
      const found = this.ends[i] > 0
      parts.push(found ? Buffer.from(body.subarray(this.starts[i], this.ends[i])) : MISSING)
      const value: JsonValue | undefined = found
        ? readValue(body, this.starts[i], this.ends[i])
        : (resourceAttributes(batch, span)[name] ?? fallback)
      if (value !== undefined) attributes.push(attribute(name, value))
    }
    return this.newSeries(codes, parts, attributes)
  }

  private newSeries(codes: number, parts: readonly Buffer[], attributes: Json[]): Series {
    return {
      codes,
      parts,
      attributes,
      startTimeUnixNano: `${Date.now()}000000`,
      count: 0,
      sum: 0,
      buckets: new Float64Array(this.bounds.length + 1),
      exemplars: [],
    }
  }

  /** Hands on all series as cumulative OTLP metrics. */
  flush(): void {
    const { metrics_expiration, namespace, histogram } = this.config
    const now = Date.now()
    const prefix = namespace === '' ? '' : `${namespace}.`
    let points = 0
    const resourceMetrics = []
    for (const [key, group] of this.resources) {
      if (metrics_expiration > 0 && now - group.lastSeen >= metrics_expiration) {
        this.resources.delete(key)
        continue
      }
      const all = group.overflow ? [...group.all, group.overflow] : group.all
      const time = `${now}000000`
      const metrics: Metric[] = [
        {
          name: `${prefix}calls`,
          sum: {
            aggregationTemporality: CUMULATIVE,
            isMonotonic: true,
            dataPoints: all.map((series) => ({
              attributes: series.attributes,
              startTimeUnixNano: series.startTimeUnixNano,
              timeUnixNano: time,
              asInt: String(series.count),
              exemplars: series.exemplars,
            })),
          },
        },
        {
          name: `${prefix}duration`,
          unit: histogram.unit,
          histogram: {
            aggregationTemporality: CUMULATIVE,
            dataPoints: all.map((series) => ({
              attributes: series.attributes,
              startTimeUnixNano: series.startTimeUnixNano,
              timeUnixNano: time,
              count: String(series.count),
              sum: series.sum,
              bucketCounts: Array.from(series.buckets, String),
              explicitBounds: [...this.bounds],
              exemplars: series.exemplars,
            })),
          },
        },
      ]
      points += all.length * 2
      for (const series of all) series.exemplars = []
      resourceMetrics.push({
        resource: { attributes: list(group.resource['attributes']) },
        scopeMetrics: [{ scope: { name: 'spanmetricsconnector' }, metrics }],
      })
    }
    if (points === 0) return
    try {
      this.next.consume({ signal: 'metrics', body: encodeMetrics({ resourceMetrics }), count: points })
    } catch (error) {
      // The counts are cumulative: the next flush tells them again.
      if (!(error instanceof Refused)) throw error
    }
  }

  shutdown(): Promise<void> {
    clearInterval(this.timer)
    this.flush()
    return Promise.resolve()
  }
}

/** End minus start, 0 when the end is missing or earlier. */
function durationNanos(body: Buffer, start: number, end: number): number {
  if (end === 0) return 0
  const startLow = start === 0 ? 0 : body.readUInt32LE(start)
  const startHigh = start === 0 ? 0 : body.readUInt32LE(start + 4)
  const nanos = (body.readUInt32LE(end + 4) - startHigh) * 4294967296 + (body.readUInt32LE(end) - startLow)
  return nanos > 0 ? nanos : 0
}

/** FNV-1a in 32 bits. */
function hashBytes(seed: number, bytes: Buffer, start: number, end: number): number {
  let hash = (0x811c9dc5 ^ seed) | 0
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ bytes[i], 0x01000193)
  return hash
}

function equal(part: Buffer, body: Buffer, start: number, end: number): boolean {
  if (part.length !== end - start) return false
  for (let i = 0; i < part.length; i++) if (part[i] !== body[start + i]) return false
  return true
}
