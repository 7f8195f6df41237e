import { DataPointType, type ResourceMetrics } from '@opentelemetry/sdk-metrics'

/** What a metric shows for one set of labels. */
export type MetricReading =
  | { readonly kind: 'number'; readonly value: number }
  | {
      readonly kind: 'histogram'
      readonly count: number
      readonly sum: number
      readonly boundaries: readonly number[]
      /** Values per bucket, `+Inf` last. */
      readonly counts: readonly number[]
    }

/** The point of a metric that has exactly these labels. Undefined when there is none, or it is exponential. */
export function readMetric(
  { scopeMetrics }: ResourceMetrics,
  name: string,
  labels: Readonly<Record<string, string>>,
): MetricReading | undefined {
  const wanted = keyOf(labels)
  for (const metric of scopeMetrics.flatMap((scope) => scope.metrics)) {
    if (metric.descriptor.name !== name) continue
    if (metric.dataPointType === DataPointType.EXPONENTIAL_HISTOGRAM) return undefined
    if (metric.dataPointType === DataPointType.HISTOGRAM) {
      const point = metric.dataPoints.find(({ attributes }) => keyOf(attributes) === wanted)
      if (point === undefined) return undefined
      const { count, sum = 0, buckets } = point.value
      return { kind: 'histogram', count, sum, boundaries: buckets.boundaries, counts: buckets.counts }
    }
    const point = metric.dataPoints.find(({ attributes }) => keyOf(attributes) === wanted)
    if (point !== undefined) return { kind: 'number', value: point.value }
  }
  return undefined
}

const keyOf = (labels: object): string =>
  JSON.stringify(Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1)))
