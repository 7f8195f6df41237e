import type { PrometheusSerializer } from '@opentelemetry/exporter-prometheus'
import type { CollectionResult } from '@opentelemetry/sdk-metrics'
import type { MetricStore } from './metric-store.ts'
import { openMetricsType, serializeOpenMetrics } from './open-metrics.ts'

/** Takes a request for the metrics, whatever its path, and answers with the text that it accepts. */
export type MetricsHandler = (request: Request) => Promise<Response>

interface Source {
  collect(): Promise<CollectionResult>
}

const classicType = 'text/plain; version=0.0.4; charset=utf-8'

/** Serves what `source` collects: classic Prometheus text, or OpenMetrics with exemplars for who prefers it. */
export function createMetricsHandler(
  source: Source,
  classic: PrometheusSerializer,
  store: MetricStore,
  exemplars = true,
): MetricsHandler {
  return async (request) => {
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return new Response('GET the metrics here\n', { status: 405, headers: { allow: 'GET, HEAD' } })
    let resourceMetrics: CollectionResult['resourceMetrics']
    try {
      ;({ resourceMetrics } = await source.collect())
    } catch {
      // The library's reader refuses after shutdown; whoever serves this may live on.
      store.misuse('collect_refused')
      return new Response('no metrics: telemetry has been shut down\n', { status: 503 })
    }
    const open = prefersOpenMetrics(request.headers.get('accept') ?? '')
    const body = open
      ? serializeOpenMetrics(resourceMetrics, (attributes) =>
          exemplars ? store.exemplarsOf(attributes) : undefined,
        )
      : classic.serialize(resourceMetrics)
    return new Response(request.method === 'HEAD' ? null : body, {
      headers: { 'content-type': open ? openMetricsType : classicType, vary: 'accept' },
    })
  }
}

function prefersOpenMetrics(accept: string): boolean {
  const qualities = new Map<string, number>()
  for (const part of accept.split(',')) {
    const [type = '', ...parameters] = part.split(';').map((word) => word.trim().toLowerCase())
    const quality = parameters.find((parameter) => parameter.startsWith('q='))
    qualities.set(
      type,
      Math.max(qualities.get(type) ?? 0, quality === undefined ? 1 : Number(quality.slice(2))),
    )
  }
  const open = qualities.get('application/openmetrics-text') ?? 0
  return open > 0 && open >= (qualities.get('text/plain') ?? 0)
}
