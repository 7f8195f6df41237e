import type { BarSeries } from '../bar-series.ts'
import type { Measures } from './measures.ts'

/**
 * A series as accumulation rules see it. The view of a distribution negates prices (7.5): high and low change places,
 * and so do Creek and Ice. With `up` and `down` below, each rule is then written once.
 */
export interface View {
  sign: 1 | -1
  low(i: number): number
  high(i: number): number
  close(i: number): number
  closePosition(i: number): number
  ratio(i: number): number | null
  spreadRatio(i: number): number | null
}

export function view(bars: BarSeries, m: readonly Measures[], sign: 1 | -1): View {
  return {
    sign,
    low: (i) => (sign === 1 ? bars.low[i] : -bars.high[i]),
    high: (i) => (sign === 1 ? bars.high[i] : -bars.low[i]),
    close: (i) => sign * bars.close[i],
    closePosition: (i) => (sign === 1 ? m[i].closePosition : 1 - m[i].closePosition),
    ratio: (i) => m[i].ratio,
    spreadRatio: (i) => m[i].spreadRatio,
  }
}

/** price x (1 + x), and in a distribution x (1 - x). */
export const up = (price: number, x: number) => price + x * Math.abs(price)
export const down = (price: number, x: number) => price - x * Math.abs(price)
/** How far `a` lies above `b`, as a fraction of `b`. */
export const over = (a: number, b: number) => (a - b) / Math.abs(b)
