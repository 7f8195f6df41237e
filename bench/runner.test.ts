import { expect, test } from 'vitest'
import { judgeBudget } from './budget.ts'
import type { BenchCase, Work } from './case.ts'
import { config } from './config.ts'
import { measure, times } from './runner.ts'

const context = { seed: 1, quick: true, rivals: true }
const brief = { warmupRounds: 3, measuredRounds: 10, roundMs: 0, warmupRoundMs: 0, limitSeconds: 60 }

function caseOf(work: Partial<Work>): BenchCase {
  return {
    name: 'test/case',
    unit: 'call',
    about: '',
    budgets: [],
    setup: () => ({ units: 10, run: () => 0, ...work }),
  }
}

test('the requirements and the budgets of the components', () => {
  expect(config.nfr1Seconds).toBe(1.0)
  expect(config.nfr7BarsPerSecond).toBe(100)
  const { volumeAnalysis, allDetection, validation, databaseWork, notification } = config.ceilingsMs
  expect(volumeAnalysis + allDetection + validation + databaseWork + notification).toBeLessThanOrEqual(
    config.nfr1Seconds * 1000,
  )
  const { springDetection, sosLpsDetection, utadDetection } = config.ceilingsMs
  expect(springDetection + sosLpsDetection + utadDetection).toBe(allDetection)
  expect(config.queryCeilingsMs).toEqual({ bars: 50, pattern: 30, signal: 40, audit: 100 })
  for (const ceiling of Object.values(config.queryCeilingsMs)) {
    expect(ceiling).toBeGreaterThanOrEqual(10)
    expect(ceiling).toBeLessThanOrEqual(100)
  }
  expect(config.dataSizes).toEqual([100, 1_000, 10_000])
})

test('warm-up and rounds are those of the configuration, and they are performed', async () => {
  expect(config.warmupRounds).toBeGreaterThanOrEqual(3)
  expect(config.measuredRounds).toBeGreaterThanOrEqual(10)
  let prepared = 0
  let ran = 0
  let verifiedAfter = 0
  let closed = 0
  const work: Partial<Work> = {
    prepare: () => void (prepared += 1),
    run: () => void (ran += 1),
    verify: () => void (verifiedAfter = ran),
    close: () => void (closed += 1),
  }
  const options = { ...config, roundMs: 0, warmupRoundMs: 0 }
  const measured = await measure(caseOf(work), context, options)
  expect({ prepared, ran, verifiedAfter, closed }).toEqual({
    prepared: config.warmupRounds + config.measuredRounds,
    ran: config.warmupRounds + config.measuredRounds,
    verifiedAfter: config.warmupRounds,
    closed: 1,
  })
  expect(measured).toMatchObject({
    rounds: config.measuredRounds,
    warmupRounds: config.warmupRounds,
    limited: false,
  })
  expect(measured.ns.iterations).toBe(config.measuredRounds)
})

test('a round repeats until its time has gone by', async () => {
  const measured = await measure(caseOf({}), context, { ...brief, measuredRounds: 2, roundMs: 5 })
  expect(measured.ns.iterations).toBeGreaterThan(20)
})

test('warm-up lasts its own time, and the quick mode warms up as long as a run', async () => {
  let ran = 0
  const measured = await measure(caseOf({ run: () => void (ran += 1) }), context, {
    ...brief,
    warmupRounds: 1,
    warmupRoundMs: 5,
    measuredRounds: 1,
  })
  expect(measured.ns.iterations).toBe(1)
  expect(ran).toBeGreaterThan(20)
  expect({ ...config, ...config.quick }).toMatchObject({
    warmupRounds: config.warmupRounds,
    warmupRoundMs: config.warmupRoundMs,
  })
})

test('the limit cuts a run short and says so', async () => {
  const slow = caseOf({ run: () => new Promise((resolve) => setTimeout(resolve, 20)) })
  const measured = await measure(slow, context, { ...brief, limitSeconds: 0.01 })
  expect(measured).toMatchObject({ rounds: 1, limited: true })
})

test('asynchronous work is timed until it resolves, per unit', async () => {
  const slow = caseOf({ run: () => new Promise((resolve) => setTimeout(resolve, 20)) })
  const measured = await measure(slow, context, { ...brief, measuredRounds: 1 })
  expect(measured.ns.min).toBeGreaterThan(1.8e6)
})

test('rivals take turns with the subject; one in a process of its own brings its own time', async () => {
  const order: string[] = []
  const work: Partial<Work> = {
    run: () => void order.push('subject'),
    rivals: [{ name: 'elsewhere', units: 5, timesItself: true, run: () => (order.push('rival'), 500) }],
  }
  const measured = await measure(caseOf(work), context, { ...brief, warmupRounds: 1, measuredRounds: 2 })
  expect(order).toEqual(['subject', 'rival', 'subject', 'rival', 'subject', 'rival'])
  expect(measured.rivals[0]).toMatchObject({ name: 'elsewhere', ns: { p50: 100 } })
  order.length = 0
  await measure(caseOf(work), { ...context, rivals: false }, brief)
  expect(order).not.toContain('rival')
})

test('what a case throws is thrown on, after it was closed', async () => {
  let closed = false
  const broken = caseOf({
    verify: () => {
      throw new Error('results differ')
    },
    close: () => void (closed = true),
  })
  await expect(measure(broken, context, brief)).rejects.toThrow('results differ')
  expect(closed).toBe(true)
  const nonsense = caseOf({ rivals: [{ name: 'odd', units: 1, timesItself: true, run: () => 'soon' }] })
  await expect(measure(nonsense, context, brief)).rejects.toThrow('gave NaN as its time')
})

test('what a case has to tell is asked after its last round', async () => {
  let ran = 0
  const measured = await measure(
    caseOf({ run: () => void (ran += 1), notes: () => [`${ran} iterations`] }),
    context,
    brief,
  )
  expect(measured.notes).toEqual([`${brief.warmupRounds + brief.measuredRounds} iterations`])
})

test('budgets: a ceiling, a ratio, an allocation', () => {
  const measured = { ns: times([10, 20, 30]), rivals: [{ name: 'C', ns: times([10]), ratio: 1.5 }] }
  const reason = 'because'
  expect(judgeBudget({ kind: 'ceiling', maxNs: 20, reason }, measured)).toEqual({
    text: 'p50 <= 20.00 ns',
    limit: 20,
    actual: 20,
    reason,
    met: true,
  })
  expect(judgeBudget({ kind: 'ceiling', maxNs: 20, statistic: 'p99', reason }, measured).met).toBe(false)
  expect(judgeBudget({ kind: 'ratio', rival: 'C', max: 1.4, reason }, measured)).toMatchObject({
    actual: 1.5,
    met: false,
  })
  expect(() => judgeBudget({ kind: 'ratio', rival: 'D', max: 1, reason }, measured)).toThrow('rival D')
  const allocation = { units: 1, heapBytes: 0.2, externalBytes: 8 }
  expect(judgeBudget({ kind: 'allocation', maxBytes: 1, reason }, measured, allocation).met).toBe(true)
  expect(() => judgeBudget({ kind: 'allocation', maxBytes: 1, reason }, measured)).toThrow('not measured')
})
