import type { BarSeries } from '../bar-series.ts'

export interface MarketContext {
  atrPercentile: number | null
  volumePercentile: number | null
  adx: number | null
  regime: 'HIGH_VOLATILITY' | 'TRENDING_UP' | 'TRENDING_DOWN' | 'SIDEWAYS' | null
}

const n = 14

/** Wilder's smoothing of a sum: begins with the sum of the first 14 values, then loses a 14th and gains the next. */
function wilderSums(values: readonly number[]): (number | null)[] {
  let sum = 0
  return values.map((value, i) => {
    sum = i < n ? sum + value : sum - sum / n + value
    return i < n - 1 ? null : sum
  })
}

/** Share, in percent, of the last 252 values that are not above the last one. */
function percentile(values: readonly (number | null)[], t: number): number | null {
  const own = values[t]
  if (own === null) return null
  const known = values.slice(Math.max(0, t - 251), t + 1).filter((value) => value !== null)
  return (100 * known.filter((value) => value <= own).length) / known.length
}

/** 10: market context at bar `t`, from bars up to `t` only. */
export function marketContext(bars: BarSeries, t: number): MarketContext {
  const ranges: number[] = []
  const plus: number[] = []
  const minus: number[] = []
  for (let i = 1; i <= t; i++) {
    const rise = bars.high[i] - bars.high[i - 1]
    const fall = bars.low[i - 1] - bars.low[i]
    ranges.push(Math.max(bars.high[i], bars.close[i - 1]) - Math.min(bars.low[i], bars.close[i - 1]))
    plus.push(rise > fall && rise > 0 ? rise : 0)
    minus.push(fall > rise && fall > 0 ? fall : 0)
  }
  const atr = wilderSums(ranges)
  const up = wilderSums(plus)
  const down = wilderSums(minus)
  const dx: number[] = []
  for (let i = n - 1; i < ranges.length; i++) {
    const both = (up[i] ?? 0) + (down[i] ?? 0)
    dx.push(both === 0 ? 0 : (100 * Math.abs((up[i] ?? 0) - (down[i] ?? 0))) / both)
  }
  const adxSum = wilderSums(dx).at(-1) ?? null
  const adx = adxSum === null ? null : adxSum / n
  const atrPercentile = percentile([null, ...atr], t)
  const volumePercentile = percentile([...bars.volume], t)
  let regime: MarketContext['regime'] = null
  if (adx !== null && atrPercentile !== null) {
    if (atrPercentile >= 95) regime = 'HIGH_VOLATILITY'
    else if (adx < 25) regime = 'SIDEWAYS'
    else regime = (up.at(-1) ?? 0) > (down.at(-1) ?? 0) ? 'TRENDING_UP' : 'TRENDING_DOWN'
  }
  return { atrPercentile, volumePercentile, adx, regime }
}
