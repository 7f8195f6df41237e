import type { PivotClusters } from './pivot-clusters.ts'
import type { VolumeAnalysis } from './volume-analysis.ts'
import { volumeTrendPoints } from './volume-trend.ts'

/** Bars this near a cluster's mean say whether volume dries up there (method 4.4). */
const dryingFrac = 0.02
/** The most that drying volume adds, both sides. */
export const mostDrying = 20
const cacheSize = 256

export const durationPoints = (bars: number): number =>
  bars >= 40 ? 30 : bars >= 25 ? 20 : bars >= 15 ? 15 : 0

/** `lows` and `highs` pivots on the two sides. */
export const touchPoints = (lows: number, highs: number): number => {
  const both = lows + highs
  const balanced = Math.min(lows, highs) / Math.max(lows, highs) >= 0.8 ? 5 : 0
  return Math.min(30, (both >= 8 ? 30 : both >= 6 ? 25 : both >= 4 ? 15 : 0) + balanced)
}

/** From the mean of the clusters' standard deviations as fractions of their means. */
export const tightnessPoints = (spreadFrac: number): number =>
  spreadFrac < 0.01 ? 20 : spreadFrac < 0.015 ? 15 : spreadFrac < 0.02 ? 10 : 0

/**
 * Points for drying volume at one side of a range (method 4.4), remembered per cluster mean and span: between two
 * new pivots the same question comes up many times. Bars of a span never change, so an entry never ages.
 */
export class DryingVolume {
  /** Mean, span and points of each slot; a span is never 0. Made at the first question: short series ask none. */
  private slots = new Float64Array(0)

  /** For cluster `k`; `prices` are the lows for support, the highs for resistance; the span is `first` to `last`. */
  of(
    prices: Float64Array,
    volume: VolumeAnalysis,
    side: PivotClusters,
    k: number,
    first: number,
    last: number,
  ): number {
    const mean = side.mean[k]
    if (this.slots.length === 0) this.slots = new Float64Array(3 * cacheSize)
    const { slots } = this
    const span = first * 128 + (last - first)
    const slot = 3 * (((first * 7 + last * 13 + mean * 64) | 0) & (cacheSize - 1))
    if (slots[slot] !== mean || slots[slot + 1] !== span) {
      slots[slot] = mean
      slots[slot + 1] = span
      slots[slot + 2] = dryingPoints(prices, volume.volumeRatio, mean, first, last)
    }
    return slots[slot + 2]
  }
}

const near = new Float64Array(128)

const dryingPoints = (
  prices: Float64Array,
  ratios: Float64Array,
  mean: number,
  first: number,
  last: number,
): number => {
  const farthest = farthestWithin(dryingFrac, mean)
  let count = 0
  // Written at every bar and kept where the count moves on: which bars are near is not to be predicted.
  for (let i = first; i <= last; i++) {
    const ratio = ratios[i]
    near[count] = ratio
    count += +(Math.abs(prices[i] - mean) <= farthest) & +(ratio === ratio)
  }
  return volumeTrendPoints(near, count, 10, 5)
}

/** The largest distance `d` for which `d / mean <= frac` in floating point: a comparison instead of a division. */
const farthestWithin = (frac: number, mean: number): number => {
  let distance = frac * mean
  const step = distance * Number.EPSILON
  while (distance / mean > frac) distance -= step
  while ((distance + step) / mean <= frac) distance += step
  return distance
}

/** Quality without the drying part, for clusters `s` of the lows and `r` of the highs over `duration` bars. */
export const steadyQuality = (
  lows: PivotClusters,
  s: number,
  highs: PivotClusters,
  r: number,
  duration: number,
): number =>
  durationPoints(duration) +
  touchPoints(lows.count[s], highs.count[r]) +
  tightnessPoints((lows.spreadFrac[s] + highs.spreadFrac[r]) / 2)
