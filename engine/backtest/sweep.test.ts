import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { smaCross } from '../strategy-sma-cross.ts'
import { createBacktestEngine } from './engine.ts'
import { randomWalk } from './scripted-bars.ts'
import { mergeSweep, planSweep, type SweepOutcome, type SweepValue } from './sweep.ts'

test('the plan is the product of the lists, in an order and with keys that do not depend on how it was written', () => {
  const plan = planSweep({ slow: [30, 50], fast: [5, 10] })
  expect(plan.map(({ key }) => key)).toEqual([
    'fast=5&slow=30',
    'fast=5&slow=50',
    'fast=10&slow=30',
    'fast=10&slow=50',
  ])
  expect(plan[2]).toEqual({ index: 2, key: 'fast=10&slow=30', parameters: { fast: 10, slow: 30 } })
  expect(planSweep({ fast: [5, 10], slow: [30, 50] })).toEqual(plan)
  expect(structuredClone(plan)).toEqual(plan)
})

test('every combination is there once, under a key of its own', () => {
  const value = fc.oneof(
    fc.string(),
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    fc.constantFrom('1', 'a=1&b=2', '%26', '&'),
  )
  const list = fc.uniqueArray(value, { minLength: 1, maxLength: 4, selector: (v) => JSON.stringify(v) })
  const lists = fc.dictionary(fc.string({ minLength: 1 }), list, { minKeys: 1, maxKeys: 3 })
  fc.assert(
    fc.property(lists, (given: Record<string, SweepValue[]>) => {
      const plan = planSweep(given)
      const count = Object.values(given).reduce((product, values) => product * values.length, 1)
      expect(plan.length).toBe(count)
      expect(new Set(plan.map(({ key }) => key)).size).toBe(count)
      for (const [index, run] of plan.entries()) {
        expect(run.index).toBe(index)
        for (const [name, values] of Object.entries(given)) expect(values).toContain(run.parameters[name])
      }
    }),
    { numRuns: 200, seed: 3 },
  )
})

test('a sweep of the SMA cross: merged from any order and in parts, ranked, with its failures and what is missing', () => {
  const bars = randomWalk(1500, 8)
  const engine = createBacktestEngine()
  const plan = planSweep({ fast: [5, 10, 40], slow: [30, 50] })
  const outcomes = plan.map(({ key, parameters }): SweepOutcome => {
    try {
      const strategy = smaCross({ fast: Number(parameters.fast), slow: Number(parameters.slow) })
      return { key, metrics: engine.run(bars, { strategy }).metrics }
    } catch (error) {
      return { key, error: String(error) }
    }
  })
  const whole = mergeSweep(plan, outcomes, 'totalReturn')
  expect(whole.rows.map(({ key }) => key)).toEqual(plan.map(({ key }) => key))
  expect(whole.missing).toEqual([])
  // 40 over 30 is no cross.
  expect(whole.failed).toBe(1)
  expect(whole.rows.find(({ key }) => key === 'fast=40&slow=30')!.error).toMatch(/fast/)
  const returns = whole.ranked.map(({ metrics }) => metrics!.totalReturn)
  expect(returns).toEqual(returns.toSorted((a, b) => b - a))
  expect(returns.length).toBe(5)
  fc.assert(
    fc.property(fc.shuffledSubarray(outcomes), (some) => {
      const part = mergeSweep(plan, some, 'totalReturn')
      const there = new Set(some.map(({ key }) => key))
      expect(part.rows).toEqual(whole.rows.filter(({ key }) => there.has(key)))
      expect(part.ranked).toEqual(whole.ranked.filter(({ key }) => there.has(key)))
      expect(part.missing).toEqual(plan.map(({ key }) => key).filter((key) => !there.has(key)))
    }),
    { numRuns: 50, seed: 9 },
  )
})

test('equal runs keep the order of the plan; runs without the metric are not ranked', () => {
  const plan = planSweep({ same: ['b', 'a'] })
  const { metrics } = createBacktestEngine().run(randomWalk(100, 1), { strategy: 'buy_and_hold' })
  const outcomes = plan.map(({ key }) => ({ key, metrics })).toReversed()
  expect(mergeSweep(plan, outcomes, 'totalReturn').ranked.map(({ index }) => index)).toEqual([0, 1])
  expect(mergeSweep(plan, outcomes, 'winRate').ranked).toEqual([])
})

test('lists and outcomes that make no sense are refused by name', () => {
  expect(() => planSweep({})).toThrow('parameters: must name at least one list')
  expect(() => planSweep({ fast: [] })).toThrow('parameters.fast: must be a list of at least one value')
  expect(() => planSweep({ fast: [5, 5] })).toThrow('parameters.fast: holds 5 twice')
  expect(() => planSweep({ fast: [NaN] })).toThrow('parameters.fast: must hold text, finite numbers')
  const many = Array.from({ length: 400 }, (_, i) => i)
  expect(() => planSweep({ a: many, b: many })).toThrow('make 160000 runs; at most 100000')
  const plan = planSweep({ fast: [5] })
  const outcome = { key: 'fast=5', error: 'x' }
  expect(() => mergeSweep(plan, [{ key: 'fast=6', error: 'x' }], 'sharpe')).toThrow(
    'fast=6 is no run of this plan',
  )
  expect(() => mergeSweep(plan, [outcome, outcome], 'sharpe')).toThrow('fast=5 is there twice')
})
