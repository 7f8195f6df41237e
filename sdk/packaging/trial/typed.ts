import { createLogger, instrumentBacktestEngine, startTelemetry, type Telemetry } from '@tapescope/sdk'
import { traceRequests } from '@tapescope/sdk/hono'
import { createTestTelemetry } from '@tapescope/sdk/testing'
import { Hono } from 'hono'

const telemetry: Telemetry = await startTelemetry({ serviceName: 'typed', tracesSampler: 'always_on' })
const engine = instrumentBacktestEngine({
  run: (bars: { symbol: string; length: number }) => ({ seen: bars.length }),
})
const seen: number = engine.run({ symbol: 'ACME', length: 3 }).seen
new Hono().use(traceRequests()).get('/metrics', (c) => telemetry.metricsHandler(c.req.raw))
createLogger().info('seen', { seen })
createTestTelemetry().expectTree('')
// @ts-expect-error -- an unknown setting
await startTelemetry({ serviceNam: 'typed' })
