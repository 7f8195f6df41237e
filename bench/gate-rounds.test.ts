import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { expect, test } from 'vitest'
import { change, judge } from './compare.ts'
import { compared, onOneSide } from './compare-revisions.ts'
import { config } from './config.ts'
import { environmentWarnings, inspectEnvironment } from './environment.ts'
import { formatInterval, formatMsUs, table } from './format.ts'
import { exitCode, gateResult, gateSchemaName, gateVerdict, type GateResult } from './gate-result.ts'
import { p25, runGateRounds } from './gate-rounds.ts'
import { gateReport } from './report-gate.ts'
import { readJson, writeJson } from './result.ts'
import { noises, simulate } from './simulate-gate.ts'
import { simulatedSampler } from './simulated-samples.ts'
import { seededRandom } from './statistics.ts'

const quiet = { spread: 0.02, slowShare: 0.1, slowBy: 0.1 }
const rule = config.gate

function gateOf(changes: Record<string, number>, noise = quiet, seed = 1) {
  const random = seededRandom(seed)
  return runGateRounds({
    names: Object.keys(changes),
    canary: { name: 'canary', side: 'base' },
    sample: simulatedSampler(changes, noise, random),
    rule,
    random,
  })
}

const many = (name: string, value: number): Record<string, number> =>
  Object.fromEntries(Array.from({ length: 25 }, (_, index) => [`${name} ${index}`, value]))

test.each([
  ['+11 %', 0.11, 'REGRESSION', 25],
  ['unchanged', 0, 'PASS', 25],
  ['+4 %', 0.04, 'PASS', 20],
  ['-20 %', -0.2, 'IMPROVED', 25],
])('samples whose true change is %s end as they should', async (name, value, wanted, atLeast) => {
  const { tracks, quiet: judged } = await gateOf(many(name, value))
  expect(judged).toBe(true)
  const outcomes = tracks.map(({ outcome }) => outcome)
  expect(outcomes.filter((one) => one === wanted).length).toBeGreaterThanOrEqual(atLeast)
  expect(outcomes.includes('REGRESSION')).toBe(wanted === 'REGRESSION')
})

test('a regression has been confirmed by fresh rounds, a pass needs none', async () => {
  const { tracks, rounds } = await gateOf({ slower: 0.3, same: 0 })
  expect(tracks[0]).toMatchObject({ outcome: 'REGRESSION', confirmations: rule.confirmationRounds[0] })
  expect(tracks[0].base).toHaveLength(rule.looks[0] + rule.confirmationRounds[0])
  expect(tracks[1]).toMatchObject({ outcome: 'PASS', confirmations: 0 })
  expect(tracks[1].base).toHaveLength(rule.looks[0])
  expect(rounds).toBe(rule.looks[0] + rule.confirmationRounds[0])
})

test('a failure that fresh rounds do not confirm is no regression', async () => {
  const slowAtFirst = simulatedSampler({}, quiet, seededRandom(3))
  let heads = 0
  const { tracks } = await runGateRounds({
    names: ['burst'],
    canary: { name: 'canary', side: 'base' },
    async sample(side, name) {
      const found = await slowAtFirst(side, name)
      const burst = name === 'burst' && side === 'head' && (heads += 1) <= rule.looks[0]
      return burst ? { ...found, p25: found.p25 * 1.2 } : found
    },
    rule,
    random: seededRandom(4),
  })
  expect(tracks[0].outcome).not.toBe('REGRESSION')
  expect(tracks[0].confirmations).toBeGreaterThan(0)
})

test('noise without a change ends undecided or passes after the last look, and a bad canary voids the rest', async () => {
  const loud = { spread: 0.5, slowShare: 0, slowBy: 0 }
  const { tracks, quiet: judged, canary } = await gateOf(many('loud', 0), loud)
  const undecided = tracks.filter(({ outcome }) => outcome === 'INCONCLUSIVE')
  expect(undecided.length).toBeGreaterThan(0)
  for (const one of undecided) expect(one.base.length).toBeGreaterThanOrEqual(rule.looks.at(-1)!)
  expect(judged).toBe(canary.outcome === 'PASS')
  expect(judged).toBe(false)
})

test('a round without a number makes the benchmark BROKEN and leaves the others alone', async () => {
  const { tracks } = await gateOf({ broken: Number.NaN, same: 0 })
  expect(tracks[0]).toMatchObject({ outcome: 'BROKEN', reason: 'broken gave no number' })
  expect(tracks[1].outcome).toBe('PASS')
})

test('a stopped gate rejects with the reason of the stop, it does not call the benchmark broken', async () => {
  const stop = new AbortController()
  const stopped = runGateRounds({
    names: ['one'],
    canary: { name: 'canary', side: 'base' },
    sample() {
      stop.abort(new Error('stopped by SIGINT'))
      return Promise.reject(new Error('killed'))
    },
    rule,
    random: seededRandom(1),
    signal: stop.signal,
  })
  await expect(stopped).rejects.toThrow('stopped by SIGINT')
})

test('with the noise of the self-test +10 % is caught and unchanged code never fails', async () => {
  const slower = await simulate(rule, noises.seen, 0.1, 400, 11)
  expect(slower.outcomes.REGRESSION).toBeGreaterThanOrEqual(0.95 * 400)
  for (const noise of [noises.seen, noises.text]) {
    const same = await simulate(rule, noise, 0, 528, 12)
    expect(same.outcomes.REGRESSION ?? 0).toBe(0)
  }
})

test('the bounds of the rule themselves do not fail, improve or pass', () => {
  const { fail, pass, improved } = rule
  const says = (lower: number, estimate: number, upper: number) =>
    judge({ lower, estimate, upper, coverage: 0.95 }, rule)
  expect(says(0.021, 0.076, 0.2)).toBe('FAIL')
  expect(says(fail.lowerAbove, 0.2, 0.3)).toBe('OPEN')
  expect(says(0.05, fail.estimateAbove, 0.09)).toBe('OPEN')
  expect(says(-0.02, 0.049, 0.099)).toBe('PASS')
  expect(says(-0.02, 0.04, pass.upperBelow)).toBe('OPEN')
  expect(says(-0.02, pass.estimateBelow, 0.09)).toBe('OPEN')
  expect(says(-0.2, -0.051, -0.021)).toBe('IMPROVED')
  expect(says(-0.2, -0.1, improved.upperBelow)).toBe('PASS')
  expect(says(-0.2, improved.estimateBelow, -0.03)).toBe('PASS')
})

test('the verdict of the gate and its exit code', () => {
  const of = (...verdicts: GateResult['cases'][number]['verdict'][]) =>
    gateVerdict(
      true,
      verdicts.map((verdict) => ({ verdict })),
    )
  expect(of('PASS', 'IMPROVED', 'NEW', 'INCONCLUSIVE')).toBe('PASS')
  expect(of('PASS', 'REGRESSION', 'MISSING', 'BROKEN')).toBe('REGRESSION')
  expect(of('PASS', 'MISSING')).toBe('FAILED')
  expect(of('PASS', 'BROKEN')).toBe('FAILED')
  expect(gateVerdict(false, [{ verdict: 'REGRESSION' }])).toBe('TOO NOISY')
  expect((['PASS', 'REGRESSION', 'FAILED', 'TOO NOISY'] as const).map(exitCode)).toEqual([0, 1, 2, 3])
})

test('a benchmark of one revision alone is NEW or MISSING', () => {
  const map = (...names: string[]) => new Map(names.map((name) => [name, { name, unit: 'bar' }]))
  const found = onOneSide(map('kept', 'lost'), map('kept', 'added'))
  expect(found.map(({ name, verdict }) => `${name} ${verdict}`)).toEqual(['added NEW', 'lost MISSING'])
  expect(exitCode(gateVerdict(true, found))).toBe(2)
})

test('a result survives its file, and its stored samples give the expected change', async () => {
  const base = Array.from({ length: 20 }, (_, index) => 800 + index)
  // Ratios 1.105 to 1.145 in even steps: the median is 1.125 up to the curve of the logarithm.
  const head = base.map((value, index) => value * (1.105 + (index * 0.04) / 19))
  const samples = (values: readonly number[]) =>
    values.map((value) => ({ p25: value, p50: value, p95: value, p99: value }))
  const track = {
    name: 'volume/10k',
    base: samples(base),
    head: samples(head),
    confirmations: 20,
    outcome: 'REGRESSION' as const,
  }
  const cases = [compared(track, 'bar', false)]
  const interval = change(base, base, rule.confidence)
  const result: GateResult = {
    schema: gateSchemaName,
    createdAt: '2026-01-01T00:00:00.000Z',
    base: { name: 'main', commit: 'a'.repeat(40) },
    head: { name: 'HEAD', commit: 'b'.repeat(40) },
    verdict: gateVerdict(true, cases),
    seed: 1,
    rounds: 40,
    seconds: 1,
    rule: { ...rule, looks: [...rule.looks] },
    canary: {
      name: 'canary/kernel',
      quiet: true,
      rounds: 20,
      change: interval,
      samples: { base, head: base },
    },
    environment: await inspectEnvironment(),
    cases,
  }
  const folder = await mkdtemp(path.join(os.tmpdir(), 'tapescope-gate-result-'))
  try {
    const file = path.join(folder, 'gate.json')
    await writeJson(file, result)
    const stored = await readJson(file, gateResult)
    expect(stored.verdict).toBe('REGRESSION')
    const one = stored.cases[0]
    if (!('change' in one)) throw new Error('the stored case lost its change')
    expect(change(one.samples.base, one.samples.head, stored.rule.confidence)).toEqual(one.change)
    expect(one.change.estimate).toBeCloseTo(0.125, 5)
    // The 6th and the 15th of 20.
    expect(one.change.lower).toBeCloseTo(0.105 + (5 * 0.04) / 19, 10)
    expect(one.change.upper).toBeCloseTo(0.105 + (14 * 0.04) / 19, 10)
    expect(one.warnings).toEqual([`p95 changed by ${formatInterval(one.change)}`])
    expect(gateReport(stored)).toContain('+12.5 % [+11.6, +13.4]')
    await writeJson(file, { ...result, schema: 'tapescope.gate/0' })
    await expect(readJson(file, gateResult)).rejects.toThrow(/gate\.json does not follow the schema.*schema/)
  } finally {
    await rm(folder, { recursive: true })
  }
})

test('samples without a pair or without a positive time are refused', () => {
  expect(() => change([1, 2], [1], 0.95)).toThrow('base has 2 samples, head 1')
  expect(() => change([1], [0], 0.95)).toThrow('not a positive time')
  expect(p25([{ p25: 1, p50: 2, p95: 3, p99: 4 }])).toEqual([1])
})

test('times are told in ms from 1 ms on, else in µs; below 1 µs with three digits that count', () => {
  expect(formatMsUs(1e6)).toBe('1.00 ms')
  expect(formatMsUs(12_345_678)).toBe('12.35 ms')
  expect(formatMsUs(999_000)).toBe('999.00 µs')
  expect(formatMsUs(1_234)).toBe('1.23 µs')
  expect(formatMsUs(14.56)).toBe('0.0146 µs')
  expect(formatMsUs(Number.NaN)).toBe('-')
  expect(formatInterval({ estimate: 0, lower: -0.004, upper: 0.005 })).toBe('+0.0 % [-0.4, +0.5]')
})

test('the environment is warned of where it makes figures doubtful', () => {
  const sane = { governor: 'performance', freeMemoryGb: 8, load: 0.5, cores: 4 }
  expect(environmentWarnings(sane)).toEqual([])
  expect(environmentWarnings({ ...sane, governor: 'powersave' })[0]).toContain('powersave')
  expect(environmentWarnings({ ...sane, freeMemoryGb: 1 })[0]).toContain('1 GB')
  expect(environmentWarnings({ ...sane, load: 3 })[0]).toContain('The load is 3 on 4 cores')
})

test('a table keeps to 80 columns, whatever the names', () => {
  const change = formatInterval({ estimate: 0.105, lower: -0.192, upper: 0.234 })
  const row = (name: string): string[] => [name, 'INCONCLUSIVE', '999.00 µs', '999.00 µs', change]
  const long = 'opentelemetry/start-active-span'
  const lines = table([row('short'), row(long)], ['left', 'left'])
  expect(lines).toHaveLength(3)
  expect(lines[1]).toBe(long)
  for (const line of lines) expect(line.length).toBeLessThanOrEqual(80)
  expect(lines[2].trimStart()).toBe(lines[0].slice('short'.length).trimStart())
})
