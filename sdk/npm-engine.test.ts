import { DataFrame } from 'data-forge'
import * as grademark from 'grademark'
import type { IBar, IStrategy } from 'grademark'
import { expect, it } from 'vitest'
import { bindCounter, bindHistogram, instrumentEngine, metricTable, MetricStore, traced } from './index.ts'
import { testTracer } from './testing/test-tracer.ts'

interface Bar extends IBar {
  mean: number
}

const closes = Array.from({ length: 500 }, (_, day) => 100 + 10 * Math.sin(day / 9) + day / 50)
const bars = new DataFrame<number, Bar>({
  values: closes.map((close, day) => ({
    time: new Date(Date.UTC(2020, 0, 1 + day)),
    open: close - 0.5,
    high: close + 1,
    low: close - 1,
    close,
    volume: 1000,
    mean:
      closes.slice(Math.max(0, day - 19), day + 1).reduce((sum, one) => sum + one, 0) / Math.min(day + 1, 20),
  })),
})
const strategy: IStrategy<IBar, Bar, object> = {
  entryRule: (enter, { bar }) => void (bar.close > bar.mean && enter()),
  exitRule: (exit, { bar }) => void (bar.close < bar.mean && exit()),
}

it('observes a backtesting library from npm as it is: the same trades, a span, metrics', () => {
  const { tracer, spans } = testTracer()
  const store = new MetricStore()
  const duration = { name: 'backtest_duration_seconds', ...metricTable.backtest_duration_seconds }
  const observed = instrumentEngine(
    { backtest: grademark.backtest<IBar, Bar, object, number> },
    {
      backtest: {
        describe: (_strategy, series) => ({
          spanName: 'grademark.backtest',
          symbol: 'ACME',
          bars: series.count(),
        }),
        ended: ({ symbol = '' }, { durationMs, status, span }) => {
          bindCounter('backtest_executions_total', { symbol, status }, store).add()
          bindHistogram(duration, { symbol }, store).recordInSpan(durationMs / 1000, span)
        },
      },
    },
    { store, tracer },
  )
  const alone = grademark.backtest<IBar, Bar, object, number>(strategy, bars)
  const trades = observed.backtest(strategy, bars)
  expect(trades).toEqual(alone)
  expect(trades.length).toBeGreaterThan(5)
  expect(traced('grademark.analyze', grademark.analyze)(1000, trades)).toEqual(grademark.analyze(1000, alone))

  const [span] = spans()
  expect(span.name).toBe('grademark.backtest')
  expect(span.attributes).toMatchObject({
    'tapescope.symbol': 'ACME',
    'tapescope.bars': 500,
    'tapescope.status': 'completed',
  })
  const [count] = [...store.families.get('backtest_executions_total')!.series.values()]
  const [seconds] = [...store.families.get('backtest_duration_seconds')!.series.values()]
  expect(count.slots[0]).toBe(1)
  expect(seconds.exemplars.find((one) => one !== undefined)?.traceId).toBe(span.spanContext().traceId)

  // Its own check of what it is given throws; the caller gets that, and the span says so.
  expect(() => observed.backtest(undefined as never, bars)).toThrow('strategy')
  expect(spans().at(-1)?.attributes).toMatchObject({ 'tapescope.status': 'failed' })
})
