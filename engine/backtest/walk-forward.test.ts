import { expect, test } from 'vitest'
import { buyAndHold } from '../strategy-buy-and-hold.ts'
import { addMonths, dayLabel, monthStart } from './calendar.ts'
import { createBacktestEngine } from './engine.ts'
import { pairedTTest, twoSided } from './paired-t-test.ts'
import { randomWalk, type ScriptedBar, scriptedBars } from './scripted-bars.ts'
import { walkForward } from './walk-forward.ts'

const engine = createBacktestEngine()
const start = monthStart(2020, 1) + 30 * 86_400_000
const walk = randomWalk(1200, 4, { start })

test('windows of 6 and 3 months, 3 apart, from the first bar on, whole ones only', () => {
  const { windows, metric } = walkForward(engine, walk, { strategy: 'sma_cross' })
  expect(metric).toBe('winRate')
  const edges = windows.map(({ train, validate }) => [train.start, train.end, validate.end].map(dayLabel))
  expect(edges.slice(0, 3)).toEqual([
    ['2020-01-31', '2020-07-31', '2020-10-31'],
    ['2020-04-30', '2020-10-31', '2021-01-31'],
    ['2020-07-31', '2021-01-31', '2021-04-30'],
  ])
  for (const { train, validate } of windows) expect(validate.start).toBe(train.end)
  const closed = walk.time[1199] + 86_400_000
  const last = windows.at(-1)!.validate.end
  expect(last).toBeLessThanOrEqual(closed)
  expect(addMonths(start, 3 * windows.length + 9)).toBeGreaterThan(closed)
  expect(windows[0].train.bars).toBe((monthStart(2020, 7) + 30 * 86_400_000 - start) / 86_400_000)
})

test('each part is the backtest of that period alone, and the summary follows from the parts', () => {
  const config = { strategy: 'sma_cross', positionFrac: 0.9 } as const
  const result = walkForward(engine, walk, config, { metric: 'totalReturn', drawdownLimit: 0.1 })
  for (const { train, validate, ratio, degraded, maxDrawdown, drawdownFlagged } of result.windows) {
    for (const part of [train, validate]) {
      const alone = engine.run(walk, { ...config, startDate: part.start, endDate: part.end - 1 })
      expect(part.metrics).toEqual(alone.metrics)
      expect(part.value).toBe(alone.metrics.totalReturn)
    }
    expect(ratio).toBe(train.value! > 0 ? validate.value! / train.value! : null)
    expect(degraded).toBe(ratio === null ? null : ratio < 0.8)
    expect(drawdownFlagged).toBe(maxDrawdown > 0.1)
  }
  const values = result.windows.map(({ validate }) => validate.value!)
  const mean = values.reduce((a, b) => a + b) / values.length
  const variance = values.reduce((a, b) => a + (b - mean) ** 2, 0) / (values.length - 1)
  expect(result.stability).toBeCloseTo(Math.sqrt(variance) / mean, 10)
  expect(result.pairedTest?.pairs).toBe(values.length)
  expect(result.degradedWindows).toBe(result.windows.filter(({ degraded }) => degraded).length)
})

test('a year that rises, stalls and crashes: degraded and flagged where it should be', () => {
  // 2021: up for six months, half as fast for three, then down by a half in three.
  const rows: ScriptedBar[] = []
  let close = 100
  for (let day = 0; day < 365; day++) {
    const open = close
    close *= day < 181 ? 1.002 : day < 273 ? 1.001 : 0.9925
    rows.push([open, Math.max(open, close), Math.min(open, close), close])
  }
  const bars = scriptedBars(rows, { start: monthStart(2021, 1) })
  const result = walkForward(engine, bars, { strategy: buyAndHold() }, { metric: 'totalReturn' })
  expect(result.windows.map(({ degraded }) => degraded)).toEqual([true, true])
  expect(result.windows.map(({ drawdownFlagged }) => drawdownFlagged)).toEqual([false, true])
  expect([result.degradedWindows, result.flaggedWindows]).toEqual([2, 1])
  // No trade is closed, so there is no win rate to compare: not defined, never 0.
  const none = walkForward(engine, bars, { strategy: buyAndHold() })
  expect(none.windows[0]).toMatchObject({ ratio: null, degraded: null })
  expect([none.stability, none.pairedTest]).toEqual([null, null])
})

test('the paired t-test agrees with worked examples and tables', () => {
  // Quantiles of Student's t for a two-sided .05, as printed in every table.
  for (const [degrees, t] of [
    [1, 12.706_205],
    [2, 4.302_653],
    [4, 2.776_445],
    [9, 2.262_157],
    [10, 2.228_139],
    [30, 2.042_272],
    [101, 1.983_731],
  ]) {
    expect(twoSided(t, degrees)).toBeCloseTo(0.05, 6)
    expect(twoSided(-t, degrees)).toBe(twoSided(t, degrees))
  }
  expect(twoSided(0, 5)).toBe(1)
  // Differences 1, 2, 3: mean 2, sd 1, t = 2 * sqrt(3); with 2 degrees p = 1 - t / sqrt(2 + t^2).
  const test = pairedTTest([
    [1, 2],
    [1, 3],
    [1, 4],
  ])!
  expect(test.t).toBeCloseTo(2 * Math.sqrt(3), 12)
  expect(test.pValue).toBeCloseTo(1 - Math.sqrt(12 / 14), 12)
  expect(pairedTTest([[1, 2]])).toBeNull()
  expect(
    pairedTTest([
      [1, 1.1],
      [2, 2.1],
    ]),
  ).toBeNull()
})

test('options that make no sense, and series too short for a window, are refused by name', () => {
  const run = (options: object) => () => walkForward(engine, walk, { strategy: 'sma_cross' }, options)
  expect(run({ trainMonths: 0 })).toThrow(/^trainMonths: must be a whole number/)
  expect(run({ stepMonths: 1.5 })).toThrow(/^stepMonths/)
  expect(run({ metric: 'maxDrawdown' })).toThrow(/^metric: must be one of winRate/)
  expect(run({ degradedBelow: NaN })).toThrow(/^degradedBelow/)
  expect(run({ trainMonths: 120 })).toThrow('bars: WALK holds no whole window of 123 months')
  expect(() => walkForward(engine, scriptedBars([]))).toThrow('bars: TEST holds no bars')
})
