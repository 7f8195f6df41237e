import { ValueType, type HrTime } from '@opentelemetry/api'
import {
  AggregationTemporality,
  DataPointType,
  type CollectionResult,
  type DataPoint,
  type Histogram,
  type MetricData,
  type MetricProducer,
} from '@opentelemetry/sdk-metrics'
import { processStore, totalsOf, type Family, type MetricStore, type Series } from './metric-store.ts'
import { packageVersion } from './package-version.ts'

/** Shows the store to every OpenTelemetry metric reader (Prometheus, OTLP, in memory), always cumulative. */
export function createMetricProducer(store: MetricStore = processStore): MetricProducer {
  return {
    async collect(): Promise<CollectionResult> {
      store.refresh()
      const startTime = hrTime(store.startTimeMs)
      const endTime = hrTime(Date.now())
      const metrics: MetricData[] = []
      for (const family of store.families.values())
        if (family.series.size > 0) metrics.push(metricData(family, startTime, endTime))
      const scope = { name: '@tapescope/sdk', version: packageVersion }
      return {
        resourceMetrics: { resource: emptyResource, scopeMetrics: [{ scope, metrics }] },
        errors: [],
      }
    },
  }
}

function metricData(family: Family, startTime: HrTime, endTime: HrTime): MetricData {
  const { definition, series } = family
  const { name, description, unit, kind } = definition
  const points = <T>(value: (one: Series) => T): DataPoint<T>[] =>
    [...series.values()].map((one) => ({ startTime, endTime, attributes: one.labels, value: value(one) }))
  const descriptor = { name, description, unit, valueType: ValueType.DOUBLE }
  const base = { descriptor, aggregationTemporality: AggregationTemporality.CUMULATIVE }
  if (kind === 'histogram')
    return {
      ...base,
      dataPointType: DataPointType.HISTOGRAM,
      dataPoints: points((one) => histogram(family, one)),
    }
  const dataPoints = points((one) => totalsOf(one)[0])
  if (kind === 'gauge') return { ...base, dataPointType: DataPointType.GAUGE, dataPoints }
  return { ...base, dataPointType: DataPointType.SUM, isMonotonic: true, dataPoints }
}

function histogram({ definition }: Family, series: Series): Histogram {
  const slots = totalsOf(series)
  const counts = Array.from(slots.subarray(0, slots.length - 1))
  const count = counts.reduce((total, one) => total + one, 0)
  return { buckets: { boundaries: [...definition.boundaries!], counts }, count, sum: slots.at(-1)! }
}

const hrTime = (ms: number): HrTime => [Math.floor(ms / 1000), (ms % 1000) * 1e6]

/** The reader puts its own resource in the place of this one. */
const emptyResource = {
  attributes: {},
  merge: (other: unknown) => other,
  getRawAttributes: () => [],
} as unknown as CollectionResult['resourceMetrics']['resource']
