import type { BarSeries } from './bar-series.ts'
import { IntList } from './int-list.ts'
import type { Thresholds } from './thresholds.ts'
import { effortClimactic } from './volume-analysis.ts'
import type { VolumeAnalysis } from './volume-analysis.ts'

/** +1 reads accumulation (selling climax, rally, test of the low), -1 its mirror. */
export type Direction = 1 | -1

/** Climaxes at most this far apart, and this far from the first, are one zone (method 6). */
const zoneGap = 10
const zoneLength = 60
/** The rally after a zone is looked for, and known, within this many bars. */
const rallyBars = 10
/** Secondary tests come at most this long after the rally, this far apart. */
const testBars = 40
const testSpacing = 3

export interface SecondaryTest {
  readonly bar: number
  readonly confirmed: number
  readonly confidence: number
  readonly ratio: number
  /** The low that tests (mirrored: the high). */
  readonly price: number
}

/** A zone of climaxes with its rally and tests. Prices are lows, and highs of the rally; mirrored the other way. */
export interface ClimaxZone {
  readonly direction: Direction
  /** Place in its stream's `zones`. */
  readonly ordinal: number
  readonly first: number
  /** Last climax so far: the end of the zone. */
  last: number
  /** The climax with the lowest low, which lends the zone its low, volume ratio, spread and confidence. */
  extremeBar: number
  extreme: number
  ratio: number
  spread: number
  confidence: number
  /** The automatic rally; -1 and NaN until there is one. */
  rallyBar: number
  rallyPrice: number
  rallyConfirmed: number
  rallyConfidence: number
  readonly tests: SecondaryTest[]
}

/** What a stream's tape holds at each place. */
export const climaxEvent = 0
export const rallyEvent = 1
const testEvent = 2

/**
 * Climax, automatic rally and secondary test of one direction, read from the bar stream alone (method 6). Events lie
 * on a tape in the order in which they became known.
 */
export class ClimaxStream {
  readonly direction: Direction
  readonly zones: ClimaxZone[] = []
  readonly kinds = new IntList()
  /** Where it happened, and when it could be known. */
  readonly at = new IntList()
  readonly confirmed = new IntList()
  readonly zoneOf = new IntList()
  readonly confidences = new IntList()
  private readonly rules: Thresholds
  /** Zones still waiting for their rally, oldest first: at most two. */
  private readonly waiting: ClimaxZone[] = []
  /** Zones with a rally whose time for tests has not run out. */
  private readonly testing: ClimaxZone[] = []

  constructor(direction: Direction, rules: Thresholds) {
    this.direction = direction
    this.rules = rules
  }

  /** Whether something waits for bars that are no climax. */
  get busy(): boolean {
    return this.waiting.length > 0 || this.testing.length > 0
  }

  /** Takes bar `t` into account; all before have been. `wild` when its volume and spread are those of a climax. */
  take(bars: BarSeries, volume: VolumeAnalysis, t: number, wild: boolean): void {
    const { direction, waiting, testing } = this
    if (wild && direction * (bars.close[t - 1] - bars.close[t]) > 0) this.maybeClimax(bars, volume, t)
    if (waiting.length > 0 && t === waiting[0].last + rallyBars) this.settle(bars, volume, t)
    if (testing.length > 0 && t > testing[0].rallyBar + testBars) testing.shift()
    for (let k = 0; k < testing.length; k++) {
      const zone = testing[k]
      if (t > zone.rallyConfirmed && t <= zone.rallyBar + testBars) this.maybeTest(bars, volume, zone, t, t)
    }
  }

  /** First place on the tape whose event was known at `bar` or later. */
  firstKnownFrom(bar: number): number {
    const { values } = this.confirmed
    let low = 0
    let high = this.confirmed.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (values[middle] < bar) low = middle + 1
      else high = middle
    }
    return low
  }

  private maybeClimax(bars: BarSeries, volume: VolumeAnalysis, t: number): void {
    const { direction, waiting } = this
    const position = favourable(bars, direction, t)
    if (position < this.rules.climaxClosePositionMin) return
    const ratio = volume.volumeRatio[t]
    const spreads = volume.spreadRatio[t]
    const confidence =
      (ratio >= 3 ? 40 : ratio >= 2.5 ? 35 : 30) +
      (spreads >= 2 ? 30 : spreads >= 1.8 ? 25 : 20) +
      (position >= 0.9 ? 30 : position >= 0.8 ? 25 : position >= 0.7 ? 20 : position >= 0.6 ? 15 : 10)
    const extreme = direction === 1 ? bars.low[t] : bars.high[t]
    const spread = bars.high[t] - bars.low[t]
    let zone = waiting.at(-1)
    if (zone !== undefined && t - zone.last <= zoneGap && t - zone.first <= zoneLength) {
      zone.last = t
      if (direction * (extreme - zone.extreme) < 0) {
        zone.extremeBar = t
        zone.extreme = extreme
        zone.ratio = ratio
        zone.spread = spread
        zone.confidence = confidence
      }
    } else {
      zone = {
        direction,
        ordinal: this.zones.length,
        first: t,
        last: t,
        extremeBar: t,
        extreme,
        ratio,
        spread,
        confidence,
        rallyBar: -1,
        rallyPrice: Number.NaN,
        rallyConfirmed: -1,
        rallyConfidence: 0,
        tests: [],
      }
      waiting.push(zone)
      this.zones.push(zone)
    }
    this.write(climaxEvent, t, t, zone.ordinal, confidence)
  }

  private settle(bars: BarSeries, volume: VolumeAnalysis, t: number): void {
    const { direction } = this
    const zone = this.waiting.shift()!
    const reached = direction === 1 ? bars.high : bars.low
    let best = zone.last + 1
    for (let j = best + 1; j <= t; j++) if (direction * (reached[j] - reached[best]) > 0) best = j
    const rally = (direction * (reached[best] - zone.extreme)) / zone.extreme
    if (rally < this.rules.arRallyMin) return
    const after = best - zone.last
    zone.rallyBar = best
    zone.rallyPrice = reached[best]!
    zone.rallyConfirmed = t
    zone.rallyConfidence = Math.min(
      100,
      50 +
        (rally >= 0.05 ? 30 : rally >= 0.04 ? 20 : 10) +
        (after <= 5 ? 15 : after <= 8 ? 8 : 2) +
        (volume.volumeRatio[best] >= 1.2 ? 5 : 0),
    )
    this.write(rallyEvent, best, t, zone.ordinal, zone.rallyConfidence)
    this.testing.push(zone)
    for (let j = best + 1; j <= t; j++) this.maybeTest(bars, volume, zone, j, t)
  }

  private maybeTest(bars: BarSeries, volume: VolumeAnalysis, zone: ClimaxZone, bar: number, t: number): void {
    const { direction, rules } = this
    const price = direction === 1 ? bars.low[bar] : bars.high[bar]
    const distance = Math.abs(price - zone.extreme) / zone.extreme
    if (distance > rules.stDistanceMax) return
    const ratio = volume.volumeRatio[bar]
    const reduction = (zone.ratio - ratio) / zone.ratio
    if (!(reduction >= rules.stReductionMin)) return
    const before = zone.tests.at(-1)
    if (before !== undefined && bar - before.bar < testSpacing) return
    const penetration = (direction * (zone.extreme - price)) / zone.extreme
    const position = favourable(bars, direction, bar)
    const spreadShare = (bars.high[bar] - bars.low[bar]) / zone.spread
    const confidence = Math.min(
      100,
      (reduction >= 0.6 ? 45 : reduction >= 0.5 ? 40 : reduction >= 0.4 ? 35 : reduction >= 0.3 ? 28 : 20) +
        (distance <= 0.005 ? 27 : distance <= 0.01 ? 22 : distance <= 0.015 ? 18 : 15) +
        (penetration <= 0 ? 18 : penetration < 0.005 ? 15 : penetration <= 0.01 ? 12 : 6) +
        (position >= 0.7 ? 10 : position >= 0.5 ? 5 : 0) +
        (spreadShare < 0.4 ? 5 : spreadShare < 0.7 ? 2 : 0),
    )
    zone.tests.push({ bar, confirmed: t, confidence, ratio, price })
    this.write(testEvent, bar, t, zone.ordinal, confidence)
  }

  private write(kind: number, at: number, confirmed: number, zone: number, confidence: number): void {
    this.kinds.push(kind)
    this.at.push(at)
    this.confirmed.push(confirmed)
    this.zoneOf.push(zone)
    this.confidences.push(confidence)
  }
}

/** Takes bars `first` to `end - 1` into both streams; volume analysis has seen them. */
export const runClimaxes = (
  up: ClimaxStream,
  down: ClimaxStream,
  bars: BarSeries,
  volume: VolumeAnalysis,
  rules: Thresholds,
  first: number,
  end: number,
): void => {
  const { volumeRatio, spreadRatio, effort } = volume
  const { climaxVolumeMin, climaxSpreadMin, climaxEffortRequired } = rules
  for (let t = first; t < end; t++) {
    const wild =
      volumeRatio[t] >= climaxVolumeMin &&
      spreadRatio[t] >= climaxSpreadMin &&
      (!climaxEffortRequired || effort[t] === effortClimactic)
    if (wild || up.busy) up.take(bars, volume, t, wild)
    if (wild || down.busy) down.take(bars, volume, t, wild)
  }
}

/** Close position seen from a direction: how near the close is to the high, or mirrored to the low. */
export const favourable = (bars: BarSeries, direction: Direction, i: number): number => {
  const high = bars.high[i]
  const low = bars.low[i]
  const spread = high - low
  if (spread === 0) return 0.5
  return (direction === 1 ? bars.close[i] - low : high - bars.close[i]) / spread
}
