import { createBacktestEngine, generateBars } from '@tapescope/engine'
import { expect, test } from 'vitest'
import { renderResult } from './render-result.ts'

test.each([
  [1_000, 1],
  [20_000, 1],
  [20_001, 2],
  [45_000, 3],
])('of %d bars the equity is told at every %dth bar, the last among them', (length, step) => {
  const { bars } = generateBars({ seed: 1, length })
  const result = createBacktestEngine().run(bars, { strategy: 'buy_and_hold' })
  const told = JSON.parse(renderResult(result, false).equityCurve!) as Record<string, unknown>[]
  expect(told.length).toBeLessThanOrEqual(20_000)
  const expected = Array.from({ length: result.equity.length }, (_, i) => i)
    .filter((i) => (result.equity.length - 1 - i) % step === 0)
    .map((i) => result.equity.point(i))
  expect(told.map((row) => [row['timestamp'], row['portfolio_value']])).toEqual(
    expected.map(({ time, portfolioValue }) => [new Date(time).toISOString(), portfolioValue]),
  )
  expect(told.at(-1)?.['timestamp']).toBe(new Date(bars.time[length - 1]).toISOString())
})
