import type { BarSeries } from './bar-series.ts'

/** Market around a bar, from bars up to it alone. Percentiles 0-100; null while there are too few bars. */
export interface MarketState {
  readonly atr: number | null
  /** Share of the last 252 bars' ATR(14) that are not above this one's. */
  readonly atrPercentile: number | null
  readonly volumePercentile: number
  readonly adx: number | null
  readonly regime: 'HIGH_VOLATILITY' | 'TRENDING_UP' | 'TRENDING_DOWN' | 'SIDEWAYS'
}

const period = 14
const lookback = 252

/**
 * ATR, ADX and DI of 14 bars by Wilder's smoothing (J. Welles Wilder, "New Concepts in Technical Trading Systems",
 * 1978), with their percentiles. Costs nothing until asked, then catches up: over a run each bar is taken once.
 */
export class MarketContext {
  private atr = new Float64Array(0)
  private done = 0
  /** Smoothed true range, moves up and moves down; the sum of the first DX; the ADX, NaN while unknown. */
  private readonly smoothed = Float64Array.of(0, 0, 0, 0, Number.NaN)

  at(bars: BarSeries, t: number): MarketState {
    this.catchUp(bars, t + 1)
    const atr = this.atr[t]
    const atrPercentile = Number.isNaN(atr) ? null : percentile(this.atr, t)
    const upSum = this.smoothed[1]
    const downSum = this.smoothed[2]
    const adx = this.smoothed[4]
    const known = !Number.isNaN(adx)
    const trending = known && adx >= 25
    return {
      atr: Number.isNaN(atr) ? null : atr,
      atrPercentile,
      volumePercentile: percentile(bars.volume, t),
      adx: known ? adx : null,
      regime:
        atrPercentile !== null && atrPercentile >= 95
          ? 'HIGH_VOLATILITY'
          : !trending
            ? 'SIDEWAYS'
            : upSum >= downSum
              ? 'TRENDING_UP'
              : 'TRENDING_DOWN',
    }
  }

  private catchUp(bars: BarSeries, end: number): void {
    if (this.atr.length < end) {
      const next = new Float64Array(Math.max(bars.close.length, end))
      next.set(this.atr.subarray(0, this.done))
      this.atr = next
    }
    const { high, low, close } = bars
    const { atr, smoothed } = this
    let rangeSum = smoothed[0]
    let upSum = smoothed[1]
    let downSum = smoothed[2]
    let dxSum = smoothed[3]
    let adx = smoothed[4]
    for (let i = this.done; i < end; i++) {
      atr[i] = Number.NaN
      if (i === 0) continue
      const before = close[i - 1]
      const trueRange = Math.max(high[i] - low[i], Math.abs(high[i] - before), Math.abs(low[i] - before))
      const up = high[i] - high[i - 1]
      const down = low[i - 1] - low[i]
      const upMove = up > down && up > 0 ? up : 0
      const downMove = down > up && down > 0 ? down : 0
      const keep = i <= period ? 1 : 1 - 1 / period
      rangeSum = rangeSum * keep + trueRange
      upSum = upSum * keep + upMove
      downSum = downSum * keep + downMove
      if (i < period) continue
      atr[i] = rangeSum / period
      const moves = upSum + downSum
      const dx = moves === 0 ? 0 : (100 * Math.abs(upSum - downSum)) / moves
      if (i < 2 * period) dxSum += dx
      if (i === 2 * period - 1) adx = dxSum / period
      else if (i >= 2 * period) adx = (adx * (period - 1) + dx) / period
    }
    smoothed[0] = rangeSum
    smoothed[1] = upSum
    smoothed[2] = downSum
    smoothed[3] = dxSum
    smoothed[4] = adx
    if (end > this.done) this.done = end
  }
}

/** Share of the values of the last 252 bars that are known and not above that of `t`, in percent. */
const percentile = (values: Float64Array, t: number): number => {
  const own = values[t]
  let known = 0
  let below = 0
  for (let i = Math.max(0, t - lookback + 1); i <= t; i++) {
    const value = values[i]
    if (Number.isNaN(value)) continue
    known++
    if (value <= own) below++
  }
  return (100 * below) / known
}
