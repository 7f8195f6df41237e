import { BarColumns, checkSeriesName } from './bar-columns.ts'
import type { BarSeries, Timeframe } from './bar-series.ts'
import { checkSeriesShape } from './check-series.ts'
import { EngineError } from './engine-error.ts'

const minute = 60_000
const lengths: Readonly<Record<Timeframe, number>> = {
  '1m': minute,
  '5m': 5 * minute,
  '15m': 15 * minute,
  '1h': 60 * minute,
  '4h': 240 * minute,
  '1d': 1440 * minute,
  '1w': 7 * 1440 * minute,
}
/** Weeks start on Monday; the epoch was a Thursday. */
const firstMonday = 4 * 1440 * minute

/** How long a bar of this timeframe lasts, in milliseconds. */
export const timeframeMs = (timeframe: Timeframe): number => lengths[timeframe]

/** Open time of the bar of `timeframe` that holds `time`: UTC days, weeks from Monday 00:00 UTC (method 8.6). */
export const barStart = (time: number, timeframe: Timeframe): number => {
  const length = lengths[timeframe]
  const offset = timeframe === '1w' ? firstMonday : 0
  return Math.floor((time - offset) / length) * length + offset
}

/**
 * The same series in longer bars: first open, highest high, lowest low, last close, summed volume. A bar without
 * any shorter bar is left out; the last one may be incomplete.
 * @throws EngineError `invalid_option` when `timeframe` is not longer than the series' own.
 */
export const resample = (bars: BarSeries, timeframe: Timeframe): BarSeries => {
  checkSeriesShape(bars)
  checkSeriesName(bars.symbol, timeframe)
  if (lengths[timeframe] <= lengths[bars.timeframe])
    throw new EngineError('invalid_option', `${timeframe} bars cannot be made from ${bars.timeframe} bars`)
  const shrink = Math.floor(lengths[timeframe] / lengths[bars.timeframe])
  const longer = new BarColumns(bars.symbol, timeframe, Math.ceil(bars.length / shrink) + 2)
  let i = 0
  while (i < bars.length) {
    const start = barStart(bars.time[i], timeframe)
    const open = bars.open[i]
    let high = bars.high[i]
    let low = bars.low[i]
    let volume = bars.volume[i]
    let last = i
    while (last + 1 < bars.length && barStart(bars.time[last + 1], timeframe) === start) {
      last++
      high = Math.max(high, bars.high[last])
      low = Math.min(low, bars.low[last])
      volume += bars.volume[last]
    }
    longer.add(start, open, high, low, bars.close[last], volume)
    i = last + 1
  }
  return longer.series()
}
