import { diag } from '@opentelemetry/api'
import { createServer } from 'node:http'
import type { MetricsHandler } from './metrics-handler.ts'

/**
 * Serves the metrics at `/metrics` for Prometheus to scrape (OTEL_METRICS_EXPORTER=prometheus). A taken port is told
 * to the diagnostic logger; the program runs on. The server does not keep the process alive.
 */
export function servePrometheus(
  handler: MetricsHandler,
  host: string,
  port: number,
): { close(): Promise<void> } {
  const server = createServer((request, response) => {
    void (async () => {
      const path = request.url?.split('?', 1)[0]
      if (path !== '/metrics') {
        response.writeHead(404).end('The metrics are at /metrics\n')
        return
      }
      const { accept = '' } = request.headers
      const answer = await handler(
        new Request('http://localhost/metrics', { method: request.method ?? 'GET', headers: { accept } }),
      )
      response.writeHead(answer.status, Object.fromEntries(answer.headers))
      response.end(await answer.text())
    })().catch(() => response.destroy())
  })
  server.on('error', (error: NodeJS.ErrnoException) =>
    diag.error(
      error.code === 'EADDRINUSE'
        ? `tapescope: port ${port} of ${host} is taken, metrics are not served there; set OTEL_EXPORTER_PROMETHEUS_PORT`
        : `tapescope: metrics are not served on ${host}:${port}: ${error.message}`,
    ),
  )
  server.listen(port, host).unref()
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
