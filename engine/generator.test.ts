import { expect, test } from 'vitest'
import type { StructureName } from './index.ts'
import { generateBars, randomWalkBars } from './index.ts'
import { structures } from './generator-structures.ts'

const names = Object.keys(structures) as StructureName[]

test('the same seed gives the same bars, another seed others, a longer series begins with the shorter', () => {
  const a = generateBars({ seed: 7, length: 3_000 })
  expect(generateBars({ seed: 7, length: 3_000 })).toEqual(a)
  expect(generateBars({ seed: 8, length: 3_000 }).bars.close).not.toEqual(a.bars.close)
  const longer = generateBars({ seed: 7, length: 5_000 })
  expect(longer.bars.close.slice(0, 3_000)).toEqual(a.bars.close)
  expect(longer.planted.filter((p) => p.known < 3_000)).toEqual(a.planted)
  expect(randomWalkBars({ seed: 7, length: 500 })).toEqual(randomWalkBars({ seed: 7, length: 500 }))
})

test.each([
  ['default order', generateBars({ seed: 1, length: 20_000 }).bars],
  ['every structure in turn', generateBars({ seed: 2, length: 10_000, structures: names }).bars],
  ['random walk', randomWalkBars({ seed: 3, length: 20_000 })],
])('bars are valid: %s', (_name, bars) => {
  for (let i = 0; i < bars.length; i++) {
    const ok =
      bars.low[i] > 0 &&
      bars.low[i] <= Math.min(bars.open[i], bars.close[i]) &&
      bars.high[i] >= Math.max(bars.open[i], bars.close[i]) &&
      Number.isFinite(bars.high[i]) &&
      bars.volume[i] >= 0 &&
      Number.isFinite(bars.volume[i]) &&
      (i === 0 || bars.time[i] > bars.time[i - 1])
    expect(ok, `bar ${i}`).toBe(true)
  }
})

test('each 1,000 bars hold SC, Spring with Test, SOS, LPS and UTAD; every structure is written', () => {
  const { planted } = generateBars({ seed: 5, length: 30_000 })
  for (let first = 0; first + 1_000 <= 30_000; first += 250) {
    const types = planted.filter((p) => p.bar >= first && p.known < first + 1_000).map((p) => p.type)
    for (const type of ['SC', 'SPRING', 'TEST', 'SOS', 'LPS', 'UTAD'] as const)
      expect(types, `bars ${first} to ${first + 999}`).toContain(type)
  }
  expect(new Set(planted.map((p) => p.structure))).toEqual(new Set(names))
  expect(planted.map((p) => p.bar)).toEqual(planted.map((p) => p.bar).toSorted((a, b) => a - b))
})

test('a walk has the volatility it was asked for, and volumes that know nothing of it', () => {
  const bars = randomWalkBars({ seed: 11, length: 20_000, volatility: 0.02, volumeNoise: 0.4 })
  const returns = [...bars.close].slice(1).map((c, i) => Math.log(c / bars.close[i]))
  const volumes = [...bars.volume].slice(1).map((v) => Math.log(v))
  const mean = (x: number[]) => x.reduce((a, b) => a + b, 0) / x.length
  const centred = (x: number[]) => {
    const m = mean(x)
    return x.map((v) => v - m)
  }
  const sd = (x: number[]) => Math.sqrt(mean(centred(x).map((v) => v * v)))
  expect(sd(returns)).toBeCloseTo(0.02, 3)
  expect(sd(volumes)).toBeCloseTo(0.4, 2)
  const size = returns.map(Math.abs)
  const other = centred(volumes)
  const covariance = mean(centred(size).map((s, i) => s * other[i]))
  expect(Math.abs(covariance / sd(size) / sd(volumes))).toBeLessThan(0.03)
})

test('an option that makes no sense is refused with a sentence', () => {
  expect(() => generateBars({ seed: 1, length: -1 })).toThrow('length must be a whole number of bars, got -1')
  expect(() => generateBars({ seed: Number.NaN, length: 1 })).toThrow('seed must be a finite number')
  expect(() => generateBars({ seed: 1, length: 1, structures: [] })).toThrow('at least one structure')
  expect(() => generateBars({ seed: 1, length: 1, structures: ['x' as StructureName] })).toThrow(
    'unknown structure "x"; known: accumulation, distribution',
  )
  expect(() => randomWalkBars({ seed: 1, length: 1.5 })).toThrow('length must be a whole number of bars')
})
