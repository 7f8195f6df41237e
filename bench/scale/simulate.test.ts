import { expect, test } from 'vitest'
import { readJson } from '../result.ts'
import { checkPoint, fleetFor, tolerance } from './foretell.ts'
import { measuredSchema } from './measured.ts'
import { scaleReport } from './scale-report.ts'
import { burstArrivals, type Demand, poissonArrivals, simulate } from './simulate.ts'

const even: Demand = { serviceMs: 4, postgresMs: 4, waitMs: 2, spread: [1] }
const one = { services: 1, connections: 10, shards: 1, coresPerShard: 2 }

test('one operation takes what it demands; two at once share the event loop', () => {
  expect(simulate([0], even, one, 1)).toMatchObject({ done: 1, lastMs: expect.closeTo(10, 6) as number })
  const two = simulate([0, 0], even, one, 1)
  expect(two.lastMs).toBeGreaterThan(10)
  expect(two.lastMs).toBeLessThan(20)
})

test('an M/M/1 queue waits as the formula says', () => {
  // Exponential service of mean 5 ms at a load of 0.6: the mean time in the system is 5 / (1 - 0.6) = 12.5 ms.
  const spread = Array.from({ length: 2_000 }, (_, k) => -Math.log(1 - (k + 0.5) / 2_000))
  const demand: Demand = { serviceMs: 0, postgresMs: 5, waitMs: 0, spread }
  const single = { services: 1, connections: 1, shards: 1, coresPerShard: 1 }
  const arrivals = poissonArrivals(120, 600, 3)
  const { p50Ms, p95Ms, perSecond } = simulate(arrivals, demand, single, 4)
  // Time in the system is exponential: quantile q at -ln(1 - q) x 12.5 ms.
  expect(p50Ms / (12.5 * Math.log(2))).toBeCloseTo(1, 1)
  expect(p95Ms / (12.5 * Math.log(20))).toBeCloseTo(1, 1)
  expect(perSecond / 120).toBeCloseTo(1, 1)
})

test('no more is done than the busiest part can do, and all that arrives is done', () => {
  const burst = simulate(burstArrivals(1_000, 0), even, one, 1)
  expect(burst.done).toBe(1_000)
  // 4 ms of the one event loop each.
  expect(burst.perSecond).toBeLessThanOrEqual(250)
  expect(burst.perSecond).toBeGreaterThan(200)
  const shared = simulate(burstArrivals(1_000, 0), even, { ...one, sharedCores: 1 }, 1)
  // 8 ms of the one core each.
  expect(shared.perSecond).toBeLessThanOrEqual(125)
  expect(shared.perSecond).toBeGreaterThan(110)
})

test('the fleet found keeps the goal and grows with the symbols', () => {
  const fleets = [10, 1_000, 20_000].map((symbols) => fleetFor(symbols, even))
  expect(fleets.map(({ services }) => services)).toEqual([1, 1, expect.any(Number)])
  expect(fleets[2].services).toBeGreaterThan(1)
  for (const { simulated, symbols } of fleets) {
    expect(simulated.done).toBe(symbols)
    expect(simulated.lastMs).toBeLessThanOrEqual(30_000)
  }
})

test('the stored point is foretold within the tolerance, from the stored figures', async () => {
  const measured = await readJson(`${import.meta.dirname}/measured.json`, measuredSchema)
  const { perSecondError, p95Error, holds } = checkPoint(measured)
  expect(Math.abs(perSecondError)).toBeLessThanOrEqual(tolerance.perSecond)
  expect(Math.abs(p95Error)).toBeLessThanOrEqual(tolerance.p95)
  expect(holds).toBe(true)
})

test('the report fits a terminal', async () => {
  const measured = await readJson(`${import.meta.dirname}/measured.json`, measuredSchema)
  for (const line of scaleReport(measured, [10, 1_000, 10_000]).split('\n'))
    expect(line.length).toBeLessThanOrEqual(80)
})
