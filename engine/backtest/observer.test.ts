import { expect, test } from 'vitest'
import { generateBars } from '../generator.ts'
import type { EngineObserver, ObservedEnd, ObservedFact, RunDescription } from '../observer.ts'
import { smaCross } from '../strategy-sma-cross.ts'
import type { BacktestConfig, StrategyName } from './config.ts'
import { createBacktestEngine } from './engine.ts'
import type { BacktestResult } from './report.ts'
import { randomWalk } from './scripted-bars.ts'

/** Asks for every `every`-th bar and writes down what it is told: of a kind named in `most` not more facts than this. */
function recorder(every: number, most: Readonly<Record<string, number>> = {}) {
  const runs: RunDescription[] = []
  const blocks: [number, number][] = []
  const calls: string[] = []
  const facts: ObservedFact[] = []
  const outcomes: ObservedEnd[] = []
  let until = 0
  const next = (from: number): number => {
    const bar = Math.ceil(from / every) * every
    return bar < until ? bar : -1
  }
  const observer: EngineObserver = {
    runStarted(run) {
      runs.push(run)
      return {
        blockStarted(first, end) {
          until = end
          blocks.push([first, end])
          return next(first)
        },
        barStarted: (bar) => void calls.push(`start ${bar}`),
        stageEnded: (stage) => void calls.push(`stage ${stage}`),
        barEnded(bar) {
          calls.push(`end ${bar}`)
          return next(bar + 1)
        },
        blockEnded: (end) => expect(end).toBe(blocks.at(-1)![1]),
        fact(fact) {
          facts.push(fact)
          return facts.filter(({ kind }) => kind === fact.kind).length === most[fact.kind] ? false : undefined
        },
        runEnded: (outcome) => void outcomes.push(outcome),
      }
    },
  }
  return { observer, runs, blocks, calls, facts, outcomes }
}

const asText = ({ equity, trades, metrics, orders, riskMetrics, openPositions }: BacktestResult): string =>
  JSON.stringify([[...equity.value], trades, metrics, orders, riskMetrics, openPositions])

const walk = randomWalk(12_000, 5)
const wyckoffBars = generateBars({ seed: 7, length: 3000 }).bars
const cases: [StrategyName, BacktestConfig][] = [
  ['sma_cross', {}],
  ['buy_and_hold', {}],
  ['sma_cross', { borrowRateAnnual: 0.05, strategy: smaCross({ short: true }) }],
  ['wyckoff_all', { haltCleared: true }],
]

for (const [name, more] of cases) {
  test(`${name} ${JSON.stringify(more)}: watched or not, the result is the same to the last digit`, () => {
    const bars = name === 'wyckoff_all' ? wyckoffBars : walk
    const config = { strategy: name, ...more }
    const alone = asText(createBacktestEngine().run(bars, config))
    for (const every of [1, 97, 1e9]) {
      const { observer, blocks, calls } = recorder(every)
      expect(asText(createBacktestEngine().run(bars, config, { observer }))).toBe(alone)
      const asked = calls.filter((call) => call.startsWith('start'))
      expect(asked.length).toBe(Math.ceil(bars.length / every))
      expect(calls).toEqual(
        asked.flatMap((call) => [
          call,
          'stage 0',
          'stage 1',
          'stage 2',
          'stage 3',
          call.replace('start', 'end'),
        ]),
      )
      // The blocks cover each bar once, in order.
      expect(blocks[0][0]).toBe(0)
      expect(blocks.at(-1)![1]).toBe(bars.length)
      for (let i = 1; i < blocks.length; i++) expect(blocks[i][0]).toBe(blocks[i - 1][1])
    }
  })
}

test('the run is described, and each order, fill and position is a fact at its bar', () => {
  const { observer, runs, facts, outcomes } = recorder(1e9)
  const result = createBacktestEngine().run(walk, { strategy: 'sma_cross' }, { observer })
  expect(runs).toEqual([
    {
      kind: 'backtest',
      symbol: 'WALK',
      timeframe: '1d',
      bars: 12_000,
      stages: ['fills', 'stops', 'mark', 'strategy'],
      attributes: { strategy: 'sma_cross', initialCapital: 100_000 },
    },
  ])
  expect(outcomes).toEqual([{ bars: 12_000, untold: {} }])
  const of = (kind: string) => facts.filter((fact) => fact.kind === kind)
  const submitted = of('order').filter((fact) => fact.attributes.status === 'PENDING')
  expect(submitted.length).toBe(result.orders.submitted)
  expect(of('fill').length).toBe(result.trades.length * 2 + result.openPositions.length)
  for (const { bar, time } of facts) expect(time).toBe(walk.time[bar])
  for (let i = 1; i < facts.length; i++) expect(facts[i].bar).toBeGreaterThanOrEqual(facts[i - 1].bar)
})

test('of kinds that the observer has had enough of it hears the number when the run ends', () => {
  const all = recorder(1e9)
  const some = recorder(1e9, { order: 5, fill: 1 })
  const config: BacktestConfig = { strategy: 'sma_cross' }
  const result = createBacktestEngine().run(walk, config, { observer: all.observer })
  expect(asText(createBacktestEngine().run(walk, config, { observer: some.observer }))).toBe(asText(result))
  const count = (kind: string) => all.facts.filter((fact) => fact.kind === kind).length
  expect(some.facts.map(({ kind }) => kind).filter((kind) => kind !== 'position').length).toBe(6)
  expect(some.facts.filter(({ kind }) => kind === 'position').length).toBe(count('position'))
  expect(some.outcomes).toEqual([
    { bars: 12_000, untold: { order: count('order') - 5, fill: count('fill') - 1 } },
  ])
})

test('a run that throws ends for its observer with what it threw', () => {
  const { observer, outcomes } = recorder(10)
  const strategy = {
    name: 'broken',
    start: () => ({
      onBar(bar: number) {
        if (bar === 25) throw new Error('lost the thread')
      },
    }),
  }
  let thrown: unknown
  try {
    createBacktestEngine().run(walk, { strategy }, { observer })
  } catch (error) {
    thrown = error
  }
  expect(thrown).toMatchObject({ name: 'BacktestError', field: 'strategy', bar: 25 })
  expect(outcomes).toEqual([{ bars: 12_000, error: thrown, untold: {} }])
})
