import { expect, it } from 'vitest'
import { RunTimer, type TimerOptions } from './run-timer.ts'

/** Goes through the bars as an engine does, and answers with those that were timed. */
function timedBars(bars: number | null, length: number, options: Partial<TimerOptions> = {}): number[] {
  const run = { kind: 'backtest', symbol: 'A', timeframe: '1d', bars, stages: ['one'], attributes: {} }
  const timer = new RunTimer(
    run,
    { sampleEvery: undefined, worst: 2, maxFacts: 0, random: Math.random, ...options },
    {},
  )
  const timed: number[] = []
  for (let first = 0; first < length; first += 4096) {
    const end = Math.min(first + 4096, length)
    let bar = timer.blockStarted(first, end)
    while (bar >= 0) {
      timed.push(bar)
      timer.barStarted(bar)
      timer.stageEnded(0)
      bar = timer.barEnded(bar)
    }
    timer.blockEnded(end)
  }
  expect(timer.timedBars).toBe(timed.length)
  return timed
}

it.each([
  { bars: 4_000_000, from: 850, to: 1150 },
  { bars: 1_000_000, from: 850, to: 1150 },
  // 1 in 512.
  { bars: 200_000, from: 300, to: 480 },
  { bars: 10_000, from: 60, to: 140 },
  // 1 in 16, not denser.
  { bars: 320, from: 5, to: 40 },
])('times some hundred to a thousand bars of a run of $bars', ({ bars, from, to }) => {
  const timed = timedBars(bars, bars)
  expect(timed.length).toBeGreaterThan(from)
  expect(timed.length).toBeLessThan(to)
  expect(timed).toEqual([...new Set(timed)].sort((a, b) => a - b))
})

it('times as many as it was told to', () => {
  expect(timedBars(5000, 5000, { sampleEvery: 1 })).toEqual(Array.from({ length: 5000 }, (_, bar) => bar))
  expect(timedBars(4_000_000, 4_000_000, { sampleEvery: 1024 }).length).toBeGreaterThan(3000)
  expect(timedBars(1_000_000, 1_000_000, { sampleEvery: Number.MAX_SAFE_INTEGER }).length).toBeLessThan(160)
  // How long the run will be is not known.
  expect(timedBars(null, 200_000).length).toBeGreaterThan(300)
})

it('begins at another bar each time, spread evenly', () => {
  const firsts = Array.from({ length: 400 }, (_, i) => timedBars(null, 4096, { random: () => i / 400 })[0])
  expect(new Set(firsts).size).toBeGreaterThan(200)
  expect(firsts.filter((bar) => bar < 256).length).toBeGreaterThan(120)
  expect(firsts.filter((bar) => bar >= 256).length).toBeGreaterThan(120)
})
