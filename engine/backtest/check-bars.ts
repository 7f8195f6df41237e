import type { BarSeries } from '../bar-series.ts'
import { checkBars as checkEach, checkSeriesShape } from '../check-series.ts'
import { EngineError } from '../engine-error.ts'
import { BacktestError } from './errors.ts'

/** @throws BacktestError when `bars` has no name, or columns that are none or too short */
export function checkShape(bars: BarSeries): void {
  try {
    checkSeriesShape(bars)
  } catch (error) {
    throw new BacktestError('bars', null, (error as Error).message, error)
  }
}

/**
 * Refuses bars `first` to `end - 1` unless each is later than the one before and has a price, a volume and a range.
 * @throws BacktestError with the index of the first that is wrong
 */
export function checkBars(bars: BarSeries, first: number, end: number): void {
  const odd = firstOddBar(bars, first, end)
  if (odd < 0) return
  try {
    // What is odd need not be wrong: real feeds hold opens and closes slightly outside of their range.
    checkEach(bars, odd, end, [])
  } catch (error) {
    if (!(error instanceof EngineError)) throw error
    throw badBar(error)
  }
}

export const badBar = (error: EngineError): BacktestError =>
  new BacktestError('bars', error.bar, error.message.replace(/^bar \d+: /, ''), error)

/** One loop without calls: it runs over every bar of every backtest. */
function firstOddBar(bars: BarSeries, first: number, end: number): number {
  const { time, open, high, low, close, volume } = bars
  let before = first === 0 ? -Infinity : time[first - 1]
  for (let i = first; i < end; i++) {
    const t = time[i]
    const h = high[i]
    const l = low[i]
    const o = open[i]
    const c = close[i]
    const v = volume[i]
    // Negated, so that NaN is odd; one sum looks for infinity in three columns.
    if (!(t > before && l > 0 && o >= l && o <= h && c >= l && c <= h && v >= 0 && t + h + v < Infinity))
      return i
    before = t
  }
  return -1
}
