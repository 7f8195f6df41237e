import { assert, integer, property } from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readBars } from './bar-reader.ts'
import { generateBars } from './generator.ts'
import { barStart, resample, timeframeMs } from './resample.ts'

describe('resample', () => {
  it('makes days and weeks that start at 00:00 UTC and on Monday', () => {
    const hour = 3_600_000
    const sunday = Date.UTC(2024, 0, 7, 22)
    const rows = Array.from({ length: 6 }, (_, k) => ({
      time: sunday + k * hour,
      open: 10 + k,
      high: 20 + k,
      low: 5 + k,
      close: 11 + k,
      volume: 1,
    }))
    const { bars } = readBars(rows, { symbol: 'X', timeframe: '1h' })
    const days = resample(bars, '1d')
    expect([...days.time]).toEqual([Date.UTC(2024, 0, 7), Date.UTC(2024, 0, 8)])
    expect([...days.open]).toEqual([10, 12])
    expect([...days.high]).toEqual([21, 25])
    expect([...days.low]).toEqual([5, 7])
    expect([...days.close]).toEqual([12, 16])
    expect([...days.volume]).toEqual([2, 4])
    expect([...resample(bars, '1w').time]).toEqual([Date.UTC(2024, 0, 1), Date.UTC(2024, 0, 8)])
  })

  it('keeps volume, extremes and ends, whatever the steps on the way', () => {
    assert(
      property(integer({ min: 1, max: 700 }), integer({ min: 0, max: 1000 }), (length, seed) => {
        const { bars } = generateBars({ seed, length, timeframe: '5m' })
        const straight = resample(bars, '4h')
        const twoSteps = resample(resample(bars, '1h'), '4h')
        expect([...twoSteps.time]).toEqual([...straight.time])
        expect([...twoSteps.high]).toEqual([...straight.high])
        expect([...twoSteps.close]).toEqual([...straight.close])
        const sum = (column: Float64Array) => column.reduce((total, value) => total + value, 0)
        expect(sum(straight.volume)).toBeCloseTo(sum(bars.volume), 3)
        expect(Math.max(...straight.high)).toBe(Math.max(...bars.high))
        expect(straight.close[straight.length - 1]).toBe(bars.close[length - 1])
      }),
      { numRuns: 30 },
    )
  })

  it('makes weeks of minutes as it does of every timeframe between', () => {
    // Three weeks and a bit, from a Wednesday on.
    const start = Date.UTC(2024, 0, 3, 13, 30)
    const { bars } = generateBars({ seed: 3, length: 32_000, timeframe: '1m', start })
    const weeks = resample(bars, '1w')
    expect([...weeks.time]).toEqual([1, 8, 15, 22].map((day) => Date.UTC(2024, 0, day)))
    for (const between of ['5m', '15m', '1h', '4h', '1d'] as const) {
      const way = resample(resample(bars, between), '1w')
      expect([...way.open], between).toEqual([...weeks.open])
      expect([...way.high], between).toEqual([...weeks.high])
      expect([...way.low], between).toEqual([...weeks.low])
      expect([...way.close], between).toEqual([...weeks.close])
      way.volume.forEach((volume, k) => expect(volume / weeks.volume[k], between).toBeCloseTo(1, 12))
    }
  })

  it('refuses to make shorter bars of longer ones', () => {
    const { bars } = generateBars({ seed: 1, length: 10, timeframe: '1d' })
    expect(() => resample(bars, '1h')).toThrow('1h bars cannot be made from 1d bars')
    expect(() => resample(bars, '1d')).toThrow('cannot be made')
    expect(barStart(0, '1w')).toBe(-3 * timeframeMs('1d'))
  })
})
