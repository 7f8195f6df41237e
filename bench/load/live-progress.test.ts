import { expect, test } from 'vitest'
import { progressLine } from './live-progress.ts'

const window = {
  seconds: 134,
  length: 2,
  answered: 99,
  failed: 0,
  inFlight: 3,
  users: 100,
  p50: 4,
  p95: 12.34,
  p99: 40,
  max: 50,
}

test('tells where it is, on one line', () => {
  expect(progressLine('heavy', 300, window, 0)).toBe(
    'heavy 134/300 s  100 users  49.5/s  p95 12.3 ms  0 failed  [#######.........]',
  )
})

test('fits 80 columns whatever happens', () => {
  const worst = { ...window, seconds: 86_400, answered: 9e6, users: 10_000, p95: 30_000 }
  expect(progressLine('stress', 86_400, worst, 1e9).length).toBeLessThanOrEqual(80)
  expect(progressLine('custom', 10, { ...window, answered: 0, p95: Number.NaN }, 0)).toContain('p95 -')
})
