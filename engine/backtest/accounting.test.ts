import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { seededRandom } from '../generator-random.ts'
import type { Strategy } from '../strategy.ts'
import { Account } from './account.ts'
import { resolveConfig } from './config.ts'
import { createBacktestEngine } from './engine.ts'
import { randomWalk } from './scripted-bars.ts'
import { Simulation } from './simulation.ts'

/** Orders of every kind at random; `check` is called at each close. */
function chaos(seed: number, check: (bar: number) => void): Strategy {
  return {
    name: 'chaos',
    start: ({ bars }) => {
      const random = seededRandom(seed)
      return {
        onBar(bar, broker) {
          check(bar)
          const close = bars.close[bar]
          if (random.next() < 0.15) {
            const side = random.next() < 0.5 ? ('LONG' as const) : ('SHORT' as const)
            const sign = side === 'LONG' ? 1 : -1
            const type = (['market', 'limit', 'stop'] as const)[Math.floor(random.next() * 3)]
            const price = close * (1 + sign * (type === 'limit' ? -0.005 : 0.005))
            const stop = close * (1 - sign * (0.02 + random.next() * 0.05))
            const near = { price: close * (1 + sign * 0.03), frac: 0.5 }
            const far = { price: close * (1 + sign * 0.06), frac: 0.5 }
            broker.enter({
              side,
              type,
              ...(type === 'market' ? {} : { price, validBars: 5 }),
              ...(random.next() < 0.6 ? { stop, trailing: random.next() < 0.5 } : {}),
              ...(random.next() < 0.4 ? { targets: [near, far], ratchetStop: true } : {}),
              quantity: 1 + random.next() * 200,
            })
          }
          if (random.next() < 0.05) broker.exit({ frac: 0.25 + random.next() * 0.75 })
        },
      }
    },
  }
}

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
      const check = (bar: number): void => {
        let [unrealised, costs] = [0, 0]
        for (const lot of book.lots) {
          unrealised += book.side * (bars.close[bar] - lot.entryPrice) * lot.quantity
          costs += lot.commission + lot.borrow
        }
        const worth = account.cash + book.signed * bars.close[bar]
        const expected = 50_000 + account.trades.totals().pnl + unrealised - costs
        expect(Math.abs(worth - expected)).toBeLessThan(1e-6)
        expect(account.value).toBe(worth)
        expect(account.openPositions).toBe(book.side === 0 ? 0 : 1)
      }
      const simulation = new Simulation(account, chaos(seed, check), 0, bars.length)
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
      const run = chaos(3, () => {}).start(context)
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
