import { checkSeriesName } from './bar-columns.ts'
import type { BarSeries } from './bar-series.ts'
import { barFault, isPlainBar, needsWidening } from './check-bar.ts'
import { EngineError } from './engine-error.ts'

/** @throws EngineError unless this has a series' name and columns of its length. */
export const checkSeriesShape = (bars: BarSeries): void => {
  checkSeriesName(bars.symbol, bars.timeframe)
  const { length } = bars
  if (!Number.isSafeInteger(length) || length < 0)
    throw new EngineError('invalid_option', `bars.length is ${length}, not a count`)
  for (const name of ['time', 'open', 'high', 'low', 'close', 'volume'] as const)
    if (!(bars[name] instanceof Float64Array) || bars[name].length < length)
      throw new EngineError('invalid_option', `bars.${name} is not a Float64Array of ${length} values`)
}

/**
 * Checks bars `first` to `end - 1`. Answers with the series itself, or with a copy whose highs and lows contain
 * opens and closes that lay slightly outside; the indexes of those bars are added to `widened`.
 * @throws EngineError `invalid_bar` or `unsorted_bar` with the bar's index.
 */
export const checkBars = (bars: BarSeries, first: number, end: number, widened: number[]): BarSeries => {
  const { time, open, high, low, close, volume } = bars
  let copy: BarSeries | null = null
  for (let i = first; i < end; i++) {
    if (!isPlainBar(bars, i)) {
      const o = open[i]
      const h = high[i]
      const l = low[i]
      const c = close[i]
      const fault = barFault(time[i], o, h, l, c, volume[i])
      if (fault !== null) throw new EngineError('invalid_bar', `bar ${i}: ${fault}`, { bar: i })
      if (needsWidening(o, h, l, c)) {
        copy ??= { ...bars, high: high.slice(), low: low.slice() }
        copy.high[i] = Math.max(h, o, c)
        copy.low[i] = Math.min(l, o, c)
        widened.push(i)
      }
    }
    if (i > 0 && time[i] <= time[i - 1]) {
      const said = time[i] === time[i - 1] ? 'repeats' : 'lies before'
      throw new EngineError(
        'unsorted_bar',
        `bar ${i}: time ${time[i]} ${said} the time of the bar before it`,
        {
          bar: i,
        },
      )
    }
  }
  return copy ?? bars
}
