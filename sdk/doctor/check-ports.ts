import { createServer } from 'node:net'
import type { Settings } from '../config/settings.ts'
import type { Finding } from './finding.ts'

/** Whether the port on which metrics are to be served is free. */
export async function checkPorts(settings: Settings): Promise<Finding[]> {
  if (!settings.metricsExporter.includes('prometheus')) return []
  const { prometheusHost: host, prometheusPort: port } = settings
  const code = await tryPort(host, port)
  if (code === undefined) return []
  return [
    {
      check: 'ports',
      problem: `Metrics cannot be served on ${host}:${port}: ${code === 'EADDRINUSE' ? 'the port is taken' : code}.`,
      remedy:
        'Set OTEL_EXPORTER_PROMETHEUS_PORT to a free port, or mount telemetry.metricsHandler on your own server and drop OTEL_METRICS_EXPORTER=prometheus.',
    },
  ]
}

async function tryPort(host: string, port: number): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>()
  const server = createServer()
  server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
  server.listen(port, host, () => {
    server.close(() => resolve(undefined))
  })
  return promise
}
