import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import type { BarSeries } from '../index.ts'
import { createSignalEngine, generateBars, parseBarsCsv, randomWalkBars } from '../index.ts'
import { closeCalls } from './compare.ts'
import { oracle } from './oracle.ts'

const csv = readFileSync(
  new URL('../../node_modules/vega-datasets/data/sp500-2000.csv', import.meta.url),
  'utf8',
)

/** `ORACLE_SEEDS=50 npx vitest run --project unit engine/oracle` for a longer hunt. */
const seeds = Array.from({ length: Number(process.env.ORACLE_SEEDS ?? 1) }, (_, k) => k + 2)

const series: [string, BarSeries][] = [
  ['the S&P 500', parseBarsCsv(csv, { symbol: 'SP500', timeframe: '1d' }).bars],
  ...seeds.flatMap((seed): [string, BarSeries][] => [
    [`walk ${seed}`, randomWalkBars({ seed, length: 2_000 })],
    [`generated ${seed}`, generateBars({ seed, length: 3_000 }).bars],
  ]),
]

const cases = series.flatMap(([name, bars]) =>
  (['strict', 'standard'] as const).map((preset): [string, 'strict' | 'standard', BarSeries] => [
    name,
    preset,
    bars,
  ]),
)

/** Nine digits, as an oracle that adds in another order can promise. */
const digits = (value: number) => value.toPrecision(9)

test.each(cases)('every decision is the oracle’s: %s, %s', (_name, preset, bars) => {
  closeCalls.count = 0
  const expected = oracle(bars, preset)
  const close = closeCalls.count
  const engine = createSignalEngine({ preset }).generate(bars)
  const told = [
    ...expected.ranges.map((r) => `range ${r.start}@${r.activeBar}`),
    ...expected.events.map((e) => `${e.type} ${e.bar} known ${e.confirmed} confidence ${e.confidence}`),
    ...expected.patterns.map((p) => {
      const about = `pattern ${p.type} ${p.range} ${p.bar} ${p.confirmed} ${p.confidence}`
      return `${about} ${p.phase} ${p.phaseConfidence} ${p.verdict?.stage ?? ''}`
    }),
    ...expected.patterns.flatMap((p) => {
      if (p.status !== 'signalled' || p.verdict === null) return []
      const { entry, stop, target, r, overall, size, review, priority } = p.verdict
      const prices = [entry, stop, target, r].map(digits).join(' ')
      return [
        `signal ${p.type} ${p.bar} ${p.judged} ${prices} ${overall} ${size} ${review} ${priority.toFixed(6)}`,
      ]
    }),
  ]
  const own = [
    ...engine.ranges.map((r) => `range ${r.startBar}@${r.activeBar}`),
    ...engine.events.map((e) => `${e.type} ${e.bar} known ${e.confirmedBar} confidence ${e.confidence}`),
    ...engine.patterns.map((p) => {
      const range = `${p.range.startBar}@${p.range.activeBar}`
      const about = `pattern ${p.type} ${range} ${p.bar} ${p.confirmedBar} ${p.confidence}`
      return `${about} ${p.phase} ${p.phaseConfidence} ${p.rejectionStage ?? ''}`
    }),
    ...engine.signals.map((s) => {
      const prices = [s.entryPrice, s.stopLoss, s.primaryTarget, s.rMultiple].map(digits).join(' ')
      const about = `signal ${s.patternType} ${s.pattern.bar} ${s.confirmedBar} ${prices}`
      return `${about} ${s.confidenceScore} ${s.positionSize} ${s.requiresReview} ${s.priority.toFixed(6)}`
    }),
  ]
  const differing = [
    ...told.filter((line) => !own.includes(line)).map((line) => `oracle: ${line}`),
    ...own.filter((line) => !told.includes(line)).map((line) => `engine: ${line}`),
  ]
  // Without a close call there is no excuse; with one, the whole chain that follows it may differ.
  expect(differing.length, differing.join('\n')).toBeLessThanOrEqual(10 * close)
})
