import type { BarSeries, Timeframe } from '../bar-series.ts'
import { seededRandom } from '../generator-random.ts'

/** [open, high, low, close, volume?] */
export type ScriptedBar = readonly [number, number, number, number, number?]

const dayMs = 86_400_000

interface SeriesOptions {
  symbol?: string
  timeframe?: Timeframe
  start?: number
  stepMs?: number
}

/** Bars as a test wrote them down, one a day from 2023-01-01 unless told otherwise. */
export function scriptedBars(
  rows: readonly ScriptedBar[],
  { symbol = 'TEST', timeframe = '1d', start = 1_672_531_200_000, stepMs = dayMs }: SeriesOptions = {},
): BarSeries {
  const series = emptyBars(rows.length, symbol, timeframe)
  for (const [i, [open, high, low, close, volume = 1_000_000]] of rows.entries()) {
    series.time[i] = start + i * stepMs
    series.open[i] = open
    series.high[i] = high
    series.low[i] = low
    series.close[i] = close
    series.volume[i] = volume
  }
  return series
}

/** A geometric random walk with gaps and wicks; the same seed gives the same bars. */
export function randomWalk(
  length: number,
  seed: number,
  { symbol = 'WALK', timeframe = '1d', start = 1_000_000_000_000, stepMs = dayMs }: SeriesOptions = {},
): BarSeries {
  const series = emptyBars(length, symbol, timeframe)
  const generator = seededRandom(seed)
  const random = (): number => generator.next()
  let close = 100
  for (let i = 0; i < length; i++) {
    const open = close * (1 + (random() - 0.5) * 0.01)
    // Pulled back to 100 so that a long walk neither vanishes nor runs away.
    close = open * (1 + (random() - 0.5) * 0.03) * (close > 200 ? 0.997 : close < 50 ? 1.003 : 1)
    series.time[i] = start + i * stepMs
    series.open[i] = open
    series.high[i] = Math.max(open, close) * (1 + random() * 0.01)
    series.low[i] = Math.min(open, close) * (1 - random() * 0.01)
    series.close[i] = close
    series.volume[i] = Math.floor(100_000 + random() * 1_000_000)
  }
  return series
}

function emptyBars(length: number, symbol: string, timeframe: Timeframe): BarSeries {
  return {
    symbol,
    timeframe,
    length,
    time: new Float64Array(length),
    open: new Float64Array(length),
    high: new Float64Array(length),
    low: new Float64Array(length),
    close: new Float64Array(length),
    volume: new Float64Array(length),
  }
}
