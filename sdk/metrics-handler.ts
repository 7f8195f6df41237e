import type { PrometheusSerializer } from '@opentelemetry/exporter-prometheus'
import type { CollectionResult } from '@opentelemetry/sdk-metrics'

/** Takes a request for the metrics, whatever its path, and answers with the text that it accepts. */
export type MetricsHandler = (request: Request) => Promise<Response>

interface Source {
  collect(): Promise<CollectionResult>
}

const classicType = 'text/plain; version=0.0.4; charset=utf-8'

/** Serves what `source` collects, as classic Prometheus text. */
export function createMetricsHandler(source: Source, classic: PrometheusSerializer): MetricsHandler {
  return async (request) => {
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return new Response('GET the metrics here\n', { status: 405, headers: { allow: 'GET, HEAD' } })
    const { resourceMetrics } = await source.collect()
    const body = classic.serialize(resourceMetrics)
    return new Response(body, { headers: { 'content-type': classicType } })
  }
}
