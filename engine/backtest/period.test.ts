import { expect, test } from 'vitest'
import { generateBars } from '../generator.ts'
import { wyckoff } from '../strategy-wyckoff.ts'
import type { Broker, Strategy } from '../strategy.ts'
import { createBacktestEngine } from './engine.ts'
import { randomWalk, scriptedBars } from './scripted-bars.ts'

const engine = createBacktestEngine()
const day = 86_400_000

test('a period that holds no bars is refused, naming the end of it that is wrong', () => {
  const bars = scriptedBars([
    [10, 11, 9, 10],
    [10, 11, 9, 10],
    [10, 11, 9, 10],
  ])
  const run = (config: object) => () => engine.run(bars, { strategy: 'buy_and_hold', ...config })
  const [first, last] = [bars.time[0], bars.time[2]]
  expect(run({ startDate: last + 1 })).toThrow(
    /^startDate: the period holds no bars: TEST 1d goes from 2023-01-01/,
  )
  expect(run({ endDate: first - 1 })).toThrow(/^endDate: the period holds no bars/)
  expect(run({ startDate: first + 1, endDate: first + day - 1 })).toThrow(
    expect.objectContaining({ name: 'BacktestError', field: 'endDate', bar: null }),
  )
  expect(() => engine.run(scriptedBars([]), { strategy: 'buy_and_hold' })).toThrow(
    'bars: TEST 1d holds no bars',
  )
  const one = run({ startDate: last, endDate: last })()
  expect([one.barsProcessed, one.startDate, one.endDate]).toEqual([1, last, last])
})

test('signals are counted: those of the signal engine, or the entries that a strategy orders', () => {
  const { bars } = generateBars({ seed: 7, length: 3000 })
  const config = { haltCleared: true, maxOpenPositions: 100 }
  const all = engine.run(bars, config)
  const springs = engine.run(bars, { ...config, strategy: 'wyckoff_spring' })
  const entries = new Set(all.trades.map((trade) => `${trade.signalBar} ${trade.patternType}`))
  expect(all.metrics.totalSignals).toBeGreaterThanOrEqual(entries.size)
  expect(all.metrics.totalSignals).toBeGreaterThan(springs.metrics.totalSignals)
  expect(springs.metrics.totalSignals).toBeGreaterThan(0)
  const none = engine.run(bars, { ...config, strategy: wyckoff({ patterns: [] }) })
  expect(none.metrics.totalSignals).toBe(0)

  const every: Strategy = {
    name: 'every',
    start: () => ({
      onBar(bar, broker) {
        if (bar % 7 === 0) broker.enter({ side: 'LONG', quantity: 1 })
        else if (bar % 7 === 3) broker.exit()
      },
    }),
  }
  const ordered = engine.run(randomWalk(70, 3), { strategy: every })
  expect(ordered.metrics.totalSignals).toBe(10)
  expect(ordered.orders.submitted).toBe(20)
})

test.each([1, 2, 3])(
  'bars that are skipped or filled change nothing: known signals against every bar, seed %i',
  (seed) => {
    const bars = randomWalk(9000, seed)
    const act = (bar: number, broker: Broker): void => {
      if (bar % 310 === 7)
        broker.enter({
          side: bar % 620 === 7 ? 'LONG' : 'SHORT',
          stop: bars.close[bar] * (bar % 620 === 7 ? 0.9 : 1.1),
        })
      if (bar % 310 === 130) broker.exit()
    }
    const wakeBars = Array.from({ length: 9000 }, (_, bar) => bar).filter((bar) =>
      [7, 130].includes(bar % 310),
    )
    const run = (known: object) => {
      const strategy: Strategy = { name: 'known', start: () => ({ onBar: act, ...known }) }
      return engine.run(bars, { strategy, positionFrac: 0.9, startDate: bars.time[50] })
    }
    const [{ equity: sparse, ...left }, { equity: every, ...right }] = [run({ wakeBars }), run({})]
    expect(left.trades.length).toBeGreaterThan(20)
    expect(left).toEqual(right)
    expect(sparse.value).toEqual(every.value)
  },
)
