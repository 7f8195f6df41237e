import type { BarSeries } from './bar-series.ts'
import { IntList } from './int-list.ts'

/** Bars on each side that a pivot must exceed; also how long after it a pivot becomes known (method 4.1). */
export const pivotReach = 5

/**
 * Pivots of a growing series: bar indexes, oldest first. A bar is a HIGH pivot when its high is strictly above
 * every high of the 5 bars before and after it, a LOW pivot mirrored. A pivot at `i` is known at `i + 5`.
 */
export class Pivots {
  readonly highs = new IntList()
  readonly lows = new IntList()
  /** The last bar above the 5 before it that nothing after it has reached so far; -1 for none. */
  private highest = -1
  private lowest = -1

  /** Takes bars `first` to `end - 1` into account; all before `first` have been. */
  run(bars: BarSeries, first: number, end: number): void {
    this.highest = scan(bars.high, 1, this.highs, this.highest, first, end)
    this.lowest = scan(bars.low, -1, this.lows, this.lowest, first, end)
  }
}

/**
 * One comparison for most bars: what exceeds the bar that stands exceeds all that one did, so it stands instead; a
 * bar that stood 5 bars long is a pivot, and none of those 5 can be one. Answers with the bar that stands at the end.
 */
const scan = (
  prices: Float64Array,
  sign: 1 | -1,
  found: IntList,
  standing: number,
  first: number,
  end: number,
): number => {
  let top = standing
  for (let i = first; i < end; i++) {
    const price = sign * prices[i]
    if (top >= 0) {
      const before = sign * prices[top]
      if (price > before) top = i
      else if (price === before) top = -1
      else if (i - top === pivotReach) {
        found.push(top)
        top = -1
      }
    } else if (
      i >= pivotReach &&
      price > sign * prices[i - 1] &&
      price > sign * prices[i - 2] &&
      price > sign * prices[i - 3] &&
      price > sign * prices[i - 4] &&
      price > sign * prices[i - 5]
    )
      top = i
  }
  return top
}
