import type { BarSeries } from './bar-series.ts'
import { stepBreakout, stepPullback } from './breakout.ts'
import { climaxEvent, rallyEvent } from './climax-stream.ts'
import type { ClimaxStream } from './climax-stream.ts'
import { inA, inB, inC, inD } from './live-range.ts'
import type { LiveRange } from './live-range.ts'
import type { PatternDesk } from './pattern-desk.ts'
import { phaseConfidence } from './phase-confidence.ts'
import { stepSpring, stepTests } from './spring.ts'
import { stepUtad } from './utad.ts'

/**
 * Phases and patterns of the live ranges (method 7 and 8): hears of the bar stream's events, moves phases, finds
 * Spring, Test, SOS, LPS, UTAD, SOW and LPSY, and hands on candidates for signals.
 */
export class Wyckoff {
  /** Told of breakdowns, which end positions. */
  onBreakdown: (range: LiveRange, t: number, kind: string) => void = () => {}
  /** A range's levels may move again, or it is ACTIVE again. */
  onFreed: () => void = () => {}
  private readonly desk: PatternDesk
  private readonly up: ClimaxStream
  private readonly down: ClimaxStream
  /** Next place on each stream's tape. */
  private nextUp = 0
  private nextDown = 0

  constructor(desk: PatternDesk, up: ClimaxStream, down: ClimaxStream) {
    this.desk = desk
    this.up = up
    this.down = down
  }

  /** A range has just become ACTIVE: it derives its phase from the events it owns and that are known. */
  adopt(range: LiveRange, t: number): void {
    const { up, down } = this
    let u = up.firstKnownFrom(range.ownFrom)
    let d = down.firstKnownFrom(range.ownFrom)
    while (true) {
      const knownUp = u < up.confirmed.length ? up.confirmed.values[u] : Infinity
      const knownDown = d < down.confirmed.length ? down.confirmed.values[d] : Infinity
      // Events of this very bar are handed out with those of the other ranges.
      if (Math.min(knownUp, knownDown) >= t) return
      if (knownUp <= knownDown) this.hear(range, up, u++, t)
      else this.hear(range, down, d++, t)
    }
  }

  /** The close of bar `t` for all live ranges. */
  step(bars: BarSeries, live: readonly LiveRange[], t: number): void {
    this.handOut(this.up, live, t)
    this.handOut(this.down, live, t)
    for (const range of live)
      if (range.status === 'ACTIVE' || range.phase !== 0) this.stepRange(bars, range, t)
  }

  /** A range is over: what waited on it will not come. */
  ended(range: LiveRange, t: number): void {
    this.desk.lapse(range, t)
    if (range.phase !== 0) this.desk.move(range, 0, t, 'range ended')
    range.clearPhase()
  }

  private handOut(stream: ClimaxStream, live: readonly LiveRange[], t: number): void {
    const { confirmed } = stream
    let next = stream === this.up ? this.nextUp : this.nextDown
    while (next < confirmed.length && confirmed.values[next] <= t) {
      for (const range of live) this.hear(range, stream, next, t)
      next++
    }
    if (stream === this.up) this.nextUp = next
    else this.nextDown = next
  }

  /** An event of the bar stream becomes known to a range (method 6, 7.1, 7.4). */
  private hear(range: LiveRange, stream: ClimaxStream, place: number, t: number): void {
    const at = stream.at.values[place]
    if (at < range.ownFrom || (range.phase === 0 && range.status !== 'ACTIVE')) return
    const kind = stream.kinds.values[place]
    const { direction } = stream
    if (kind === climaxEvent) {
      if (range.bias === 'UNDETERMINED') {
        range.bias = direction === 1 ? 'ACCUMULATION' : 'DISTRIBUTION'
        range.direction = direction
        this.desk.journal.bias(range, t)
      } else if (range.phase === inA && direction === range.direction && this.climaxUndercuts(range, at)) {
        range.ownFrom = at
        range.zone = null
        this.desk.move(range, 0, t, 'new climax')
      }
      return
    }
    if (direction !== range.direction || range.bias === 'UNDETERMINED') return
    const zone = stream.zones[stream.zoneOf.values[place]]
    if (kind === rallyEvent) {
      if (range.zone !== null || zone.extremeBar < range.ownFrom) return
      range.zone = zone
      range.tests = 0
      this.desk.move(range, inA, t, 'climax and rally')
    } else if (zone === range.zone) {
      range.tests++
      range.stale = true
      if (range.phase === inA) {
        range.bBegan = zone.tests[0].confirmed
        this.desk.move(range, inB, t, 'first secondary test')
      }
    }
  }

  private climaxUndercuts(range: LiveRange, at: number): boolean {
    const { bars } = this.desk.journal
    const price = range.direction === 1 ? bars.low[at] : bars.high[at]
    return this.desk.volume.volumeRatio[at] > 3 && range.direction * (price - range.zone!.extreme) < 0
  }

  private stepRange(bars: BarSeries, range: LiveRange, t: number): void {
    const { direction, near, far } = range
    const close = bars.close[t]
    range.closesFailed = direction * (close - far.price) < 0 ? range.closesFailed + 1 : 0
    range.closesAway =
      direction * (close - near.price * (1 + direction * 0.05)) > 0 ? range.closesAway + 1 : 0
    if (direction * (close - far.price * (1 - direction * 0.05)) < 0) return this.breakDown(range, t)
    if (range.phase === 0) return
    const before = range.phase
    const confidenceBefore = range.confidence
    if (range.phase === inC && range.closesFailed >= 3) this.springFailed(range, t)
    else if (range.phase === inD && direction * (close - near.price * (1 - direction * 0.02)) < 0)
      this.breakoutFailed(range, t)
    if (range.phase >= inB || range.spring !== null) {
      if (direction === 1) stepSpring(this.desk, bars, range, t)
      else stepUtad(this.desk, bars, range, t, before, confidenceBefore)
      if (range.awaitingTest.length > 0) stepTests(this.desk, bars, range, t)
      if (range.phase === inC || (range.phase === inB && this.desk.rules.sosFromB))
        stepBreakout(this.desk, bars, range, t, before === inC ? confidenceBefore : 0)
      if (range.pullbackOpen) stepPullback(this.desk, bars, range, t)
      if (direction === 1 && (range.phase >= inD || before >= inD || range.utads.length > 0))
        stepUtad(this.desk, bars, range, t, before, confidenceBefore)
    }
    if ((range.phase === inA || range.phase === inB) && range.closesAway >= 3) {
      this.leave(range, t, 'left without breakout', direction === 1)
    }
    if (range.stale || range.phase !== before) {
      range.stale = false
      range.confidence = phaseConfidence(range, t)
    }
  }

  // Resets (method 7.4, 8.6)

  private breakDown(range: LiveRange, t: number): void {
    const ratio = this.desk.volume.volumeRatio[t]
    const { direction } = range
    let kind = direction === 1 ? 'FAILED_ACCUMULATION' : 'FAILED_DISTRIBUTION'
    if (ratio > 1.5) {
      let loud = 0
      for (let k = 0; k < range.tests; k++) if (range.zone!.tests[k].ratio > 1.3) loud++
      const signs =
        (range.phaseCSeen ? 1 : 0) +
        (range.tests > 0 && loud * 2 >= range.tests ? 1 : 0) +
        (ratio > 2 ? 1 : 0)
      if (direction === 1) kind = signs >= 2 ? 'UTAD_REVERSAL' : 'DISTRIBUTION'
      else kind = signs >= 2 ? 'SPRING_REVERSAL' : 'ACCUMULATION'
    }
    this.leave(range, t, kind, direction === -1)
    this.onBreakdown(range, t, kind)
  }

  /** The range is left without an SOS or SOW: BREAKOUT, phase none. */
  private leave(range: LiveRange, t: number, reason: string, upwards: boolean): void {
    this.desk.lapse(range, t)
    range.status = 'BREAKOUT'
    range.statusReason = reason
    range.statusBar = t
    range.leftUpwards = upwards
    this.desk.journal.left(range, t, reason, upwards)
    if (range.phase !== 0) this.desk.move(range, 0, t, reason)
    range.clearPhase()
    this.onFreed()
  }

  private springFailed(range: LiveRange, t: number): void {
    this.desk.lapse(range, t)
    range.phaseC = null
    range.tested = null
    range.shortPhaseB = false
    this.desk.move(range, inB, t, 'spring failed')
    this.onFreed()
  }

  private breakoutFailed(range: LiveRange, t: number): void {
    const toB = range.breakout!.fromB
    this.desk.lapse(range, t)
    range.lastBreakout = range.breakout
    range.breakout = null
    range.pullbackOpen = false
    range.status = 'ACTIVE'
    range.statusReason = null
    range.statusBar = t
    this.desk.journal.status(range, t, 'ACTIVE', 'breakout failed')
    this.desk.move(range, toB ? inB : inC, t, 'breakout failed')
    this.onFreed()
  }
}
