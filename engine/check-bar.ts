import type { BarSeries } from './bar-series.ts'

/** How far, as a fraction of the price, an open or close may lie outside low..high and still be kept (method 2). */
const wideningLimitFrac = 0.005

/**
 * Why these values are not a bar; null when they are. An open or close slightly outside low..high is no fault:
 * see `needsWidening`.
 */
export const barFault = (
  time: number,
  open: number,
  high: number,
  low: number,
  close: number,
  volume: number,
): string | null => {
  if (!Number.isSafeInteger(time)) return `time ${time} is not whole epoch milliseconds`
  if (!isPrice(open)) return `open ${open} is not a finite price above 0`
  if (!isPrice(high)) return `high ${high} is not a finite price above 0`
  if (!isPrice(low)) return `low ${low} is not a finite price above 0`
  if (!isPrice(close)) return `close ${close} is not a finite price above 0`
  if (!(Number.isFinite(volume) && volume >= 0))
    return `volume ${volume} is not a finite number of at least 0`
  if (high < low) return `high ${high} is below low ${low}`
  if (outside(open, high, low) > wideningLimitFrac) return `open ${open} lies outside ${low}..${high}`
  if (outside(close, high, low) > wideningLimitFrac) return `close ${close} lies outside ${low}..${high}`
  return null
}

/** Whether bar `i` is without fault and needs no widening: the quick answer for nearly every bar. */
export const isPlainBar = (bars: BarSeries, i: number): boolean => {
  const time = bars.time[i]
  const open = bars.open[i]
  const high = bars.high[i]
  const low = bars.low[i]
  const close = bars.close[i]
  const volume = bars.volume[i]
  return (
    low > 0 &&
    low <= open &&
    open <= high &&
    low <= close &&
    close <= high &&
    high < Infinity &&
    volume >= 0 &&
    volume < Infinity &&
    Math.abs(time) <= Number.MAX_SAFE_INTEGER &&
    Math.floor(time) === time
  )
}

/** Whether a faultless bar's low or high must be moved to contain its open and close. */
export const needsWidening = (open: number, high: number, low: number, close: number): boolean =>
  open > high || open < low || close > high || close < low

/** Also false for what is no number at all, which plain JavaScript may hand over. */
const isPrice = (value: number): boolean => Number.isFinite(value) && value > 0

const outside = (price: number, high: number, low: number): number =>
  price > high ? (price - high) / price : price < low ? (low - price) / price : 0
