import type { BarSeries } from './bar-series.ts'
import {
  DryingVolume,
  durationPoints,
  mostDrying,
  steadyQuality,
  tightnessPoints,
  touchPoints,
} from './range-quality.ts'
import { Levels } from './level.ts'
import { LiveRange } from './live-range.ts'
import { PivotClusters, pivotWindow } from './pivot-clusters.ts'
import { pivotReach } from './pivots.ts'
import type { Pivots } from './pivots.ts'
import { byRank, overlapping, sameLevels } from './range-candidate.ts'
import type { RangeCandidate } from './range-candidate.ts'
import type { Thresholds } from './thresholds.ts'
import type { VolumeAnalysis } from './volume-analysis.ts'

const narrowest = 0.03
const shortest = 15
const longest = 120
/** A range without a breakout is given up at this age, a breakout this long after it (spec 4.5). */
const rangeLife = 120
const breakoutLife = 120

/** Who wants to know what becomes of ranges. */
export interface RangeHooks {
  born(range: LiveRange, t: number): void
  refreshed(range: LiveRange, t: number): void
  ended(range: LiveRange, t: number, status: 'COMPLETED' | 'ARCHIVED', reason: string): void
}

/**
 * The trading ranges of a series: clusters of the pivots of the last 120 bars, the pairs of them that make a range,
 * and the life of those that became ACTIVE (spec 4.2-4.5, 8.6). Clusters change only when a pivot becomes known or
 * leaves the window, so only then, or after a live range has gone, are the pairs looked at again.
 */
export class RangeBook {
  /** Every range that ever became ACTIVE. */
  readonly ranges: LiveRange[] = []
  /** Those that are ACTIVE or BREAKOUT, in the order of becoming ACTIVE. */
  readonly live: LiveRange[] = []
  candidatesSeen = 0
  candidatesQualified = 0
  /** A live range has gone or its levels are free again: look at the pairs at the next close. */
  stale = false
  private readonly rules: Thresholds
  private readonly hooks: RangeHooks
  private readonly volume: VolumeAnalysis
  private readonly pivots: Pivots
  private readonly lows = new PivotClusters()
  private readonly highs = new PivotClusters()
  private readonly levels = new Levels()
  private readonly dryingLow = new DryingVolume()
  private readonly dryingHigh = new DryingVolume()
  private nextLow = 0
  private nextHigh = 0
  /** Good candidates that are no live range's: they wait for the close to lie within them. */
  private waiting: RangeCandidate[] = []

  constructor(rules: Thresholds, hooks: RangeHooks, volume: VolumeAnalysis, pivots: Pivots) {
    this.rules = rules
    this.hooks = hooks
    this.volume = volume
    this.pivots = pivots
  }

  /** The close of bar `t`. */
  step(bars: BarSeries, t: number): void {
    if (this.live.length > 0) this.age(bars, t)
    const looked = this.takePivots(bars, t) || this.stale
    if (looked) {
      this.stale = false
      this.look(bars, t)
    }
    if (looked ? this.waiting.length > 0 || this.live.length > 1 : this.waiting.length > 0)
      this.resolve(bars, t, looked)
  }

  /** Ends a live range. */
  end(range: LiveRange, t: number, status: 'COMPLETED' | 'ARCHIVED', reason: string): void {
    this.live.splice(this.live.indexOf(range), 1)
    this.stale = true
    this.hooks.ended(range, t, status, reason)
  }

  private age(bars: BarSeries, t: number): void {
    const { live } = this
    for (let k = live.length - 1; k >= 0; k--) {
      const range = live[k]
      if (range.status === 'ACTIVE') {
        if (t - range.first >= rangeLife) this.end(range, t, 'ARCHIVED', 'age')
      } else if (reachedTarget(range, bars, t)) this.end(range, t, 'COMPLETED', 'target')
      else if (t - range.statusBar >= breakoutLife) this.end(range, t, 'COMPLETED', 'time')
    }
  }

  /** Whether the clusters have changed. */
  private takePivots(bars: BarSeries, t: number): boolean {
    const lows = this.pivots.lows
    const highs = this.pivots.highs
    const known = t - pivotReach
    const gone = t - pivotWindow
    let low = false
    let high = false
    if (this.lows.oldest <= gone) {
      this.lows.dropBefore(gone + 1)
      low = true
    }
    if (this.highs.oldest <= gone) {
      this.highs.dropBefore(gone + 1)
      high = true
    }
    if (this.nextLow < lows.length && lows.values[this.nextLow] === known) {
      this.lows.add(known, bars.low[known])
      this.nextLow++
      low = true
    }
    if (this.nextHigh < highs.length && highs.values[this.nextHigh] === known) {
      this.highs.add(known, bars.high[known])
      this.nextHigh++
      high = true
    }
    if (low) this.lows.recluster()
    if (high) this.highs.recluster()
    return low || high
  }

  /** Looks at every pair of clusters: refreshes live ranges, and keeps the good pairs that are none's. */
  private look(bars: BarSeries, t: number): void {
    const { lows, highs, rules, live } = this
    const before = this.waiting
    if (before.length > 0) this.waiting = []
    let best: (RangeCandidate | null)[] | null = null
    for (let s = 0; s < lows.clusters; s++) {
      const low = lows.mean[s]
      for (let r = 0; r < highs.clusters; r++) {
        const high = highs.mean[r]
        if (!(high > low) || (high - low) / low < narrowest) continue
        const first = Math.min(lows.firstBar[s], highs.firstBar[r])
        const last = Math.max(lows.lastBar[s], highs.lastBar[r])
        const duration = last - first + 1
        if (duration < shortest || duration > longest) continue
        this.candidatesSeen++
        const owner = live.length === 0 ? -1 : this.ownerOf(low, high)
        if (owner !== -1 && (live[owner].frozen || live[owner].status !== 'ACTIVE')) continue
        const steady = steadyQuality(lows, s, highs, r, duration)
        if (owner === -1 && steady + mostDrying < rules.rangeQualityMin) continue
        let drying = this.dryingLow.of(bars.low, this.volume, low, first, last)
        if (owner === -1 && steady + drying + mostDrying / 2 < rules.rangeQualityMin) continue
        drying += this.dryingHigh.of(bars.high, this.volume, high, first, last)
        const quality = steady + drying
        if (owner === -1 && quality < rules.rangeQualityMin) continue
        const candidate =
          same(before, low, high, first, last, quality) ??
          this.candidateOf(bars, s, r, first, last, quality, drying)
        if (owner === -1) {
          if (!this.good(candidate)) continue
          this.waiting.push(candidate)
          this.candidatesQualified++
        } else {
          best ??= live.map(() => null)
          const rival = best[owner]!
          if (rival === null || byRank(candidate, rival) < 0) best[owner] = candidate
        }
      }
    }
    if (best !== null) this.refresh(best, t)
  }

  private candidateOf(
    bars: BarSeries,
    s: number,
    r: number,
    first: number,
    last: number,
    quality: number,
    drying: number,
  ): RangeCandidate {
    const { lows, highs } = this
    return {
      first,
      last,
      iceMean: lows.mean[s],
      creekMean: highs.mean[r],
      quality,
      parts: {
        duration: durationPoints(last - first + 1),
        touches: touchPoints(lows.count[s], highs.count[r]),
        tightness: tightnessPoints((lows.spreadFrac[s] + highs.spreadFrac[r]) / 2),
        drying,
      },
      ice: this.levels.of('ice', lows, s, bars, this.volume),
      creek: this.levels.of('creek', highs, r, bars, this.volume),
    }
  }

  private refresh(best: readonly (RangeCandidate | null)[], t: number): void {
    const owners = [...this.live]
    best.forEach((candidate, k) => {
      if (candidate === null) return
      const range = owners[k]
      if (candidate.quality < this.rules.rangeQualityMin) this.end(range, t, 'ARCHIVED', 'quality')
      else if (!this.good(candidate)) this.end(range, t, 'ARCHIVED', 'level strength')
      else if (range.refresh(candidate)) this.hooks.refreshed(range, t)
    })
  }

  private good(candidate: RangeCandidate): boolean {
    const { levelStrengthMin, rangeQualityMin } = this.rules
    return (
      candidate.quality >= rangeQualityMin &&
      candidate.ice.strength >= levelStrengthMin &&
      candidate.creek.strength >= levelStrengthMin &&
      candidate.ice.price < candidate.creek.price
    )
  }

  private ownerOf(iceMean: number, creekMean: number): number {
    const { live } = this
    for (let k = 0; k < live.length; k++) if (sameLevels(iceMean, creekMean, live[k])) return k
    return -1
  }

  /** Whether nothing can change: no two live ranges overlap, and each rival overlaps a better one. */
  private settled(close: number, looked: boolean): boolean {
    const { live, waiting } = this
    if (looked)
      for (let a = 1; a < live.length; a++)
        for (let b = 0; b < a; b++) if (overlapping(live[a], live[b])) return false
    for (const candidate of waiting) {
      const { ice, creek, iceMean, creekMean } = candidate
      if (close < ice.price * 0.98 || close > creek.price * 1.02) continue
      let beaten = this.ownerOf(iceMean, creekMean) !== -1
      for (let k = 0; k < live.length && !beaten; k++)
        beaten = overlapping(live[k], candidate) && (live[k].frozen || byRank(live[k], candidate) <= 0)
      if (!beaten) return false
    }
    return true
  }

  /** Which of the live and of the waiting ranges that the close lies in may live on together (spec 4.5, 8.6). */
  private resolve(bars: BarSeries, t: number, looked: boolean): void {
    const close = bars.close[t]
    if (this.settled(close, looked)) return
    const ready = this.waiting.filter(
      ({ ice, creek, iceMean, creekMean }) =>
        close >= ice.price * 0.98 && close <= creek.price * 1.02 && this.ownerOf(iceMean, creekMean) === -1,
    )
    const survivors: (LiveRange | RangeCandidate)[] = []
    const rivals: (LiveRange | RangeCandidate)[] = []
    for (const range of this.live) (range.frozen ? survivors : rivals).push(range)
    // The sort is stable: of equals the live range stays, or else each would displace the other in turn.
    rivals.push(...ready)
    rivals.sort(byRank)
    const births: RangeCandidate[] = []
    for (const rival of rivals) {
      if (survivors.some((survivor) => overlapping(survivor, rival))) {
        if (rival instanceof LiveRange) this.end(rival, t, 'ARCHIVED', 'displaced')
      } else {
        survivors.push(rival)
        if (!(rival instanceof LiveRange)) births.push(rival)
      }
    }
    for (const candidate of births) {
      const range = new LiveRange(this.ranges.length, t, candidate)
      this.ranges.push(range)
      this.live.push(range)
      this.hooks.born(range, t)
    }
  }
}

/** The candidate that was made of the same clusters at the look before. */
const same = (
  before: readonly RangeCandidate[],
  iceMean: number,
  creekMean: number,
  first: number,
  last: number,
  quality: number,
): RangeCandidate | undefined => {
  for (const candidate of before)
    if (
      candidate.iceMean === iceMean &&
      candidate.creekMean === creekMean &&
      candidate.first === first &&
      candidate.last === last &&
      candidate.quality === quality
    )
      return candidate
  return undefined
}

/** The target that lies in the direction in which the range was left. */
const reachedTarget = (range: LiveRange, bars: BarSeries, t: number): boolean => {
  if (range.leftUpwards) return bars.high[t] >= range.jump
  const { drop } = range
  return drop !== null && bars.low[t] <= drop
}
