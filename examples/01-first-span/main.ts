import { startTelemetry, traced, withSpan } from '@tapescope/sdk'
import { generateBars, type BarSeries } from '@tapescope/engine'

// The nightly job, as it was: three functions, called one after another. Only the call of `traced` is new.
const loadBars = traced(
  'load bars',
  (symbol: string) => generateBars({ seed: 1, length: 200_000, symbol }).bars,
)
const averageOf = traced('moving average', ({ close }: BarSeries, window: number) =>
  close.map((_, bar) => mean(close.subarray(Math.max(0, bar - window + 1), bar + 1))),
)
const crossings = traced('count crossings', ({ close }: BarSeries, average: Float64Array) =>
  close.reduce(
    (count, price, bar) => count + Number(price > average[bar] !== close[bar - 1] > average[bar - 1]),
    0,
  ),
)

const telemetry = await startTelemetry({ serviceName: 'nightly' })
withSpan('nightly', (span) => {
  const bars = loadBars('ACME')
  const count = crossings(bars, averageOf(bars, 200))
  span.setAttribute('crossings', count)
  console.log(`${bars.length} bars, ${count} crossings, trace ${span.spanContext().traceId}`)
})
await telemetry.shutdown()

function mean(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
