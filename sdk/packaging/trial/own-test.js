import { instrumentBacktestEngine } from '@tapescope/sdk'
import { createFakeClock, createTestTelemetry } from '@tapescope/sdk/testing'
const telemetry = createTestTelemetry()
instrumentBacktestEngine({ run: (bars) => bars.length }).run({ symbol: 'ACME', length: 10 })
telemetry.expectTree('backtest.run')
const reading = await telemetry.metric('backtest_executions_total', { symbol: 'ACME', status: 'completed' })
const clock = createFakeClock(0)
clock.advance(1500)
if (reading?.value !== 1 || clock.hrTime()[0] !== 1) throw new Error('wrong')
await telemetry.stop()
console.log('ok')
