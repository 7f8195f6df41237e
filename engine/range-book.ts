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
import type { Level } from './signal.ts'
import { PivotClusters, pivotWindow } from './pivot-clusters.ts'
import { pivotReach } from './pivots.ts'
import type { Pivots } from './pivots.ts'
import { byRank, emptyCandidate, overlapping, sameLevels } from './range-candidate.ts'
import type { RangeCandidate } from './range-candidate.ts'
import type { Thresholds } from './thresholds.ts'
import type { VolumeAnalysis } from './volume-analysis.ts'

const narrowest = 0.03
const shortest = 15
const longest = 120
/** A range without a breakout is given up at this age, a breakout this long after it (method 4.5). */
const rangeLife = 120
const breakoutLife = 120

/** Who wants to know what becomes of ranges. */
interface RangeHooks {
  born(range: LiveRange, t: number): void
  refreshed(range: LiveRange, t: number): void
  ended(range: LiveRange, t: number, status: 'COMPLETED' | 'ARCHIVED', reason: string): void
}

/** A pair of clusters that is a live range, on its way to refresh it; a quality of -1 stands for none. */
interface BestPair {
  quality: number
  s: number
  r: number
  first: number
  last: number
  drying: number
}

/**
 * The trading ranges of a series: clusters of the pivots of the last 120 bars, the pairs of them that make a range,
 * and the life of those that became ACTIVE (method 4.2-4.5, 8.6). Clusters change only when a pivot becomes known or
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
  private readonly waiting: RangeCandidate[] = []
  private waitingCount = 0
  /** Whether one of them only waits for the close, not for a better range to go. */
  private open = false
  /** For each live range, the best pair of clusters that is that same range. */
  private readonly best: BestPair[] = []
  private readonly refreshed = emptyCandidate()
  /** Kept from close to close for their store alone. */
  private readonly survivors: (LiveRange | RangeCandidate)[] = []
  private readonly rivals: (LiveRange | RangeCandidate)[] = []

  constructor(rules: Thresholds, hooks: RangeHooks, volume: VolumeAnalysis, pivots: Pivots) {
    this.rules = rules
    this.hooks = hooks
    this.volume = volume
    this.pivots = pivots
  }

  /** The close of bar `t`. */
  step(bars: BarSeries, t: number): void {
    if (this.live.length > 0) this.age(bars, t)
    if (this.takePivots(bars, t) || this.stale) {
      this.stale = false
      this.look(bars, t)
      this.open = false
      if (this.waitingCount > 0 || this.live.length > 1) this.resolve(bars, t, true)
    } else if (this.open) this.resolve(bars, t, false)
  }

  /** Ends a live range. */
  end(range: LiveRange, t: number, status: 'COMPLETED' | 'ARCHIVED', reason: string): void {
    const { live } = this
    for (let k = live.indexOf(range) + 1; k < live.length; k++) live[k - 1] = live[k]!
    live.pop()
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
      this.lows.add(known, bars.low)
      this.nextLow++
      low = true
    }
    if (this.nextHigh < highs.length && highs.values[this.nextHigh] === known) {
      this.highs.add(known, bars.high)
      this.nextHigh++
      high = true
    }
    if (low) this.lows.recluster()
    if (high) this.highs.recluster()
    return low || high
  }

  /** Looks at every pair of clusters: refreshes live ranges, and keeps the good pairs that are none's. */
  private look(bars: BarSeries, t: number): void {
    const { lows, highs, levels, rules, live, volume, best, waiting } = this
    const { rangeQualityMin } = rules
    this.waitingCount = 0
    for (let k = 0; k < live.length; k++)
      if (k < best.length) best[k].quality = -1
      else best.push({ quality: -1, s: 0, r: 0, first: 0, last: 0, drying: 0 })
    let refreshes = false
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
        const owner = live.length === 0 ? -1 : this.ownerOf(s, r)
        if (owner !== -1 && (live[owner].frozen || live[owner].status !== 'ACTIVE')) continue
        const steady = steadyQuality(lows, s, highs, r, duration)
        if (owner === -1 && steady + mostDrying < rangeQualityMin) continue
        let drying = this.dryingLow.of(bars.low, volume, lows, s, first, last)
        if (owner === -1 && steady + drying + mostDrying / 2 < rangeQualityMin) continue
        drying += this.dryingHigh.of(bars.high, volume, highs, r, first, last)
        const quality = steady + drying
        if (owner === -1) {
          if (quality < rangeQualityMin) continue
          const ice = levels.of('ice', lows, s, bars, volume)
          const creek = levels.of('creek', highs, r, bars, volume)
          if (!this.strong(ice, creek)) continue
          if (this.waitingCount === waiting.length) waiting.push(emptyCandidate())
          this.fill(waiting[this.waitingCount++], s, r, first, last, drying, ice, creek)
          this.candidatesQualified++
        } else {
          const rival = best[owner]
          // A quality of -1 is beaten by any; of equals the first one stays.
          if ((rival.quality - quality || rival.last - last || first - rival.first) >= 0) continue
          rival.quality = quality
          rival.s = s
          rival.r = r
          rival.first = first
          rival.last = last
          rival.drying = drying
          refreshes = true
        }
      }
    }
    if (refreshes) this.refresh(bars, t)
  }

  private fill(
    candidate: RangeCandidate,
    s: number,
    r: number,
    first: number,
    last: number,
    drying: number,
    ice: Level,
    creek: Level,
  ): void {
    const { lows, highs } = this
    candidate.first = first
    candidate.last = last
    candidate.iceMean = lows.mean[s]!
    candidate.creekMean = highs.mean[r]!
    candidate.durationPoints = durationPoints(last - first + 1)
    candidate.touchPoints = touchPoints(lows.count[s], highs.count[r])
    candidate.tightnessPoints = tightnessPoints((lows.spreadFrac[s] + highs.spreadFrac[r]) / 2)
    candidate.dryingPoints = drying
    candidate.quality = candidate.durationPoints + candidate.touchPoints + candidate.tightnessPoints + drying
    candidate.ice = ice
    candidate.creek = creek
  }

  private refresh(bars: BarSeries, t: number): void {
    const { live, best, refreshed, lows, highs, levels, volume, rules } = this
    const count = live.length
    let ended = 0
    for (let k = 0; k < count; k++) {
      const { quality, s, r, last, first, drying } = best[k]
      if (quality === -1) continue
      const range = live[k - ended]
      if (quality < rules.rangeQualityMin) {
        this.end(range, t, 'ARCHIVED', 'quality')
        ended++
        continue
      }
      const ice = levels.of('ice', lows, s, bars, volume)
      const creek = levels.of('creek', highs, r, bars, volume)
      if (!this.strong(ice, creek)) {
        this.end(range, t, 'ARCHIVED', 'level strength')
        ended++
      } else if (range.sameAs(last, quality, ice, creek)) {
        range.iceMean = lows.mean[s]!
        range.creekMean = highs.mean[r]!
      } else {
        this.fill(refreshed, s, r, first, last, drying, ice, creek)
        range.refresh(refreshed)
        this.hooks.refreshed(range, t)
      }
    }
  }

  private strong(ice: Level, creek: Level): boolean {
    const { levelStrengthMin } = this.rules
    return ice.strength >= levelStrengthMin && creek.strength >= levelStrengthMin && ice.price < creek.price
  }

  /** The live range that clusters `s` and `r` are; -1 for none. */
  private ownerOf(s: number, r: number): number {
    const { live } = this
    const iceMean = this.lows.mean[s]
    const creekMean = this.highs.mean[r]
    for (let k = 0; k < live.length; k++) if (sameLevels(iceMean, creekMean, live[k])) return k
    return -1
  }

  /** Whether nothing can change: no two live ranges overlap, and each rival that the close lies in is beaten. */
  private settled(close: number, looked: boolean): boolean {
    const { live, waiting } = this
    if (looked)
      for (let a = 1; a < live.length; a++)
        for (let b = 0; b < a; b++) if (overlapping(live[a], live[b])) return false
    let settled = true
    this.open = false
    for (let k = 0; k < this.waitingCount; k++) {
      const candidate = waiting[k]
      // Until the next look live ranges only come or freeze, so what is beaten stays so.
      if (candidate.beaten && !looked) continue
      candidate.beaten = this.beaten(candidate)
      if (candidate.beaten) continue
      this.open = true
      if (near(candidate, close)) settled = false
    }
    return settled
  }

  /** Whether a candidate is, or overlaps and is no better than, a live range. */
  private beaten(candidate: RangeCandidate): boolean {
    const { live } = this
    for (let k = 0; k < live.length; k++) {
      const range = live[k]
      if (sameLevels(candidate.iceMean, candidate.creekMean, range)) return true
      if (overlapping(range, candidate) && (range.frozen || byRank(range, candidate) <= 0)) return true
    }
    return false
  }

  /** Which of the live and of the waiting ranges that the close lies in may live on together (method 4.5, 8.6). */
  private resolve(bars: BarSeries, t: number, looked: boolean): void {
    const close = bars.close[t]
    if (this.settled(close, looked)) return
    this.open = true
    const { live, waiting, survivors, rivals } = this
    let kept = 0
    let ranked = 0
    for (let k = 0; k < live.length; k++)
      if (live[k].frozen) survivors[kept++] = live[k]
      else rank(rivals, ranked++, live[k])
    // Of equals the live range stays, or else each would displace the other in turn: it was ranked first.
    for (let k = 0; k < this.waitingCount; k++) {
      const candidate = waiting[k]
      if (near(candidate, close) && !isOneOf(live, candidate)) rank(rivals, ranked++, candidate)
    }
    const frozen = kept
    for (let k = 0; k < ranked; k++) {
      const rival = rivals[k]
      if (!overlapsAny(survivors, kept, rival)) survivors[kept++] = rival
      else if (rival instanceof LiveRange) this.end(rival, t, 'ARCHIVED', 'displaced')
    }
    for (let k = frozen; k < kept; k++) {
      const candidate = survivors[k]
      if (candidate instanceof LiveRange) continue
      const range = new LiveRange(this.ranges.length, t, candidate)
      this.ranges.push(range)
      live.push(range)
      this.hooks.born(range, t)
    }
  }
}

/** Puts one more into a ranking of `count`, behind its equals. */
const rank = (
  ranking: (LiveRange | RangeCandidate)[],
  count: number,
  one: LiveRange | RangeCandidate,
): void => {
  let k = count
  while (k > 0 && byRank(ranking[k - 1], one) > 0) {
    ranking[k] = ranking[k - 1]!
    k--
  }
  ranking[k] = one
}

const isOneOf = (live: readonly LiveRange[], { iceMean, creekMean }: RangeCandidate): boolean => {
  for (let k = 0; k < live.length; k++) if (sameLevels(iceMean, creekMean, live[k])) return true
  return false
}

/** A range can only become ACTIVE while the close lies within it, or nearly (method 8.6). */
const near = ({ ice, creek }: RangeCandidate, close: number): boolean =>
  close >= ice.price * 0.98 && close <= creek.price * 1.02

const overlapsAny = (
  survivors: readonly (LiveRange | RangeCandidate)[],
  count: number,
  rival: LiveRange | RangeCandidate,
): boolean => {
  for (let k = 0; k < count; k++) if (overlapping(survivors[k], rival)) return true
  return false
}

/** The target that lies in the direction in which the range was left. */
const reachedTarget = (range: LiveRange, bars: BarSeries, t: number): boolean => {
  if (range.leftUpwards) return bars.high[t] >= range.jump
  const { drop } = range
  return drop !== null && bars.low[t] <= drop
}
