import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Broker, Strategy } from '../strategy.ts'
import { Account } from './account.ts'
import { resolveConfig } from './config.ts'
import { createBacktestEngine } from './engine.ts'
import { randomOrders } from './random-orders.ts'
import { randomWalk } from './scripted-bars.ts'
import { Simulation } from './simulation.ts'

test('cash + positions = capital + realised + unrealised - costs of what is open, after each bar', () => {
  const property = fc.property(
    fc.nat(1e6),
    fc.constantFrom(null, 0.0003),
    fc.constantFrom(0, 0.05),
    fc.boolean(),
    (seed, maxParticipation, borrowRateAnnual, trailingStop) => {
      const bars = randomWalk(400, seed)
      const config = resolveConfig(
        { initialCapital: 50_000, maxParticipation, borrowRateAnnual, trailingStop },
        'chaos',
      )
      const account = new Account(config, [bars])
      const book = account.books[0]
      const check = (bar: number, broker: Broker): void => {
        let [unrealised, costs] = [0, 0]
        for (const lot of book.lots) {
          unrealised += book.side * (bars.close[bar] - lot.entryPrice) * lot.quantity
          costs += lot.commission + lot.borrow
        }
        const worth = account.cash + book.signed * bars.close[bar]
        let realised = 0
        for (let k = 0; k < account.trades.count; k++) realised += account.trades.realized(k)
        const expected = 50_000 + realised + unrealised - costs
        expect(Math.abs(worth - expected)).toBeLessThan(1e-6)
        expect(broker.equity).toBe(worth)
        expect(account.openPositions).toBe(book.side === 0 ? 0 : 1)
      }
      const simulation = new Simulation(account, randomOrders(seed, check), 0, bars.length)
      simulation.play(undefined)
      const { submitted, filled, cancelled, rejected } = account.orders
      expect(filled + cancelled + rejected).toBe(submitted)
    },
  )
  fc.assert(property, { numRuns: 60, seed: 5 })
})

test('the curve rebuilt on demand is the one that was marked, and the months multiply to the total', () => {
  const marks: number[] = []
  const bars = randomWalk(3000, 11)
  const strategy: Strategy = {
    name: 'chaos',
    start: (context) => {
      const run = randomOrders(3).start(context)
      return {
        onBar(bar, broker) {
          marks.push(broker.equity)
          run.onBar(bar, broker)
        },
      }
    },
  }
  const result = createBacktestEngine().run(bars, { strategy, initialCapital: 50_000 })
  expect([...result.equity.value]).toEqual(marks)
  const product = result.monthlyReturns.reduce((all, month) => all * (1 + month.returnFrac), 1)
  expect(product - 1).toBeCloseTo(result.metrics.totalReturn, 10)
  const counted = result.monthlyReturns.reduce((all, month) => all + month.tradeCount, 0)
  expect(counted).toBe(result.trades.length)
  let [peak, deepest] = [50_000, 0]
  for (const value of marks) {
    peak = Math.max(peak, value)
    deepest = Math.max(deepest, (peak - value) / peak)
  }
  expect(result.metrics.maxDrawdown).toBeCloseTo(deepest, 12)
  expect(result.lookAheadCheck).toMatchObject({ passed: true, tradesChecked: result.trades.length })
})
