import { assert, constantFrom, integer, property } from 'fast-check'
import { expect, test } from 'vitest'
import { seededRandom } from '../statistics.ts'
import {
  calls,
  drawCall,
  drawWaitMs,
  sharesOf,
  symbols,
  timeframes,
  userClasses,
  type UserClassName,
} from './traffic-model.ts'

const classNames = Object.keys(userClasses) as UserClassName[]

test('the shares are those of the weights', () => {
  const shares = sharesOf(userClasses.trading)
  const percent = Object.values(shares).map((share) => Math.round(share * 1_000) / 10)
  expect(percent).toEqual([63.6, 18.2, 9.1, 4.5, 2.7, 1.8])
  expect(sharesOf(userClasses.heavy)).toEqual({ detect: 0.3, generate: 0.2, backtest: 0.5 })
})

test('calls are drawn with the shares of their class, whatever the seed', () => {
  const count = 20_000
  assert(
    property(constantFrom(...classNames), integer({ min: 0 }), (name, seed) => {
      const random = seededRandom(seed)
      const drawn = new Map<string, number>()
      for (let i = 0; i < count; i++) {
        const call = drawCall(userClasses[name], random)
        drawn.set(call.name, (drawn.get(call.name) ?? 0) + 1)
      }
      for (const [call, share] of Object.entries(sharesOf(userClasses[name]))) {
        // Six standard deviations: wrong once in 500 million draws.
        const slack = 6 * Math.sqrt((share * (1 - share)) / count)
        expect(Math.abs((drawn.get(call) ?? 0) / count - share)).toBeLessThan(slack)
      }
    }),
    { numRuns: 20 },
  )
})

test('each class asks for its own series only, and for all of them', () => {
  for (const name of classNames) {
    const { symbols, timeframes, weights } = userClasses[name]
    const seen = new Set<string>()
    const random = seededRandom(7)
    for (let i = 0; i < 5_000; i++) {
      const { name: call, method, path, body } = drawCall(userClasses[name], random)
      expect(Object.keys(weights)).toContain(call)
      expect(path.startsWith(calls[call].route)).toBe(true)
      expect(method === 'POST').toBe(body !== undefined)
      const asked =
        body === undefined
          ? new URL(path, 'http://x').searchParams
          : new Map(Object.entries(JSON.parse(body) as object))
      if (asked.get('symbol') === undefined || asked.get('symbol') === null) continue
      seen.add(`${asked.get('symbol')} ${asked.get('timeframe')}`)
    }
    expect([...seen].sort()).toEqual(
      symbols.flatMap((symbol) => timeframes.map((timeframe) => `${symbol} ${timeframe}`)).sort(),
    )
  }
  expect(symbols.length * timeframes.length).toBe(30)
})

test('waits lie within the bounds of the class, on average in their middle', () => {
  for (const name of classNames) {
    const { waitMs } = userClasses[name]
    const random = seededRandom(11)
    const waits = Array.from({ length: 10_000 }, () => drawWaitMs(userClasses[name], random))
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(waitMs[0])
    expect(Math.max(...waits)).toBeLessThanOrEqual(waitMs[1])
    const mean = waits.reduce((sum, wait) => sum + wait, 0) / waits.length
    expect(Math.abs(mean - (waitMs[0] + waitMs[1]) / 2)).toBeLessThan(50)
  }
})

test('no route takes 404 for a success, nor any code of an error', () => {
  for (const { success } of Object.values(calls)) for (const code of success) expect(code).toBeLessThan(300)
})
