import { array, assert, integer, property } from 'fast-check'
import { expect, test } from 'vitest'
import {
  ascending,
  medianInterval,
  quantile,
  seededRandom,
  shuffled,
  signedRankInterval,
} from './statistics.ts'

test('quantiles are linear between neighbours, as in R type 7', () => {
  const values = [1, 2, 4, 8]
  expect(quantile(values, 0)).toBe(1)
  expect(quantile(values, 0.25)).toBe(1.75)
  expect(quantile(values, 0.5)).toBe(3)
  expect(quantile(values, 1)).toBe(8)
  expect(quantile([], 0.5)).toBeNaN()
})

test('the interval takes the order statistics of the binomial table', () => {
  // Conover, Practical Nonparametric Statistics: n = 20 at 95 % is the 6th and the 15th value, coverage 0.9586.
  const twenty = Array.from({ length: 20 }, (_, index) => index + 1)
  expect(medianInterval(twenty, 0.95)).toEqual({
    estimate: 10.5,
    lower: 6,
    upper: 15,
    coverage: expect.closeTo(0.958_61, 5) as number,
  })
  const sixty = Array.from({ length: 60 }, (_, index) => index + 1)
  expect(medianInterval(sixty, 0.95)).toMatchObject({ lower: 22, upper: 39 })
  expect(medianInterval([1, 2, 3, 4, 5], 0.95)).toMatchObject({
    lower: Number.NEGATIVE_INFINITY,
    upper: Number.POSITIVE_INFINITY,
  })
})

test.each([
  ['uniform', (u: number) => u, 0.5],
  ['exponential', (u: number) => -Math.log(1 - u), Math.LN2],
  ['Cauchy', (u: number) => Math.tan(Math.PI * (u - 0.5)), 0],
  ['heavy right tail', (u: number) => (1 - u) ** -2, 4],
])('on %s samples the interval holds the median as often as it says', (_, draw, trueMedian) => {
  const random = seededRandom(7)
  for (const n of [20, 40, 60]) {
    const trials = 4_000
    let held = 0
    let coverage = 0
    for (let trial = 0; trial < trials; trial++) {
      const interval = medianInterval(
        Array.from({ length: n }, () => draw(random())),
        0.95,
      )
      coverage = interval.coverage
      if (interval.lower <= trueMedian && trueMedian <= interval.upper) held += 1
    }
    // Four standard errors of the simulation.
    const error = 4 * Math.sqrt((coverage * (1 - coverage)) / trials)
    expect(Math.abs(held / trials - coverage)).toBeLessThan(error)
  }
})

test('the signed-rank interval takes the means of the published table', () => {
  // Hollander, Wolfe and Chicken, table A.4: P(W <= 3) is 5 of 256 for n = 8, P(W <= 13) 0.0212 for n = 12.
  const eight = [1, 2, 4, 8, 16, 32, 64, 128]
  const means = ascending(eight.flatMap((value, i) => eight.slice(i).map((other) => (value + other) / 2)))
  expect(signedRankInterval(eight, 0.95)).toEqual({
    estimate: quantile(means, 0.5),
    lower: means[3],
    upper: means[means.length - 4],
    coverage: 1 - 10 / 256,
  })
  const twelve = Array.from({ length: 12 }, (_, index) => index * index)
  expect(signedRankInterval(twelve, 0.95).coverage).toBeCloseTo(1 - 2 * 0.0212, 3)
  expect(signedRankInterval([1, 2, 3, 4, 5], 0.95).lower).toBe(Number.NEGATIVE_INFINITY)
})

test.each([
  ['normal', (u: number, v: number) => Math.sqrt(-2 * Math.log(1 - u)) * Math.cos(2 * Math.PI * v)],
  ['Cauchy', (u: number) => Math.tan(Math.PI * (u - 0.5))],
])('on %s samples the signed-rank interval holds the centre as often as it says', (_, draw) => {
  const random = seededRandom(9)
  for (const n of [8, 12, 20]) {
    const trials = 2_000
    let held = 0
    let coverage = 0
    for (let trial = 0; trial < trials; trial++) {
      const values = Array.from({ length: n }, () => draw(random(), random()))
      const interval = signedRankInterval(values, 0.95)
      coverage = interval.coverage
      if (interval.lower <= 0 && 0 <= interval.upper) held++
    }
    const error = 4 * Math.sqrt((coverage * (1 - coverage)) / trials)
    expect(Math.abs(held / trials - coverage)).toBeLessThan(error)
  }
})

test('the interval is ordered, holds the estimate and moves with the samples', () => {
  assert(
    property(
      array(integer({ min: -1_000, max: 1_000 }), { minLength: 6, maxLength: 60 }),
      integer({ min: -100, max: 100 }),
      (values, shift) => {
        const interval = medianInterval(values, 0.95)
        expect(interval.lower).toBeLessThanOrEqual(interval.estimate)
        expect(interval.estimate).toBeLessThanOrEqual(interval.upper)
        expect(interval.coverage).toBeGreaterThanOrEqual(0.95)
        const moved = medianInterval(
          values.map((value) => value + shift),
          0.95,
        )
        expect(moved.lower).toBe(interval.lower + shift)
        expect(moved.upper).toBe(interval.upper + shift)
      },
    ),
  )
})

test('a shuffle keeps the items, is fair and repeats with its seed', () => {
  const items = ['base', 'head', 'canary']
  expect(ascending(shuffled([3, 1, 2], seededRandom(1)))).toEqual(Float64Array.of(1, 2, 3))
  expect(shuffled(items, seededRandom(5))).toEqual(shuffled(items, seededRandom(5)))
  const random = seededRandom(11)
  const orders = new Map<string, number>()
  for (let i = 0; i < 6_000; i++) {
    const order = shuffled(items, random).join()
    orders.set(order, (orders.get(order) ?? 0) + 1)
  }
  expect(orders.size).toBe(6)
  for (const count of orders.values()) expect(Math.abs(count - 1_000)).toBeLessThan(4 * Math.sqrt(833))
})
