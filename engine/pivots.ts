import type { BarSeries } from './bar-series.ts'
import { IntList } from './int-list.ts'

/** Bars on each side that a pivot must exceed; also how long after it a pivot becomes known (spec 4.1). */
export const pivotReach = 5

/**
 * Pivots of a growing series: bar indexes, oldest first. A bar is a HIGH pivot when its high is strictly above
 * every high of the 5 bars before and after it, a LOW pivot mirrored. A pivot at `i` is known at `i + 5`.
 */
export class Pivots {
  readonly highs = new IntList()
  readonly lows = new IntList()

  /** Takes bars `first` to `end - 1` into account; all before `first` have been. */
  run(bars: BarSeries, first: number, end: number): void {
    const { high, low } = bars
    for (let i = Math.max(first - pivotReach, pivotReach); i < end - pivotReach; i++) {
      const h = high[i]
      if (
        h > high[i - 1] &&
        h > high[i + 1] &&
        h > high[i - 2] &&
        h > high[i + 2] &&
        h > high[i - 3] &&
        h > high[i + 3] &&
        h > high[i - 4] &&
        h > high[i + 4] &&
        h > high[i - 5] &&
        h > high[i + 5]
      )
        this.highs.push(i)
      const l = low[i]
      if (
        l < low[i - 1] &&
        l < low[i + 1] &&
        l < low[i - 2] &&
        l < low[i + 2] &&
        l < low[i - 3] &&
        l < low[i + 3] &&
        l < low[i - 4] &&
        l < low[i + 4] &&
        l < low[i - 5] &&
        l < low[i + 5]
      )
        this.lows.push(i)
    }
  }
}
