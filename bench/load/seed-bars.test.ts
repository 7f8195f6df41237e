import { createSignalEngine } from '@tapescope/engine'
import { expect, test } from 'vitest'
import { seedBars } from './seed-bars.ts'
import { symbols, timeframes } from './traffic-model.ts'

const all = [...seedBars(1)]

test('every series has bars before, in and after the year of the backtests, at its own times', () => {
  expect(all.map(({ symbol, timeframe }) => `${symbol} ${timeframe}`)).toEqual(
    symbols.flatMap((symbol) => timeframes.map((timeframe) => `${symbol} ${timeframe}`)),
  )
  for (const { timeframe, length, time } of all) {
    expect(length).toBe({ '1d': 1_173, '4h': 2_346, '1h': 8_211 }[timeframe as string])
    expect(time[0]).toBeLessThan(Date.UTC(2023, 0, 1))
    expect(time[length - 1]).toBeGreaterThan(Date.UTC(2024, 0, 1))
    for (let i = 1; i < length; i++) expect(time[i]).toBeGreaterThan(time[i - 1])
  }
})

test('there is something to find in every series', () => {
  for (const bars of all) {
    const types = new Set(
      createSignalEngine()
        .generate(bars)
        .patterns.map(({ type }) => type),
    )
    expect([...types].sort()).toEqual(['LPS', 'SOS', 'SPRING', 'UTAD'])
  }
})
