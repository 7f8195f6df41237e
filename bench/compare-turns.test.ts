import { expect, test } from 'vitest'
import { changeOver, type Pairs } from './compare-turns.ts'
import { seededRandom, signedRankInterval } from './statistics.ts'

const processes = 12
const pairs = 10
const trueChange = 0.004

/**
 * Processes that measure a true change of 0.4 %: each is off by what it compiled, each pair by noise whose tails are heavy,
 * now and then by a core taken away for one run, and the machine grows slower all the time.
 */
function simulate(random: () => number): Pairs[] {
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
  const noise = (): number => 0.01 * normal() + (random() < 0.05 ? 0.15 * random() : 0)
  return Array.from({ length: processes }, () => {
    const compiled = 0.004 * normal()
    const base: number[] = []
    const head: number[] = []
    for (let pair = 0; pair < pairs; pair++) {
      const first = random() < 0.5 ? base : head
      for (const side of [first, first === base ? head : base]) {
        const drift = 1 + 0.002 * (2 * pair + (side === first ? 0 : 1))
        const change = side === head ? (1 + trueChange) * Math.exp(compiled) : 1
        side.push(400 * drift * change * Math.exp(noise()))
      }
    }
    return { base, head }
  })
}

test('the interval over processes holds the true change as often as it says, one over all pairs does not', () => {
  const random = seededRandom(11)
  const trials = 1_500
  let held = 0
  let pooledHeld = 0
  let decided = 0
  let coverage = 0
  for (let trial = 0; trial < trials; trial++) {
    const simulated = simulate(random)
    const change = changeOver(simulated)
    coverage = change.coverage
    if (change.lower <= trueChange && trueChange <= change.upper) held++
    if (change.upper <= 0.01) decided++
    const all = simulated.flatMap(({ base, head }) => head.map((ns, pair) => Math.log(ns / base[pair])))
    const pooled = signedRankInterval(all, 0.95)
    if (Math.expm1(pooled.lower) <= trueChange && trueChange <= Math.expm1(pooled.upper)) pooledHeld++
  }
  // Four standard errors of the simulation.
  const error = 4 * Math.sqrt((coverage * (1 - coverage)) / trials)
  expect(coverage).toBeGreaterThanOrEqual(0.95)
  expect(held / trials).toBeGreaterThan(coverage - error)
  expect(pooledHeld / trials).toBeLessThan(0.95 - error)
  // With 0.4 % of it there, a limit of 1 % is decided in one session of two in three.
  expect(decided / trials).toBeGreaterThan(0.6)
})

test('a change above the limit is hardly ever taken for one within it', () => {
  const random = seededRandom(5)
  const slower = simulate(random).map(({ base, head }) => ({ base, head: head.map((ns) => ns * 1.03) }))
  const { lower, estimate, upper } = changeOver(slower)
  expect(lower).toBeGreaterThan(0.01)
  expect(estimate).toBeGreaterThan(lower)
  expect(upper).toBeGreaterThan(estimate)
})
