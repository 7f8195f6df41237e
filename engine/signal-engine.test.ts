import { readFileSync } from 'node:fs'
import { findPackageJSON } from 'node:module'
import { assert, boolean, integer, property } from 'fast-check'
import { describe, expect, it } from 'vitest'
import { barAt } from './bar-columns.ts'
import type { BarSeries } from './bar-series.ts'
import { generateBars } from './generator.ts'
import { randomWalkBars } from './generator-walk.ts'
import type { EngineObserver, RunObserver } from './observer.ts'
import { parseBarsCsv } from './parse-bars-csv.ts'
import type { Fact, Pattern, Signal, SignalResult, TradingRange } from './signal.ts'
import { createSignalEngine } from './signal-engine.ts'
import type { Preset } from './thresholds.ts'

const sp500 = parseBarsCsv(
  readFileSync(
    new URL('data/sp500-2000.csv', `file://${findPackageJSON('vega-datasets', import.meta.url)}`),
    'utf8',
  ),
  { symbol: 'SPX', timeframe: '1d' },
).bars

const firstBars = (bars: BarSeries, length: number): BarSeries => ({ ...bars, length })

/** The parts of a result that are data, in a form that can be compared to the last digit. */
const facts = ({ volumeOf, ...rest }: SignalResult, bars: BarSeries): unknown => ({
  ...rest,
  volume: Array.from({ length: bars.length }, (_, i) => volumeOf(i)),
})

const streamed = (bars: BarSeries, preset: Preset, observer?: EngineObserver) => {
  const session = createSignalEngine({ preset }).open(bars, { observer })
  const patterns = new Map<string, Pattern>()
  const signals = new Map<string, Signal>()
  const ranges = new Map<number, TradingRange>()
  const log: Fact[] = []
  const events: unknown[] = []
  for (let i = 0; i < bars.length; i++) {
    const added = session.push(barAt(bars, i))
    for (const pattern of added.patterns) patterns.set(pattern.key, pattern)
    for (const signal of added.signals) signals.set(signal.key, signal)
    for (const range of added.ranges) ranges.set(range.ordinal, range)
    log.push(...added.log)
    events.push(...added.events)
  }
  session.close()
  return { result: session.result(), patterns, signals, ranges, log, events }
}

describe('createSignalEngine', () => {
  it.each(['standard', 'strict'] as const)(
    'streams what it says in batch, to the last digit (%s)',
    (preset) => {
      for (const bars of [firstBars(sp500, 2600), generateBars({ seed: 3, length: 4300 }).bars]) {
        const batch = createSignalEngine({ preset }).generate(bars)
        const live = streamed(bars, preset)
        expect(facts(live.result, bars)).toEqual(facts(batch, bars))
        expect(live.log).toEqual(batch.log)
        expect(live.events).toEqual(batch.events)
        expect([...live.patterns.values()]).toEqual(batch.patterns)
        expect([...live.signals.keys()]).toEqual(batch.signals.map(({ key }) => key))
        expect([...live.signals.values()].map(({ status }) => status)).toEqual(
          batch.signals.map(({ status }) => status),
        )
        expect([...live.ranges.keys()]).toEqual(batch.ranges.map(({ ordinal }) => ordinal))
      }
    },
  )

  it('says about the past what it said then: every prefix of the log, whatever comes after', () => {
    assert(
      property(
        integer({ min: 0, max: 1_000_000 }),
        integer({ min: 1, max: 900 }),
        boolean(),
        (seed, length, planted) => {
          const { bars } = planted
            ? generateBars({ seed, length: 900 })
            : { bars: randomWalkBars({ seed, length: 900 }) }
          const whole = createSignalEngine().generate(bars)
          const before = createSignalEngine().generate(firstBars(bars, length))
          expect(before.log).toEqual(whole.log.filter(({ bar }) => bar < length))
        },
      ),
      { numRuns: 40 },
    )
  })

  it('finds planted structures: every tradable pattern in each of several seeds', () => {
    for (const seed of [1, 2, 3]) {
      const { bars } = generateBars({ seed, length: 5000 })
      const { signals } = createSignalEngine().generate(bars).funnel
      expect(
        Object.values(signals).every((count) => count > 0),
        JSON.stringify(signals),
      ).toBe(true)
    }
  })

  it('keeps the promises of method 9.5 for each signal', () => {
    const { bars } = generateBars({ seed: 8, length: 20_000 })
    const { signals } = createSignalEngine().generate(bars)
    expect(signals.length).toBeGreaterThan(50)
    for (const signal of signals) {
      const { entryPrice, stopLoss, primaryTarget } = signal
      const side = signal.side === 'LONG' ? 1 : -1
      expect(side * (entryPrice - stopLoss)).toBeGreaterThan(0)
      expect(side * (primaryTarget - entryPrice)).toBeGreaterThan(0)
      expect(signal.rMultiple).toBe(Math.abs(primaryTarget - entryPrice) / Math.abs(entryPrice - stopLoss))
      expect(signal.rMultiple).toBeGreaterThanOrEqual(2)
      expect(signal.confidenceScore).toBeGreaterThanOrEqual(70)
      expect(signal.confidenceScore).toBeLessThanOrEqual(95)
      expect(Number.isInteger(signal.positionSize) && signal.positionSize >= 1).toBe(true)
      expect(signal.pattern.bar).toBeGreaterThan(signal.pattern.range.activeBar)
      expect(signal.validationChain.results.map(({ stage }) => stage)).toEqual([
        'VOLUME',
        'PHASE',
        'LEVELS',
        'RISK',
        'STRATEGY',
      ])
    }
    expect(new Set(signals.map(({ key }) => key)).size).toBe(signals.length)
    expect(new Set(signals.map(({ status }) => status)).size).toBeGreaterThan(3)
  })

  it('never has NaN in what users see', () => {
    const result = createSignalEngine().generate(generateBars({ seed: 4, length: 3000 }).bars)
    const seen = JSON.stringify(facts(result, { ...sp500, length: 3000 }), (_, value: unknown) => {
      if (typeof value === 'number' && !Number.isFinite(value)) throw new Error(`${value} in a result`)
      return value
    })
    expect(seen.length).toBeGreaterThan(100_000)
  })

  it('tells an observer of blocks, stages, timed bars and facts, and answers the same with it', () => {
    const calls: string[] = []
    const run: RunObserver = {
      blockStarted: (first, end) => {
        calls.push(`block ${first}-${end}`)
        return first + 7
      },
      barStarted: (bar) => calls.push(`bar ${bar}`),
      stageEnded: (stage) => calls.push(`stage ${stage}`),
      barEnded: () => -1,
      blockEnded: (end) => calls.push(`end ${end}`),
      fact: ({ kind }) => void calls.push(kind),
      runEnded: ({ bars, error }) => calls.push(`ended ${bars} ${String(error)}`),
    }
    const stages: string[] = []
    const observer: EngineObserver = {
      runStarted: (description) => {
        stages.push(...description.stages)
        return run
      },
    }
    const bars = firstBars(sp500, 2500)
    const plain = createSignalEngine().generate(bars)
    const watched = createSignalEngine().generate(bars, { observer })
    expect(facts(watched, bars)).toEqual(facts(plain, bars))
    expect(stages).toEqual(['volume', 'pivots', 'events', 'ranges', 'patterns', 'validation'])
    const contract = calls.filter((call) => !/^[A-Z]/.test(call))
    expect(contract).toEqual([
      'block 0-2048',
      'stage 0',
      'stage 1',
      'stage 2',
      'bar 7',
      'stage 3',
      'stage 4',
      'stage 5',
      'end 2048',
      'block 2048-2500',
      'stage 0',
      'stage 1',
      'stage 2',
      'bar 2055',
      'stage 3',
      'stage 4',
      'stage 5',
      'end 2500',
      'ended 2500 undefined',
    ])
    expect(calls.filter((call) => call === 'SIGNAL')).toHaveLength(plain.signals.length)
    const batchFacts = calls.filter((call) => /^[A-Z]/.test(call))
    calls.length = 0
    streamed(bars, 'standard', observer)
    expect(calls.filter((call) => /^[A-Z]/.test(call))).toEqual(batchFacts)
    expect(calls.filter((call) => call.startsWith('b'))).toEqual([
      'block 0-2048',
      'bar 7',
      'block 2048-4096',
      'bar 2055',
    ])
    expect(calls.at(-1)).toBe('ended 2500 undefined')
  })

  it('refuses what is no bar, with its index, and goes on from where it was', () => {
    const { bars } = generateBars({ seed: 1, length: 50 })
    const bent = { ...bars, high: bars.high.slice() }
    bent.high[33] = Number.NaN
    expect(() => createSignalEngine().generate(bent)).toThrow(/^bar 33: high NaN/)
    const twice = { ...bars, time: bars.time.slice() }
    twice.time[20] = twice.time[19]
    expect(() => createSignalEngine().generate(twice)).toThrow(/^bar 20: time .* repeats/)

    const session = createSignalEngine().open({ symbol: 'GEN', timeframe: '1d' })
    session.push(barAt(bars, 0))
    for (const bad of [
      { ...barAt(bars, 1), close: -1 },
      { ...barAt(bars, 1), high: 1 },
      { ...barAt(bars, 1), volume: Number.POSITIVE_INFINITY },
      { ...barAt(bars, 1), time: bars.time[0] },
      { ...barAt(bars, 1), symbol: 'OTHER' },
    ])
      expect(() => session.push(bad)).toThrow(/^bar 1/)
    expect(session.push(barAt(bars, 1)).log).toEqual([])
    expect(session.result().bars).toBe(2)
    session.close()
    expect(() => session.push(barAt(bars, 2))).toThrow('closed')
  })

  it('widens a bar whose open or close lies slightly outside, both ways of feeding alike', () => {
    const bars = { ...firstBars(sp500, 200), open: sp500.open.slice() }
    bars.open[100] = bars.high[100] * 1.003
    const batch = createSignalEngine().generate(bars)
    expect(batch.flags).toContainEqual({ bar: 100, kind: 'widened' })
    expect(facts(streamed(bars, 'standard').result, bars)).toEqual(facts(batch, bars))
    expect(sp500.high[100]).toBeLessThan(bars.open[100])
  })

  it('answers for a few bars and for a calm series without a finding', () => {
    const few = createSignalEngine().generate(firstBars(sp500, 10))
    expect(few.signals).toEqual([])
    expect(few.flags).toContainEqual({ bar: 10, kind: 'too_few_bars' })
    expect(few.volumeOf(9).volumeRatio).toBeNull()
    const flat = new Float64Array(300).fill(100)
    const time = Float64Array.from({ length: 300 }, (_, i) => i * 86_400_000)
    const still = createSignalEngine().generate({
      symbol: 'FLAT',
      timeframe: '1d',
      length: 300,
      time,
      open: flat,
      high: flat,
      low: flat,
      close: flat,
      volume: new Float64Array(300),
    })
    expect(still.ranges).toEqual([])
    expect(still.volumeOf(250)).toMatchObject({ volumeRatio: null, spreadRatio: 0, closePosition: 0.5 })
  })

  it('finds in random walks less than a third of the signals of the real bars', () => {
    const real = createSignalEngine().generate(sp500).signals.length
    const seeds = Array.from({ length: 12 }, (_, seed) => seed)
    const found = seeds.map(
      (seed) => createSignalEngine().generate(randomWalkBars({ seed, length: 5105 })).signals.length,
    )
    const mean = found.reduce((sum, count) => sum + count, 0) / found.length
    expect(mean).toBeLessThan(real / 3)
  })
})

it.each(['standard', 'strict'] as const)(
  '%s: following a series answers as pushing its bars does',
  (preset) => {
    const { bars } = generateBars({ seed: 12, length: 6000 })
    const engine = createSignalEngine({ preset })
    const session = engine.open(bars)
    const follower = engine.follow(bars, 5000)
    for (let bar = 0; bar < 5000; bar++)
      expect(JSON.stringify(follower.next())).toBe(JSON.stringify(session.push(barAt(bars, bar))))
    session.close()
  },
)
