import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { serve } from '@hono/node-server'
import { createBacktestEngine, generateBars } from '@tapescope/engine'
import { bindGauge, instrumentBacktestEngine, startTelemetry, withSpan } from '@tapescope/sdk'

/** A desk of yours: quotes that nobody will ask about, backtests, one failure, and a feed that has stopped. */
export async function startDesk(otlpEndpoint: string) {
  const telemetry = await startTelemetry({ serviceName: 'desk', otlpEndpoint })
  const engine = instrumentBacktestEngine(createBacktestEngine())
  const server = serve({
    fetch: (request) => telemetry.metricsHandler(request),
    port: 0,
    hostname: '127.0.0.1',
  })
  if (!server.listening) await once(server, 'listening')
  const { port } = server.address() as AddressInfo

  async function work(): Promise<void> {
    for (let i = 0; i < 200; i++) withSpan('quote', () => i)
    const { bars } = generateBars({ seed: 5, length: 5000, symbol: 'ACME' })
    for (const strategy of ['sma_cross', 'buy_and_hold', 'wyckoff_all'] as const)
      engine.run(bars, { strategy })
    try {
      engine.run(bars, { positionFrac: -1 })
    } catch {
      // The engine refuses it. Its span is an error, and the tail sampling keeps errors.
    }
    bindGauge('stale_symbols', {}).set(1)
    await telemetry.flush()
  }
  return {
    metricsUrl: `http://127.0.0.1:${port}/metrics`,
    work,
    async stop() {
      server.close()
      await telemetry.shutdown()
    },
  }
}
