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
  if (allPlain(bars, first, end)) return
  try {
    // What is odd need not be wrong: real feeds hold opens and closes slightly outside of their range.
    checkEach(bars, first, end, [])
  } catch (error) {
    if (!(error instanceof EngineError)) throw error
    throw badBar(error)
  }
}

export const badBar = (error: EngineError): BacktestError =>
  new BacktestError('bars', error.bar, error.message.replace(/^bar \d+: /, ''), error)

/**
 * Whether no bar is odd. One loop without calls, over every bar of every backtest, and two
 * bars at a time: half of what a loop costs besides its comparisons is the loop.
 */
function allPlain(bars: BarSeries, first: number, end: number): boolean {
  const { time, open, high, low, close, volume } = bars
  let before = first === 0 ? -Infinity : time[first - 1]
  // Infinity in a column makes a sum of it infinite: it is looked for once, at the end.
  let sum = 0
  let i = first
  for (; i < end - 1; i += 2) {
    const t = time[i]
    const h = high[i]
    const l = low[i]
    const o = open[i]
    const c = close[i]
    const v = volume[i]
    // Negated, so that NaN is odd.
    if (!(t > before && l > 0 && o >= l && c >= l && h >= o && h >= c && v >= 0)) return false
    const t2 = time[i + 1]
    const h2 = high[i + 1]
    const l2 = low[i + 1]
    const o2 = open[i + 1]
    const c2 = close[i + 1]
    const v2 = volume[i + 1]
    if (!(t2 > t && l2 > 0 && o2 >= l2 && c2 >= l2 && h2 >= o2 && h2 >= c2 && v2 >= 0)) return false
    sum += h + v + h2 + v2
    before = t2
  }
  if (!(sum + before < Infinity)) return false
  if (i === end) return true
  // One is left over, and looked at together with the one before it.
  return i > 0 && allPlain(bars, i - 1, end)
}
