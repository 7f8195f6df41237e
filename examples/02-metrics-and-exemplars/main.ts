import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { serve } from '@hono/node-server'
import { bindHistogram, startTelemetry, withSpan, type MetricDefinition } from '@tapescope/sdk'

const orderTime: MetricDefinition = {
  name: 'order_seconds',
  kind: 'histogram',
  unit: 's',
  description: 'Time from an order to its acknowledgement.',
  labels: ['venue'],
  boundaries: [0.005, 0.02, 0.1, 0.5, 2],
  exemplars: true,
}

const telemetry = await startTelemetry({ serviceName: 'orders' })
const seconds = bindHistogram(orderTime, { venue: 'XNYS' })

async function order(symbol: string): Promise<void> {
  await withSpan('order', async (span) => {
    const started = performance.now()
    await withSpan('check risk', () => sleep(1))
    // What nobody knew: one symbol in forty has its limits in another database.
    if (symbol === 'S17') await withSpan('read limits elsewhere', () => sleep(700))
    await withSpan('send', () => sleep(1))
    seconds.recordInSpan((performance.now() - started) / 1000, span)
  })
}
for (let i = 0; i < 40; i++) await order(`S${i}`)
await telemetry.flush()

// What Prometheus does every few seconds: it asks for OpenMetrics, which has room for exemplars.
const server = serve({
  fetch: (request) => telemetry.metricsHandler(request),
  port: 0,
  hostname: '127.0.0.1',
})
if (!server.listening) await once(server, 'listening')
const { port } = server.address() as AddressInfo
const scrape = await fetch(`http://127.0.0.1:${port}/metrics`, {
  headers: { accept: 'application/openmetrics-text; version=1.0.0' },
})
const lines = (await scrape.text()).split('\n').filter((line) => line.startsWith('order_seconds'))
for (const line of lines) console.log(line.replace(/ # (.*}) (.*)/, '\n  # $1\n    $2'))

const slowest = lines.findLast((line) => line.includes('trace_id='))
console.log(`the slowest order: trace ${/trace_id="(\w+)"/.exec(slowest ?? '')?.[1]}`)
server.close()
await telemetry.shutdown()
