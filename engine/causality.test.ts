import { assert, boolean, double, integer, property } from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { BarSeries } from './bar-series.ts'
import { generateBars } from './generator.ts'
import { seededRandom } from './generator-random.ts'
import { randomWalkBars } from './generator-walk.ts'
import type { EventType, SignalResult } from './signal.ts'
import { createSignalEngine } from './signal-engine.ts'

// The contract of docs/method.md, section 15, that is not about prefixes and streaming (signal-engine.test.ts).

const length = 900

const material = (seed: number, planted: boolean): BarSeries =>
  planted ? generateBars({ seed, length }).bars : randomWalkBars({ seed, length })

/** Bars up to `last` as they are, those after it in another order and at other prices. */
const shuffledAfter = (bars: BarSeries, last: number, seed: number, factor: number): BarSeries => {
  const random = seededRandom(seed)
  const order = Array.from({ length: bars.length }, (_, i) => i)
  for (let i = bars.length - 1; i > last + 1; i--) {
    const other = last + 1 + Math.floor(random.next() * (i - last))
    const held = order[i]
    order[i] = order[other]!
    order[other] = held
  }
  const column = (values: Float64Array, times: number): Float64Array =>
    Float64Array.from(order, (from, i) => values[from] * (i > last ? times : 1))
  return {
    ...bars,
    open: column(bars.open, factor),
    high: column(bars.high, factor),
    low: column(bars.low, factor),
    close: column(bars.close, factor),
    volume: column(bars.volume, 1 / factor),
  }
}

const knownBy = ({ log, signals, patterns, events }: SignalResult, last: number): unknown => ({
  log: log.filter(({ bar }) => bar <= last),
  events: events.filter(({ confirmedBar }) => confirmedBar <= last),
  patterns: patterns.filter(({ confirmedBar }) => confirmedBar <= last).map(({ key }) => key),
  signals: signals.filter(({ confirmedBar }) => confirmedBar <= last).map(({ key, plan }) => [key, plan]),
})

describe('causality', () => {
  it('nothing said by a bar depends on bars after it, whatever they are', () => {
    assert(
      property(
        integer({ min: 0, max: 1_000_000 }),
        integer({ min: 30, max: length - 2 }),
        double({ min: 0.5, max: 2, noNaN: true }),
        boolean(),
        (seed, last, factor, planted) => {
          const bars = material(seed, planted)
          const engine = createSignalEngine()
          const other = engine.generate(shuffledAfter(bars, last, seed + 1, factor))
          expect(knownBy(other, last)).toEqual(knownBy(engine.generate(bars), last))
        },
      ),
      { numRuns: 40 },
    )
  })

  it('the same bars and options give the same result', () => {
    const bars = material(5, true)
    const { volumeOf: _, ...first } = createSignalEngine().generate(bars)
    const { volumeOf: __, ...second } = createSignalEngine().generate(bars)
    expect(second).toEqual(first)
  })
})

/** Prices in steps of 1/64, so that sums and differences of them are exact. */
const dyadic = (bars: BarSeries): BarSeries => {
  const column = (values: Float64Array): Float64Array => values.map((value) => Math.round(value * 64) / 64)
  const [open, close] = [column(bars.open), column(bars.close)]
  return { ...bars, open, close, high: column(bars.high), low: column(bars.low) }
}

/** Prices reflected around `axis`, a dyadic number above all of them. */
const mirrored = (bars: BarSeries, axis: number): BarSeries => {
  const column = (values: Float64Array): Float64Array => values.map((value) => 2 * axis - value)
  return {
    ...bars,
    open: column(bars.open),
    high: column(bars.low),
    low: column(bars.high),
    close: column(bars.close),
  }
}

describe('mirror', () => {
  it.each(['standard', 'strict'] as const)(
    'reflected prices swap pivots, measures and climaxes to the last digit (%s)',
    (preset) => {
      let climaxes = 0
      assert(
        property(integer({ min: 0, max: 1_000_000 }), boolean(), (seed, planted) => {
          const bars = dyadic(material(seed, planted))
          const axis = Math.ceil(bars.high.reduce((most, high) => Math.max(most, high), 0)) + 1
          const engine = createSignalEngine({ preset })
          const here = engine.generate(bars)
          const there = engine.generate(mirrored(bars, axis))
          expect(there.pivots.highs).toEqual(here.pivots.lows)
          expect(there.pivots.lows).toEqual(here.pivots.highs)
          for (let i = 0; i < length; i++) {
            const own = here.volumeOf(i)
            const other = there.volumeOf(i)
            expect([other.volumeRatio, other.spreadRatio, other.effort]).toEqual([
              own.volumeRatio,
              own.spreadRatio,
              own.effort,
            ])
          }
          const climax = ({ events }: SignalResult, type: EventType) =>
            events.filter((event) => event.type === type).map(({ bar, confidence }) => [bar, confidence])
          expect(climax(there, 'BC')).toEqual(climax(here, 'SC'))
          expect(climax(there, 'SC')).toEqual(climax(here, 'BC'))
          climaxes += climax(here, 'SC').length + climax(here, 'BC').length
        }),
        { numRuns: 15 },
      )
      expect(climaxes).toBeGreaterThan(20)
    },
  )
})
