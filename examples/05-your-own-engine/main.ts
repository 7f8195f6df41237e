import { DataFrame } from 'data-forge'
import { analyze, backtest, type IBar, type IStrategy } from 'grademark'
import { parseBarsCsv } from '@tapescope/engine'
import { bindCounter, instrumentEngine, startTelemetry, traced, withSpan } from '@tapescope/sdk'
import { readRealBarsCsv } from '../../service/real-bars.ts'

// The adapter: what a call of the library will do, read from its arguments, and what to count when it has ended.
// `grademark` comes from npm and knows nothing of it.
const grademark = instrumentEngine(
  { backtest: backtest<IBar, IBar, object, number>, analyze: traced('grademark.analyze', analyze) },
  {
    backtest: {
      describe: (_, bars) => ({ spanName: 'grademark.backtest', symbol: 'SPX', bars: bars.count() }),
      ended: ({ symbol = '' }, { status }) =>
        bindCounter('backtest_executions_total', { symbol, status }).add(),
    },
  },
)

const telemetry = await startTelemetry({ serviceName: 'my-desk' })
const bars = await loadBars()
for (const lookback of [5, 20, 80])
  withSpan(`lookback ${lookback}`, (span) => {
    const trades = grademark.backtest(aboveMean(lookback), bars)
    const { profitPct } = grademark.analyze(10_000, trades)
    const { traceId } = span.spanContext()
    console.log(`${lookback}: ${trades.length} trades, ${profitPct.toFixed(1)} %, trace ${traceId}`)
  })
const metrics = await telemetry.metricsHandler(new Request('http://localhost/metrics'))
console.log((await metrics.text()).match(/^backtest_executions_total.*/m)?.[0])
await telemetry.shutdown()

/** Buys above the mean of the last closes, sells below it. */
function aboveMean(lookbackPeriod: number): IStrategy<IBar, IBar, object> {
  return {
    lookbackPeriod,
    entryRule(enter, { bar, lookback }) {
      if (bar.close > lookback.deflate(({ close }) => close).average()) enter()
    },
    exitRule(exit, { bar, lookback }) {
      if (bar.close < lookback.deflate(({ close }) => close).average()) exit()
    },
  }
}

async function loadBars() {
  const { bars } = parseBarsCsv(await readRealBarsCsv(), { symbol: 'SPX', timeframe: '1d' })
  const { time, open, high, low, close, volume } = bars
  const values = Array.from({ length: 1000 }, (_, i) => ({
    time: new Date(time[i]),
    open: open[i],
    high: high[i],
    low: low[i],
    close: close[i],
    volume: volume[i],
  }))
  return new DataFrame<number, IBar>({ values })
}
