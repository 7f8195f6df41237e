import type { BarSeries } from '../bar-series.ts'
import { atLeast, atMost } from './compare.ts'

export interface Measures {
  ratio: number | null
  spreadRatio: number | null
  closePosition: number
  effort: 'NORMAL' | 'CLIMACTIC' | 'ABSORPTION' | 'NO_DEMAND'
}

/** Section 3, one bar from nothing but the 20 before it. */
export function measure(bars: BarSeries, i: number): Measures {
  const spread = bars.high[i] - bars.low[i]
  let volumes = 0
  let spreads = 0
  for (let k = i - 20; k < i; k++) {
    volumes += bars.volume[k]
    spreads += bars.high[k] - bars.low[k]
  }
  const ratio = i < 20 || volumes === 0 ? null : bars.volume[i] / (volumes / 20)
  const spreadRatio = i < 20 ? null : spread === 0 || spreads === 0 ? 0 : spread / (spreads / 20)
  const position = spread === 0 ? 0.5 : (bars.close[i] - bars.low[i]) / spread
  return {
    ratio,
    spreadRatio,
    closePosition: Math.min(1, Math.max(0, position)),
    effort: effort(ratio, spreadRatio),
  }
}

function effort(ratio: number | null, spread: number | null): Measures['effort'] {
  if (ratio === null || spread === null) return 'NORMAL'
  if (atLeast(ratio, 2) && atLeast(spread, 1)) return 'CLIMACTIC'
  if (atLeast(ratio, 1.5) && atLeast(spread, 1.5)) return 'CLIMACTIC'
  if (atLeast(ratio, 1.4) && atMost(spread, 0.8)) return 'ABSORPTION'
  if (atMost(ratio, 0.6) && atMost(spread, 0.8)) return 'NO_DEMAND'
  return 'NORMAL'
}
