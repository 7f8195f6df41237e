import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { generateBars } from '../generator.ts'
import type { EngineObserver, ObservedFact } from '../observer.ts'
import type { Strategy } from '../strategy.ts'
import { Account } from './account.ts'
import { resolveConfig, type BacktestConfig } from './config.ts'
import { createBacktestEngine } from './engine.ts'
import { PortfolioSimulation } from './portfolio-simulation.ts'
import { randomOrders } from './random-orders.ts'
import { randomWalk, scriptedBars, type ScriptedBar } from './scripted-bars.ts'

const engine = createBacktestEngine()
const free: BacktestConfig = {
  commission: { model: 'FIXED', amount: 0 },
  slippage: { model: 'FIXED_PERCENTAGE', frac: 0 },
}
const flat: ScriptedBar = [100, 101, 99, 100]
const day = 86_400_000
const start = 1_672_531_200_000
const named = (symbol: string, rows: readonly ScriptedBar[], from = 0) =>
  scriptedBars(rows, { symbol, start: start + from * day })

/** Buys `quantity` of every symbol at the close of its first bar. */
const buyAll = (quantity: number): Strategy => ({
  name: 'all',
  start: ({ first }) => ({
    onBar(bar, broker) {
      if (bar === first) broker.enter({ side: 'LONG', quantity })
    },
  }),
})

test.each<BacktestConfig>([
  { strategy: 'sma_cross', positionFrac: 0.5 },
  { strategy: 'buy_and_hold' },
  { strategy: 'wyckoff_all', haltCleared: true },
  { strategy: randomOrders(4), borrowRateAnnual: 0.04, maxParticipation: 0.0003 },
])('with one symbol a portfolio is the single run: %o', (config) => {
  const { bars } = generateBars({ seed: 7, length: 5000 })
  const [{ symbol, ...single }, { symbols, ...portfolio }] = [
    engine.run(bars, config),
    engine.runPortfolio([bars], config),
  ]
  expect(symbols).toEqual([symbol])
  expect(portfolio.equity.value).toEqual(single.equity.value)
  expect(portfolio.equity.cash).toEqual(single.equity.cash)
  const { equity: _a, ...left } = portfolio
  const { equity: _b, ...right } = single
  expect(left).toEqual(right)
})

test('cash is shared: who comes first at an open takes it, what another frees at that open is there', () => {
  const series = ['A', 'B', 'C'].map((symbol) => named(symbol, [flat, flat, flat, flat]))
  const all = engine.runPortfolio(series, { ...free, strategy: buyAll(450), initialCapital: 100_000 })
  expect(all.openPositions.map(({ symbol }) => symbol)).toEqual(['A', 'B'])
  expect(all.orders.reasons).toEqual({ 'insufficient cash': 1 })
  const swap: Strategy = {
    name: 'swap',
    start: ({ bars: { symbol } }) => ({
      onBar(bar, broker) {
        if (bar === 0 && symbol === 'B') broker.enter({ side: 'LONG', quantity: 1000 })
        if (bar === 1 && symbol === 'A') broker.enter({ side: 'LONG', quantity: 1000 })
        if (bar === 1 && symbol === 'B') broker.exit()
      },
    }),
  }
  const swapped = engine.runPortfolio(series, { ...free, strategy: swap })
  expect(swapped.trades).toMatchObject([{ symbol: 'B', exitBar: 2 }])
  expect(swapped.openPositions).toMatchObject([{ symbol: 'A', quantity: 1000 }])
})

test('limits are shared: positions, and short notional', () => {
  const series = ['A', 'B', 'C'].map((symbol) => named(symbol, [flat, flat, flat]))
  const two = engine.runPortfolio(series, { ...free, strategy: buyAll(1), maxOpenPositions: 2 })
  expect(two.riskMetrics.maxConcurrentPositions).toBe(2)
  expect(two.orders.reasons).toEqual({ 'too many positions': 1 })
  const shorts: Strategy = {
    name: 'shorts',
    start: () => ({
      onBar(bar, broker) {
        if (bar === 0) broker.enter({ side: 'SHORT', quantity: 400 })
      },
    }),
  }
  const short = engine.runPortfolio(series, { ...free, strategy: shorts })
  expect(short.openPositions.length).toBe(2)
  expect(short.orders.reasons).toEqual({ 'short notional over equity': 1 })
})

test('bars are merged by time; a symbol without a bar keeps its price, and is not asked', () => {
  const asked: string[] = []
  const long = named('L', [flat, flat, [110, 111, 109, 110], [120, 121, 119, 120]])
  const late = named('S', [flat, [50, 51, 49, 50]], 1)
  const strategy: Strategy = {
    name: 'asked',
    start: ({ bars: { symbol } }) => ({
      onBar(bar, broker) {
        asked.push(`${symbol}${bar} ${broker.equity}`)
        if (bar === 0) broker.enter({ side: 'LONG', quantity: 10 })
      },
    }),
  }
  const result = engine.runPortfolio([long, late], { ...free, strategy })
  expect(asked).toEqual(['L0 100000', 'L1 100000', 'S0 100000', 'L2 100100', 'S1 100100', 'L3 100200'])
  expect(result.equity.length).toBe(4)
  expect(result.barsProcessed).toBe(6)
  expect(result.equity.time).toEqual(long.time)
  expect(result.openPositions).toMatchObject([
    { symbol: 'L', lastPrice: 120 },
    { symbol: 'S', averageEntry: 50, lastPrice: 50 },
  ])
  expect(result.riskMetrics.maxConcurrentPositions).toBe(2)
  expect(result.riskMetrics.maxCapitalDeployed).toBeCloseTo(1700 / 100_200, 12)
  expect(result.riskMetrics.maxPositionSize).toBeCloseTo(1200 / 100_200, 12)
})

test('several symbols of Wyckoff signals risk one account together', () => {
  const series = [3, 7, 11].map((seed, k) => {
    const { bars } = generateBars({ seed, length: 3000 })
    return { ...bars, symbol: 'ABC'[k] }
  })
  const config = { haltCleared: true, maxOpenPositions: 100 }
  const result = engine.runPortfolio(series, config)
  expect(new Set(result.trades.map(({ symbol }) => symbol))).toEqual(new Set(['A', 'B', 'C']))
  expect(result.lookAheadCheck).toMatchObject({ passed: true, tradesChecked: result.trades.length })
  expect(result.riskMetrics.maxHeat).toBeLessThanOrEqual(0.1 + 1e-9)
  const again = engine.runPortfolio(series, config)
  expect(JSON.stringify(again.trades)).toBe(JSON.stringify(result.trades))
  expect(again.equity.value).toEqual(result.equity.value)
})

test('the accounting identity holds after each step, over symbols with gaps', () => {
  const property = fc.property(fc.nat(1e6), fc.constantFrom(0, 0.05), (seed, borrowRateAnnual) => {
    const series = [0, 1, 2].map((k) =>
      randomWalk(150, seed + k, { symbol: `S${k}`, start: start + k * 20 * day, stepMs: (1 + k) * day }),
    )
    const config = resolveConfig({ initialCapital: 50_000, borrowRateAnnual }, 'random')
    const account = new Account(config, series)
    const check = (): void => {
      let [worth, unrealised, costs] = [account.cash, 0, 0]
      for (const book of account.books) {
        worth += book.signed * book.lastPrice
        for (const lot of book.lots) {
          unrealised += book.side * (book.lastPrice - lot.entryPrice) * lot.quantity
          costs += lot.commission + lot.borrow
        }
      }
      let realised = 0
      for (let k = 0; k < account.trades.count; k++) realised += account.trades.realized(k)
      const expected = 50_000 + realised + unrealised - costs
      expect(Math.abs(worth - expected)).toBeLessThan(1e-6)
      expect(account.value).toBe(worth)
    }
    const periods = series.map(({ length }) => ({ first: 0, end: length }))
    new PortfolioSimulation(account, randomOrders(seed, check), periods).play(undefined)
    const { submitted, filled, cancelled, rejected } = account.orders
    expect(filled + cancelled + rejected).toBe(submitted)
  })
  fc.assert(property, { numRuns: 40, seed: 8 })
})

test('an observer hears steps, and facts with their symbol, and changes nothing', () => {
  const series = [1, 2].map((seed) => randomWalk(300, seed, { symbol: `S${seed}`, stepMs: seed * day }))
  const facts: ObservedFact[] = []
  const bars: number[] = []
  const observer: EngineObserver = {
    runStarted: () => ({
      blockStarted: (first) => first,
      barStarted: (bar) => void bars.push(bar),
      stageEnded() {},
      barEnded: (bar) => bar + 1,
      blockEnded() {},
      fact: (fact) => void facts.push(fact),
      runEnded() {},
    }),
  }
  const config = { strategy: randomOrders(9) }
  const seen = engine.runPortfolio(series, config, { observer })
  expect(bars).toEqual(Array.from({ length: seen.equity.length }, (_, step) => step))
  expect(new Set(facts.map(({ attributes }) => attributes['symbol']))).toEqual(new Set(['S1', 'S2']))
  for (const { bar, time } of facts) expect(seen.equity.time[bar]).toBe(time)
  expect(engine.runPortfolio(series, config).trades).toEqual(seen.trades)
})

test('a portfolio is refused by what is wrong with it', () => {
  const a = named('A', [flat, flat])
  const hourly = scriptedBars([flat], { symbol: 'H', timeframe: '1h' })
  const act =
    (series: (typeof a)[], config = {}) =>
    () =>
      engine.runPortfolio(series, { strategy: 'sma_cross', ...config })
  expect(act([])).toThrow('series: a portfolio needs at least one symbol')
  expect(act([a, a])).toThrow('series.1: A is there twice')
  expect(act([a, hourly])).toThrow('series.1: H is in 1h bars, A in 1d; resample one')
  expect(act([a], { startDate: start + 9 * day })).toThrow('startDate: the period holds no bars')
  const lost: Strategy = {
    name: 'lost',
    start: ({ bars: { symbol } }) => ({
      onBar(bar, broker) {
        if (symbol === 'B' && bar === 1) broker.enter({ side: 'LONG', quantity: NaN })
      },
    }),
  }
  expect(act([a, named('B', [flat, flat])], { strategy: lost })).toThrow(
    'order.quantity at bar 1: B: must be a finite number above 0, got NaN',
  )
})
