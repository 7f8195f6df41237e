import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import type { BarSeries, SignalResult } from '../index.ts'
import { createSignalEngine, generateBars, parseBarsCsv, randomWalkBars } from '../index.ts'
import { structures } from '../generator-structures.ts'
import type { StructureName } from '../generator-structures.ts'
import { pivots } from './candidates.ts'
import { closeCalls } from './compare.ts'
import { oracle } from './oracle.ts'

const presets = ['strict', 'standard'] as const
const csv = readFileSync(
  new URL('../../node_modules/vega-datasets/data/sp500-2000.csv', import.meta.url),
  'utf8',
)
const real = parseBarsCsv(csv, { symbol: 'SP500', timeframe: '1d' }).bars
const names = Object.keys(structures) as StructureName[]

const series: [string, BarSeries][] = [
  ['the S&P 500', real],
  ['a random walk', randomWalkBars({ seed: 1, length: 3_000 })],
  ['generated', generateBars({ seed: 1, length: 4_000 }).bars],
]

const near = (a: number | null, b: number | null) =>
  a === null || b === null ? a === b : Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(b))

test.each(series)('measures and pivots are the oracle’s: %s', (_name, bars) => {
  const engine = createSignalEngine({ preset: 'strict' }).generate(bars)
  const expected = oracle(bars, 'strict')
  for (let i = 0; i < bars.length; i++) {
    const own = engine.volumeOf(i)
    const { ratio, spreadRatio, closePosition, effort } = expected.measures[i]
    const agree =
      near(own.volumeRatio, ratio) &&
      near(own.spreadRatio, spreadRatio) &&
      near(own.closePosition, closePosition)
    expect(agree, `bar ${i}`).toBe(true)
    expect(own.effort, `bar ${i}`).toBe(effort)
  }
  expect([...engine.pivots.highs]).toEqual(pivots(bars, 'high', 0, bars.length - 1))
  expect([...engine.pivots.lows]).toEqual(pivots(bars, 'low', 0, bars.length - 1))
})

const streamTypes = new Set(['SC', 'AR', 'ST', 'BC', 'AR_DOWN', 'ST_UP'])

test.each(series)('climaxes, rallies and secondary tests are the oracle’s: %s', (_name, bars) => {
  for (const preset of presets) {
    closeCalls.count = 0
    const expected = oracle(bars, preset)
      .events.filter((e) => streamTypes.has(e.type))
      .map((e) => `${e.type} ${e.bar} ${e.confirmed} ${e.confidence}`)
    const own = createSignalEngine({ preset })
      .generate(bars)
      .events.filter((e) => streamTypes.has(e.type))
      .map((e) => `${e.type} ${e.bar} ${e.confirmedBar} ${e.confidence}`)
    const differing = [
      ...expected.filter((e) => !own.includes(e)),
      ...own.filter((e) => !expected.includes(e)),
    ]
    // A close call may show as one event on each side.
    expect(differing.length, differing.join('; ')).toBeLessThanOrEqual(2 * closeCalls.count)
  }
})

const found = (result: SignalResult) => new Set(result.events.map((e) => `${e.type} ${e.bar}`))

test.each(presets)('what was planted by the rules is found, by oracle and engine: %s', (preset) => {
  const types = new Set(['SC', 'BC', 'SPRING', 'TEST', 'SOS', 'SOW', 'LPS', 'LPSY', 'UTAD'])
  // Out of phase B only `standard` sees a breakout.
  const courses = names.filter((name) => preset === 'standard' || !name.endsWith('-direct'))
  for (const name of courses) {
    const { bars, planted } = generateBars({ seed: 1, length: 700, structures: [name] })
    const expected = new Set(oracle(bars, preset).events.map((e) => `${e.type} ${e.bar}`))
    const own = found(createSignalEngine({ preset }).generate(bars))
    for (const label of planted.filter((p) => types.has(p.type))) {
      expect(expected, `oracle, ${name}`).toContain(`${label.type} ${label.bar}`)
      expect(own, `engine, ${name}`).toContain(`${label.type} ${label.bar}`)
    }
  }
})

test('random walks give less than a third of the signals of the real bars', () => {
  const engine = createSignalEngine()
  const seeds = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]
  const signals = engine.generate(real).signals.length
  const walked = seeds.map(
    (seed) => engine.generate(randomWalkBars({ seed, length: real.length })).signals.length,
  )
  const mean = walked.reduce((a, b) => a + b, 0) / seeds.length
  expect(signals).toBeGreaterThan(9)
  expect(mean, `walks ${walked.join(' ')}, real ${signals}`).toBeLessThan(signals / 3)
})
