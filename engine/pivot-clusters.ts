import type { BarSeries } from './bar-series.ts'

/** Pivots older than this many bars take no part (method 4.2). */
export const pivotWindow = 120
const clusterGapFrac = 0.02
/** Later than any bar, and no floating-point number. */
const never = 1 << 30
/** Pivots of one kind are at least 6 bars apart, so a window holds 20; a little room. */
const mostPivots = 24

/** Plain arrays: so short a typed one costs more to make than it will ever save. What they begin with is their kind. */
const fractions = (): number[] => {
  const list: number[] = []
  for (let k = 0; k < mostPivots; k++) list.push(0.5)
  return list
}

const whole = (): number[] => {
  const list: number[] = []
  for (let k = 0; k < mostPivots; k++) list.push(0)
  return list
}

/**
 * The pivots of one kind within the window, sorted by price, and the clusters they form (method 4.2). Cluster `k` has
 * `count[k]` pivots from place `start[k]` of `price` and `bar`.
 */
export class PivotClusters {
  readonly price = fractions()
  readonly bar = whole()
  pivots = 0
  clusters = 0
  readonly start = whole()
  readonly count = whole()
  readonly mean = fractions()
  /** Sample standard deviation as a fraction of the mean. */
  readonly spreadFrac = fractions()
  readonly firstBar = whole()
  readonly lastBar = whole()
  /** Bar of the oldest pivot held; `never` for none. */
  oldest = never

  /** `prices` are those of the series: the lows or the highs. */
  add(bar: number, prices: Float64Array): void {
    const price = prices[bar]
    let k = this.pivots
    while (k > 0 && this.price[k - 1] > price) {
      this.price[k] = this.price[k - 1]!
      this.bar[k] = this.bar[k - 1]!
      k--
    }
    this.price[k] = price
    this.bar[k] = bar
    this.pivots++
    if (bar < this.oldest) this.oldest = bar
  }

  /** Drops pivots before `bar`. */
  dropBefore(bar: number): void {
    let kept = 0
    let oldest = never
    for (let k = 0; k < this.pivots; k++) {
      const at = this.bar[k]
      if (at < bar) continue
      this.price[kept] = this.price[k]!
      this.bar[kept++] = at
      if (at < oldest) oldest = at
    }
    this.pivots = kept
    this.oldest = oldest
  }

  /** Clusters afresh what is held now; clusters of one pivot are left out. */
  recluster(): void {
    const { price, pivots } = this
    this.clusters = 0
    let from = 0
    while (from < pivots) {
      let sum = price[from]
      let end = from + 1
      while (end < pivots) {
        const mean = sum / (end - from)
        if (Math.abs(price[end] - mean) / mean > clusterGapFrac) break
        sum += price[end++]
      }
      if (end - from >= 2) this.keep(from, end, sum / (end - from))
      from = end
    }
  }

  private keep(from: number, end: number, mean: number): void {
    let squares = 0
    let first = this.bar[from]
    let last = first
    for (let k = from; k < end; k++) {
      const off = this.price[k] - mean
      squares += off * off
      const at = this.bar[k]
      if (at < first) first = at
      if (at > last) last = at
    }
    const c = this.clusters++
    this.start[c] = from
    this.count[c] = end - from
    this.mean[c] = mean
    this.spreadFrac[c] = Math.sqrt(squares / (end - from - 1)) / mean
    this.firstBar[c] = first
    this.lastBar[c] = last
  }
}

/** A cluster of pivots as users see it. Prices in account currency, bars as indexes. */
export interface Cluster {
  readonly mean: number
  readonly min: number
  readonly max: number
  readonly count: number
  readonly standardDeviation: number
  readonly firstBar: number
  readonly lastBar: number
}

/** The clusters of both kinds at the close of `bar`, from the indexes of the pivots of a series. */
export const clustersAt = (
  bars: BarSeries,
  pivots: { readonly highs: Int32Array; readonly lows: Int32Array },
  bar: number,
): { highs: Cluster[]; lows: Cluster[] } => {
  const of = (indexes: Int32Array, prices: Float64Array): Cluster[] => {
    const side = new PivotClusters()
    for (const i of indexes) if (i > bar - pivotWindow && i + 5 <= bar) side.add(i, prices)
    side.recluster()
    return Array.from({ length: side.clusters }, (_, k) => ({
      mean: side.mean[k],
      min: side.price[side.start[k]],
      max: side.price[side.start[k] + side.count[k] - 1],
      count: side.count[k],
      standardDeviation: side.spreadFrac[k] * side.mean[k],
      firstBar: side.firstBar[k],
      lastBar: side.lastBar[k],
    }))
  }
  return { highs: of(pivots.highs, bars.high), lows: of(pivots.lows, bars.low) }
}
