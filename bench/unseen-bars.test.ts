import { createSignalEngine, generateBars, randomWalkBars } from '@tapescope/engine'
import { expect, test } from 'vitest'
import { unseenBars } from './unseen-bars.ts'

test('1,000 bars of a case are valid and unseen: each call brings others', () => {
  const next = unseenBars(1_000, 3)
  const bars = next()
  expect(bars.length).toBe(1_000)
  let traded = 0
  for (let i = 0; i < bars.length; i++) {
    expect(bars.low[i]).toBeGreaterThan(0)
    expect(bars.low[i]).toBeLessThanOrEqual(Math.min(bars.open[i], bars.close[i]))
    expect(bars.high[i]).toBeGreaterThanOrEqual(Math.max(bars.open[i], bars.close[i]))
    if (bars.volume[i] > 0) traded += 1
  }
  // Bars without volume are planted, too: one in twenty of these.
  expect(traded).toBeGreaterThan(900)
  expect(Math.min(...bars.volume)).toBeGreaterThanOrEqual(0)
  expect(next().close).not.toEqual(bars.close)
})

test('10,000 bars: strictly increasing times, and the same seed gives the same bars', () => {
  const bars = unseenBars(10_000, 5)()
  for (let i = 1; i < bars.length; i++) expect(bars.time[i]).toBeGreaterThan(bars.time[i - 1])
  expect(unseenBars(10_000, 5)()).toEqual(bars)
  expect(unseenBars(10_000, 6)().close).not.toEqual(bars.close)
})

test('what a benchmark runs on holds valid ranges and all four patterns, as the engine sees them', () => {
  const { bars } = generateBars({ seed: 20_260_101, length: 10_000 })
  const { ranges, patterns } = createSignalEngine().generate(bars)
  const valid = ranges.filter((range) => range.widthFrac >= 0.03 && range.durationBars >= 15)
  expect(valid.length).toBeGreaterThan(10)
  expect(valid).toHaveLength(ranges.length)
  expect(new Set(patterns.map(({ type }) => type))).toEqual(new Set(['SPRING', 'SOS', 'LPS', 'UTAD']))
})

test('1,000 bars of a walk have valid prices and every one its volume', () => {
  const { length, open, high, low, close, volume } = randomWalkBars({ seed: 8, length: 1_000 })
  expect(length).toBe(1_000)
  for (let i = 0; i < length; i++) {
    expect(low[i]).toBeGreaterThan(0)
    expect(low[i]).toBeLessThanOrEqual(Math.min(open[i], close[i]))
    expect(high[i]).toBeGreaterThanOrEqual(Math.max(open[i], close[i]))
    expect(volume[i]).toBeGreaterThan(0)
  }
})
