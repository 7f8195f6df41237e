import { expect, test } from 'vitest'
import type { BarSeries } from '../bar-series.ts'
import type { Broker, Strategy, StrategyRun } from '../strategy.ts'
import type { BacktestConfig } from './config.ts'
import { createBacktestEngine } from './engine.ts'
import { BacktestError } from './errors.ts'
import { randomWalk } from './scripted-bars.ts'

// Every kind of nonsense by every way in: a typed error that names the field and the bar, and an engine that runs on.

const engine = createBacktestEngine()
const bars = randomWalk(60, 2)

function refused(act: () => unknown): BacktestError {
  let thrown: unknown = 'nothing'
  try {
    act()
  } catch (error) {
    thrown = error
  }
  expect(thrown).toBeInstanceOf(BacktestError)
  return thrown as BacktestError
}

const notNumbers = [NaN, Infinity, -Infinity, -1, '5', null]

test.each<[string, unknown[]]>([
  ['initialCapital', [0, ...notNumbers.slice(0, 5)]],
  ['positionFrac', [0, 1.01, ...notNumbers.slice(0, 5)]],
  ['limits.perTrade', [0, 2, ...notNumbers]],
  ['limits.portfolioHeat', [2, NaN]],
  ['lotSize', [0, NaN]],
  ['maxOpenPositions', [0, 1.5, 101]],
  ['maxParticipation', [0, 1.5, NaN]],
  ['riskFreeRate', [NaN, 2]],
  ['borrowRateAnnual', [-0.01, NaN]],
  ['maxOrdersPerBar', [0, 1e6, NaN]],
  ['startDate', [NaN, Infinity]],
  ['endDate', [NaN, -Infinity]],
  ['exitMode', ['all', 1]],
  ['trailingStop', ['yes', 1]],
  ['haltCleared', [0]],
  ['applyPhaseExits', ['true']],
  ['strategy', ['magic', '', 5, null, {}, { start: 1 }]],
  ['commission.model', [3, { model: 'NONE' }]],
  ['slippage.model', ['none']],
  ['commission.amount', [{ model: 'FIXED', amount: NaN }]],
  ['commission.perShare', [{ model: 'PER_SHARE', perShare: -1, minimum: 0, maximum: null }]],
  ['slippage.frac', [{ model: 'FIXED_PERCENTAGE', frac: 0.9 }]],
  ['limits', ['none']],
])('a config is refused by its field: %s', (field, values) => {
  for (const value of values) {
    const [outer, inner] = field.split('.')
    const nested = outer === 'limits' && inner !== undefined
    const config = { strategy: 'sma_cross', [outer]: nested ? { [inner]: value } : value }
    const error = refused(() => engine.run(bars, config as BacktestConfig))
    expect([value, error.field, error.bar]).toEqual([value, field, null])
  }
})

test('an end before the start is refused, naming both', () => {
  const [startDate, endDate] = [bars.time[9], bars.time[3]]
  expect(refused(() => engine.run(bars, { startDate, endDate })).message).toBe(
    `endDate: must not be before startDate (${endDate} < ${startDate})`,
  )
})

const acting = (act: (broker: Broker, bar: number) => unknown, at = 7): Strategy => ({
  name: 'mad',
  start: () => ({ onBar: (bar, broker) => (bar === at ? act(broker, bar) : undefined) as void }),
})

const long = { side: 'LONG', quantity: 1 } as const
const bad = (order: object) => (broker: Broker) => void broker.enter({ ...long, ...order })
const leave = (order: object) => (broker: Broker) => void broker.exit(order)

test.each<[string, (broker: Broker) => unknown]>([
  ...notNumbers.flatMap((value): [string, (broker: Broker) => unknown][] => [
    ['order.quantity', bad({ quantity: value })],
    ['order.price', bad({ type: 'limit', price: value })],
    ['order.price', bad({ type: 'stop', price: value })],
    ['order.stop', bad({ stop: value })],
    ['order.target', bad({ target: value })],
    [
      'order.targets.1.price',
      bad({
        targets: [
          { price: 1e4, frac: 0.5 },
          { price: value, frac: 0.5 },
        ],
      }),
    ],
    ['order.targets.0.frac', bad({ targets: [{ price: 1e4, frac: value }] })],
    ['order.quantity', leave({ quantity: value })],
    ['order.price', leave({ type: 'limit', price: value })],
    ['order.stop', (broker) => broker.moveStop(value as number)],
    ['order.stop', (broker) => broker.tightenStop(value as number)],
  ]),
  ['order', (broker) => broker.enter(null as never)],
  ['order', (broker) => broker.exit(5 as never)],
  ['order.side', bad({ side: 'UP' })],
  ['order.type', bad({ type: 'iceberg' })],
  ['order.price', bad({ price: 100 })],
  ['order.targets', bad({ targets: 'all' })],
  [
    'order.targets',
    bad({
      targets: [
        { price: 1e4, frac: 0.7 },
        { price: 2e4, frac: 0.7 },
      ],
    }),
  ],
  [
    'order.targets.1.price',
    bad({
      targets: [
        { price: 1e4, frac: 0.5 },
        { price: 9e3, frac: 0.5 },
      ],
    }),
  ],
  ['order.targets.0', bad({ targets: [null] })],
  ['order.target', bad({ target: 1e4, targets: [{ price: 1e4, frac: 1 }] })],
  ['order.validBars', bad({ validBars: 0.5 })],
  ['order.tag', bad({ tag: 'why' })],
  ['order.tag.confirmedBar', bad({ tag: { confirmedBar: NaN } })],
  ['order.frac', leave({ frac: 2 })],
  ['order.frac', leave({ frac: NaN })],
  ['order.reason', leave({ reason: 'MOOD' })],
  [
    'strategy',
    () => {
      throw new Error('lost')
    },
  ],
  [
    'strategy',
    () => {
      throw null
    },
  ],
  ['strategy', () => 42],
  ['strategy', () => null],
  ['strategy', () => Promise.resolve()],
  [
    'strategy',
    (broker) => {
      for (let k = 0; k < 1e6; k++) broker.enter(long)
    },
  ],
  [
    'strategy',
    (broker) => {
      for (let k = 0; k < 1e6; k++) broker.exit()
    },
  ],
  [
    'strategy',
    (broker) => {
      for (let k = 0; k < 1e6; k++) broker.cancel(broker.enter(long))
    },
  ],
])('a strategy that goes mad stops the run with field and bar: %s', (field, act) => {
  const error = refused(() => engine.run(bars, { strategy: acting(act) }))
  expect([error.field, error.bar]).toEqual([field, 7])
  expect(error.message).toContain('at bar 7: ')
})

test('waiting orders are bounded over all bars too', () => {
  const strategy: Strategy = {
    name: 'hoarder',
    start: () => ({
      onBar(_bar, broker) {
        for (let k = 0; k < 100; k++) broker.enter({ ...long, type: 'limit', price: 0.01 })
      },
    }),
  }
  const error = refused(() => engine.run(bars, { strategy }))
  expect([error.field, error.bar]).toEqual(['strategy', 10])
})

test.each<[string, unknown]>([
  ['no run', undefined],
  ['no onBar', {}],
  ['wake bars that go back', { onBar() {}, wakeBars: [3, 2] }],
  ['wake bars that are none', { onBar() {}, wakeBars: [1.5] }],
  ['wake bars that are no list', { onBar() {}, wakeBars: 5 }],
])('a start that answers with nonsense is refused before the first bar: %s', (_name, run) => {
  const strategy = { name: 'odd', start: () => run as StrategyRun }
  const error = refused(() => engine.run(bars, { strategy }))
  expect([error.field, error.bar]).toEqual(['strategy', null])
})

test('an order is finished with where it is refused: what waits and what is held are not touched, and runs go on', () => {
  const strategy = acting((broker) => {
    const before = broker.pendingOrders
    expect(() => broker.enter({ ...long, stop: NaN })).toThrow(BacktestError)
    expect(broker.pendingOrders).toBe(before)
    broker.enter(long)
  })
  const result = engine.run(bars, { strategy })
  expect(result.orders).toMatchObject({ submitted: 1, filled: 1 })
  expect(result.barsProcessed).toBe(60)
})

const columns = ['open', 'high', 'low', 'close', 'volume'] as const

test.each([
  ...columns.flatMap((column) => [NaN, Infinity, -1].map((value) => [column, value] as const)),
  ['time', NaN] as const,
  ['time', bars.time[39]] as const,
  ['time', bars.time[12]] as const,
])('a bar that is none is refused with its index: %s %d', (column, value) => {
  const wrong = { ...bars, [column]: bars[column].slice() } as BarSeries
  wrong[column][40] = value
  for (const config of [
    { strategy: 'sma_cross' },
    { strategy: 'buy_and_hold' },
    { strategy: 'sma_cross', startDate: bars.time[50] },
  ] as const) {
    for (const run of [() => engine.run(wrong, config), () => engine.runPortfolio([wrong], config)]) {
      const error = refused(run)
      expect([error.field, error.bar]).toEqual(['bars', 40])
    }
  }
})

test('columns that are too short or none are refused', () => {
  const short = { ...bars, low: bars.low.slice(0, 10) }
  expect(refused(() => engine.run(short)).message).toBe('bars: bars.low is not a Float64Array of 60 values')
  expect(refused(() => engine.run({ ...bars, length: -1 })).field).toBe('bars')
  expect(refused(() => engine.run(null as never)).field).toBe('bars')
})
