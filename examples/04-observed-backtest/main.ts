import { createBacktestEngine, parseBarsCsv } from '@tapescope/engine'
import { instrumentBacktestEngine, startTelemetry, traceOf } from '@tapescope/sdk'
import { readRealBarsCsv } from '../../service/real-bars.ts'

const telemetry = await startTelemetry({ serviceName: 'backtest' })

// The one line: the engine as it was, observed. 1 bar in 16 is timed alone, the five slowest of those become spans.
const engine = instrumentBacktestEngine(createBacktestEngine(), { sampleEvery: 16, worst: 5 })

// 20 years of the S&P 500, day by day.
const { bars } = parseBarsCsv(await readRealBarsCsv(), { symbol: 'SPX', timeframe: '1d' })
const result = engine.run(bars)
const { totalTrades, totalReturn, maxDrawdown } = result.metrics
console.log(
  `${bars.length} bars, ${totalTrades} trades: return ${percent(totalReturn)}, drawdown ${percent(maxDrawdown)}`,
)
console.log(`trace ${traceOf(result)?.traceId}`)

await telemetry.shutdown()

function percent(fraction: number): string {
  return `${(100 * fraction).toFixed(1)} %`
}
