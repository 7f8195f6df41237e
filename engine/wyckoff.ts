import type { BarSeries } from './bar-series.ts'
import { outOfOrder } from './candidate.ts'
import type { Candidate } from './candidate.ts'
import { climaxEvent, favourable, rallyEvent } from './climax-stream.ts'
import type { ClimaxStream } from './climax-stream.ts'
import type { Draft } from './draft.ts'
import type { Journal } from './journal.ts'
import { inA, inB, inC, inD, inE, phaseName } from './live-range.ts'
import type { LiveRange, OpenSpring, OpenUtad } from './live-range.ts'
import {
  breakoutConfidence,
  breakoutTier,
  pullbackGrades,
  springConfidence,
  springTier,
  testGrade,
  utadConfidence,
  utadTier,
} from './pattern-scores.ts'
import { fromBDeduction, mean, phaseConfidence, relativeSlope } from './phase-confidence.ts'
import type { Pattern, PatternType } from './signal.ts'
import type { Thresholds } from './thresholds.ts'
import { effortAbsorption } from './volume-analysis.ts'
import type { VolumeAnalysis } from './volume-analysis.ts'

/** A range this long in B may be pierced earlier when the market is this restless (spec 7.1). */
const restlessMove = 0.03
const restlessLength = 8
const recoveryBars = 5
const testWindow = { first: 3, last: 15 }
const pullbackWindow = 10
const failureBars = 3

/**
 * Phases and patterns of the live ranges (spec 7 and 8): hears of the bar stream's events, moves phases, finds
 * Spring, Test, SOS, LPS, UTAD, SOW and LPSY, and hands on candidates for signals.
 */
export class Wyckoff {
  /** Candidates of the current bar, waiting for validation. */
  readonly candidates: Candidate[] = []
  /** Told of breakdowns, which end positions. */
  onBreakdown: (range: LiveRange, t: number, kind: string) => void = () => {}
  /** A range's levels may move again, or it is ACTIVE again. */
  onFreed: () => void = () => {}
  private readonly rules: Thresholds
  private readonly journal: Journal
  private readonly volume: VolumeAnalysis
  private readonly up: ClimaxStream
  private readonly down: ClimaxStream
  /** Next place on each stream's tape. */
  private nextUp = 0
  private nextDown = 0

  constructor(
    rules: Thresholds,
    journal: Journal,
    volume: VolumeAnalysis,
    up: ClimaxStream,
    down: ClimaxStream,
  ) {
    this.rules = rules
    this.journal = journal
    this.volume = volume
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
    this.lapse(range, t)
    if (range.phase !== 0) this.move(range, 0, t, 'range ended')
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

  /** An event of the bar stream becomes known to a range (spec 6, 7.1, 7.4). */
  private hear(range: LiveRange, stream: ClimaxStream, place: number, t: number): void {
    const at = stream.at.values[place]
    if (at < range.ownFrom || (range.phase === 0 && range.status !== 'ACTIVE')) return
    const kind = stream.kinds.values[place]
    const { direction } = stream
    if (kind === climaxEvent) {
      if (range.bias === 'UNDETERMINED') {
        range.bias = direction === 1 ? 'ACCUMULATION' : 'DISTRIBUTION'
        range.direction = direction
        this.journal.range('RANGE_STATUS', range, t, 'BIAS', { bias: range.bias })
      } else if (range.phase === inA && direction === range.direction && this.climaxUndercuts(range, at)) {
        range.ownFrom = at
        range.zone = null
        this.move(range, 0, t, 'new climax')
      }
      return
    }
    if (direction !== range.direction || range.bias === 'UNDETERMINED') return
    const zone = stream.zones[stream.zoneOf.values[place]]
    if (kind === rallyEvent) {
      if (range.zone !== null || zone.extremeBar < range.ownFrom) return
      range.zone = zone
      range.tests = 0
      this.move(range, inA, t, 'climax and rally')
    } else if (zone === range.zone) {
      range.tests++
      range.stale = true
      if (range.phase === inA) {
        range.bBegan = zone.tests[0].confirmed
        this.move(range, inB, t, 'first secondary test')
      }
    }
  }

  private climaxUndercuts(range: LiveRange, at: number): boolean {
    const { bars } = this.journal
    const price = range.direction === 1 ? bars.low[at] : bars.high[at]
    return this.volume.volumeRatio[at] > 3 && range.direction * (price - range.zone!.extreme) < 0
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
      if (direction === 1) this.spring(bars, range, t)
      else this.utad(bars, range, t, before, confidenceBefore)
      if (range.awaitingTest.length > 0) this.test(bars, range, t)
      if (range.phase === inC || (range.phase === inB && this.rules.sosFromB))
        this.breakOut(bars, range, t, before === inC ? confidenceBefore : 0)
      if (range.pullbackOpen) this.pullBack(bars, range, t)
      if (direction === 1 && (range.phase >= inD || before >= inD || range.utads.length > 0))
        this.utad(bars, range, t, before, confidenceBefore)
    }
    if ((range.phase === inA || range.phase === inB) && range.closesAway >= 3) {
      this.leave(range, t, 'left without breakout', direction === 1)
    }
    if (range.stale || range.phase !== before) {
      range.stale = false
      range.confidence = phaseConfidence(range, t)
    }
  }

  // Resets (spec 7.4, 8.6)

  private breakDown(range: LiveRange, t: number): void {
    const ratio = this.volume.volumeRatio[t]
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
    this.lapse(range, t)
    range.status = 'BREAKOUT'
    range.statusReason = reason
    range.statusBar = t
    range.leftUpwards = upwards
    this.journal.range('RANGE_STATUS', range, t, 'BREAKOUT', { reason, upwards })
    if (range.phase !== 0) this.move(range, 0, t, reason)
    range.clearPhase()
    this.onFreed()
  }

  private springFailed(range: LiveRange, t: number): void {
    this.lapse(range, t)
    range.phaseC = null
    range.tested = null
    range.shortPhaseB = false
    this.move(range, inB, t, 'spring failed')
    this.onFreed()
  }

  private breakoutFailed(range: LiveRange, t: number): void {
    const toB = range.breakout!.fromB
    this.lapse(range, t)
    range.lastBreakout = range.breakout
    range.breakout = null
    range.pullbackOpen = false
    range.status = 'ACTIVE'
    range.statusReason = null
    range.statusBar = t
    this.journal.range('RANGE_STATUS', range, t, 'ACTIVE', { reason: 'breakout failed' })
    this.move(range, toB ? inB : inC, t, 'breakout failed')
    this.onFreed()
  }

  // Spring and its Test (spec 8.1)

  private spring(bars: BarSeries, range: LiveRange, t: number): void {
    const open = range.spring
    if (open !== null) {
      const low = bars.low[t]
      if (low < open.lowest) open.lowest = low
      const penetration = (open.ice.price - open.lowest) / open.ice.price
      if (penetration > this.rules.springPenetrationMax) range.spring = null
      else if (bars.close[t] > open.ice.price) {
        range.spring = null
        if (range.phase === inB || range.phase === inC) this.springRecovered(range, open, t)
      } else if (t - open.bar >= recoveryBars) range.spring = null
      return
    }
    const { ice } = range
    if ((range.phase !== inB && range.phase !== inC) || t <= range.activeBar) return
    if (!(bars.low[t] < ice.price) || !(this.volume.volumeRatio[t] < this.rules.springVolumeMax)) return
    if ((ice.price - bars.low[t]) / ice.price > this.rules.springPenetrationMax) return
    const short = range.phase === inB && !this.longEnough(bars, range, t)
    if (short && range.tests < 2) return
    range.spring = { bar: t, ice, lowest: bars.low[t], shortPhaseB: short }
  }

  private longEnough(bars: BarSeries, range: LiveRange, t: number): boolean {
    const length = t - range.bBegan
    if (length >= this.rules.phaseBLengthMin) return true
    if (length < restlessLength) return false
    const { close } = bars
    let moves = 0
    for (let i = t - 19; i <= t; i++) moves += Math.abs(close[i] - close[i - 1]) / close[i]
    return moves / 20 > restlessMove
  }

  private springRecovered(range: LiveRange, open: OpenSpring, t: number): void {
    const { bar, ice, lowest } = open
    const score = {
      ratio: this.volume.volumeRatio[bar],
      penetration: (ice.price - lowest) / ice.price,
      recoveryBars: t - bar,
      iceStrength: ice.strength,
      testsRatio: lastTestsRatio(range, bar),
      tested: false,
    }
    const confidence = springConfidence(score)
    if (open.shortPhaseB && confidence <= 85) return
    this.journal.event('SPRING', range, bar, t, confidence, lowest)
    range.phaseC = { bar, confirmed: t, confidence }
    range.phaseCSeen = true
    range.stale = true
    if (range.phase === inB) {
      range.shortPhaseB = open.shortPhaseB
      this.move(range, inC, t, 'spring')
    }
    const pattern = this.newPattern(
      range,
      'SPRING',
      bar,
      t,
      confidence,
      springTier(score.ratio, score.penetration),
      {
        ice: ice.price,
        spring_low: lowest,
        penetration: score.penetration,
        recovery_bars: score.recoveryBars,
        ice_strength: ice.strength,
        secondary_tests_ratio: Number.isNaN(score.testsRatio) ? null : score.testsRatio,
        short_phase_b: range.shortPhaseB,
      },
    )
    pattern.status = 'awaiting_test'
    range.awaitingTest.push(pattern)
    this.journal.pattern(range, pattern, t)
  }

  private test(bars: BarSeries, range: LiveRange, t: number): void {
    const { awaitingTest } = range
    for (let k = 0; k < awaitingTest.length; k++) {
      const pattern = awaitingTest[k]
      if (t > pattern.bar + testWindow.last) {
        awaitingTest.splice(k--, 1)
        if (pattern.test === null) this.lapsePattern(range, pattern, t)
      } else if (range.phase === inC && t >= pattern.bar + testWindow.first && t > pattern.confirmedBar) {
        const low = bars.low[t]
        const ratio = this.volume.volumeRatio[t]
        const springLow = pattern.metadata['spring_low'] as number
        if (low >= springLow && low <= springLow * 1.03 && ratio < pattern.volumeRatio)
          this.tested(bars, range, pattern, t, testGrade(pattern.volumeRatio, ratio, springLow, low))
      }
    }
  }

  private tested(
    bars: BarSeries,
    range: LiveRange,
    pattern: Draft<Pattern>,
    t: number,
    grade: 'EXCELLENT' | 'GOOD' | 'ACCEPTABLE',
  ): void {
    const volumeRatio = this.volume.volumeRatio[t]
    const time = bars.time[t]
    const first = pattern.test
    if (first !== null) {
      const rival = first.best ?? first
      const better = grades.indexOf(grade) - grades.indexOf(rival.grade)
      if (better < 0 || (better === 0 && volumeRatio >= rival.volumeRatio)) return
      pattern.test = { ...first, best: { bar: t, time, volumeRatio, grade } }
      return this.journal.pattern(range, pattern, t)
    }
    const { metadata } = pattern
    pattern.test = { bar: t, time, volumeRatio, grade, best: null }
    pattern.confidence = springConfidence({
      ratio: pattern.volumeRatio,
      penetration: metadata['penetration'] as number,
      recoveryBars: metadata['recovery_bars'] as number,
      iceStrength: metadata['ice_strength'] as number,
      testsRatio: (metadata['secondary_tests_ratio'] as number | null) ?? Number.NaN,
      tested: true,
    })
    const { phaseC } = range
    if (phaseC !== null && phaseC.bar === pattern.bar) {
      phaseC.confidence = pattern.confidence
      range.stale = true
    }
    range.tested = { bar: pattern.bar, testBar: t }
    pattern.phaseConfidence = phaseConfidence(range, t)
    this.journal.event('TEST', range, t, t, pattern.confidence, bars.low[t])
    const { zone } = range
    this.offer(bars, range, pattern, t, {
      missing: outOfOrder([
        ['SC', zone!.extremeBar],
        ['AR', zone!.rallyBar],
        ['ST', firstTestBar(range)],
        ['SPRING', pattern.bar],
        ['TEST', t],
      ]),
      remark: null,
      testRatio: volumeRatio,
      level: metadata['ice'] as number,
      extreme: metadata['spring_low'] as number,
    })
    this.journal.pattern(range, pattern, t)
  }

  // SOS, and SOW mirrored (spec 8.2)

  private breakOut(bars: BarSeries, range: LiveRange, t: number, phaseCBefore: number): void {
    const { rules, volume } = this
    const { direction, near } = range
    const close = bars.close[t]
    if (direction * (close - near.price * (1 + direction * rules.sosBreakoutMin)) < 0) return
    const ratio = volume.volumeRatio[t]
    const spreadRatio = volume.spreadRatio[t]
    if (!(ratio >= rules.sosVolumeMin) || !(spreadRatio >= rules.sosSpreadMin)) return
    const closePosition = favourable(bars, direction, t)
    if (closePosition < rules.sosClosePositionMin || t < 25 || t <= range.activeBar) return
    const fromB = range.phase === inB
    if (fromB && t - range.bBegan < rules.phaseBLengthMin) return
    const distance = (direction * (close - near.price)) / near.price
    const confidence = breakoutConfidence({
      ratio,
      spreadRatio,
      closePosition,
      distance,
      rangeAge: t - range.first,
      phaseC: phaseCBefore,
    })
    const late = !fromB && direction === 1 && range.tested === null
    range.stale = true
    range.status = 'BREAKOUT'
    range.statusReason = direction === 1 ? 'SOS' : 'SOW'
    range.statusBar = t
    range.leftUpwards = direction === 1
    range.pullbackOpen = true
    range.breakout = { bar: t, confidence, fromB, lateC: late ? phaseCBefore : -1, pattern: null }
    this.lapse(range, t)
    this.journal.range('RANGE_STATUS', range, t, 'BREAKOUT', {
      reason: range.statusReason,
      upwards: direction === 1,
    })
    this.journal.event(direction === 1 ? 'SOS' : 'SOW', range, t, t, confidence, close)
    this.move(range, inD, t, range.statusReason)
    if (direction === -1) return

    const pattern = this.newPattern(
      range,
      'SOS',
      t,
      t,
      confidence - (fromB ? fromBDeduction : 0),
      breakoutTier(distance, ratio),
      {
        creek: near.price,
        breakout: distance,
        close_position: closePosition,
        detector_confidence: confidence,
        from_b: fromB,
        late_c: late,
      },
    )
    range.breakout = { ...range.breakout, pattern }
    if (confidence < rules.sosDirectConfidenceMin || ratio < rules.sosDirectVolumeMin) {
      pattern.status = 'pending_lps'
      return this.journal.pattern(range, pattern, t)
    }
    this.offer(bars, range, pattern, t, {
      ...this.breakoutChain(range, []),
      testRatio: null,
      level: near.price,
      extreme: bars.low[t],
    })
    this.journal.pattern(range, pattern, t)
  }

  /** The chain that an SOS, or an LPS after it, must rest on, and what excuses a gap in it. */
  private breakoutChain(
    range: LiveRange,
    more: [string, number][],
  ): { missing: string | null; remark: string | null } {
    const { zone, phaseC, tested } = range
    const { bar, fromB, lateC } = range.breakout!
    const start: [string, number][] = [
      ['SC', zone!.extremeBar],
      ['AR', zone!.rallyBar],
      ['ST', firstTestBar(range)],
    ]
    const end: [string, number][] = [['SOS', bar], ...more]
    if (fromB)
      return { missing: outOfOrder([...start, ...end]), remark: 'no Spring and Test before the breakout' }
    if (lateC === -1) {
      const found: [string, number][] = [
        ['SPRING', tested?.bar ?? -1],
        ['TEST', tested?.testBar ?? -1],
      ]
      return { missing: outOfOrder([...start, ...found, ...end]), remark: null }
    }
    const spring: [string, number][] = [['SPRING', phaseC?.bar ?? -1]]
    if (lateC >= 85)
      return {
        missing: outOfOrder([...start, ...spring, ...end]),
        remark: 'late C: no Test before the breakout',
      }
    return { missing: `TEST is missing and phase C had confidence ${lateC}, below 85`, remark: null }
  }

  // LPS, and LPSY mirrored (spec 8.3)

  private pullBack(bars: BarSeries, range: LiveRange, t: number): void {
    const { rules, volume } = this
    const { direction, near, breakout } = range
    const sos = breakout!.bar
    if (t > sos + pullbackWindow) {
      range.pullbackOpen = false
      this.lapse(range, t)
      return
    }
    if (range.phase !== inD || t < sos + 3) return
    const reached = direction === 1 ? bars.low : bars.high
    let k = sos + 1
    for (let i = k + 1; i <= t; i++) if (direction * (reached[i] - reached[k]) < 0) k = i
    if (t - k < 1 || t - k > 3) return
    const extreme = reached[k]
    if (direction * (bars.close[t] - extreme * (1 + direction * 0.01)) < 0) return
    const lower = near.price * (direction === 1 ? 0.98 : 0.97)
    const upper = near.price * (direction === 1 ? 1.03 : 1.02)
    if (extreme < lower || extreme > upper) return
    const ratio = volume.volumeRatio[k]
    const absorption =
      rules.lpsAbsorption &&
      volume.effort[k] === effortAbsorption &&
      favourable(bars, direction, k) >= 0.7 &&
      ratio <= 1.5
    if (!(ratio < rules.lpsVolumeMax) && !absorption) return

    const distance = (direction * (extreme - near.price)) / near.price
    const own = bars.high[k] - bars.low[k]
    const graded = pullbackGrades({
      breakoutConfidence: breakout!.confidence,
      distance,
      volumeShare: bars.volume[k] / mean(bars.volume, range.first, range.last),
      spreadShare: own / (mean(bars.high, range.first, range.last) - mean(bars.low, range.first, range.last)),
      volumeSlope: relativeSlope(bars.volume, sos + 1, k),
    })
    range.pullbackOpen = false
    range.pullbackBar = k
    range.pullbackConfidence = graded.confidence
    range.stale = true
    this.journal.event(direction === 1 ? 'LPS' : 'LPSY', range, k, t, graded.confidence, extreme)
    this.move(range, inE, t, direction === 1 ? 'LPS' : 'LPSY')
    if (direction === -1) return

    const sosPattern = breakout!.pattern
    if (sosPattern?.status === 'pending_lps') {
      sosPattern.status = 'followed_by_lps'
      this.journal.pattern(range, sosPattern, t)
    }
    const pattern = this.newPattern(
      range,
      'LPS',
      k,
      t,
      Math.max(0, graded.confidence - (breakout!.fromB ? fromBDeduction : 0)),
      graded.distance,
      {
        creek: near.price,
        distance,
        pullback_low: extreme,
        sos_bar: sos,
        volume_grade: graded.volume,
        spread_grade: graded.spread,
        effort_grade: graded.effort,
        detector_confidence: graded.confidence,
        from_b: breakout!.fromB,
        absorption,
      },
    )
    this.offer(bars, range, pattern, t, {
      ...this.breakoutChain(range, [['LPS', k]]),
      testRatio: null,
      level: near.price,
      extreme,
      absorption,
    })
    this.journal.pattern(range, pattern, t)
  }

  // UTAD, in either bias (spec 8.4)

  private utad(bars: BarSeries, range: LiveRange, t: number, before: number, confidenceBefore: number): void {
    const { rules } = this
    const { creek, direction } = range
    const high = bars.high[t]
    const breakout = (high - creek.price) / creek.price
    if (
      breakout >= rules.utadBreakoutMin &&
      breakout <= rules.utadBreakoutMax &&
      this.volume.volumeRatio[t] > rules.utadVolumeMin &&
      t > range.activeBar
    ) {
      // A failure on the pierce bar itself may already have led from D back to C.
      const reset = before === inD && range.phase < inD
      const phase = reset ? before : range.phase
      const eligible =
        direction === 1
          ? phase >= inD
          : phase >= inC || (phase === inB && t - range.bBegan >= rules.phaseBLengthMin)
      if (eligible)
        range.utads.push({
          bar: t,
          creek,
          phase,
          phaseConfidence: reset ? confidenceBefore : direction === 1 ? phaseConfidence(range, t) : 0,
          sos: reset ? range.lastBreakout : range.breakout,
        })
    }
    if (range.utads.length === 0) return
    range.utads = range.utads.filter(({ bar }) => t - bar <= failureBars)
    let highest: OpenUtad | null = null
    for (const open of range.utads)
      if (
        bars.close[t] < open.creek.price &&
        (highest === null || bars.high[open.bar] > bars.high[highest.bar])
      )
        highest = open
    if (highest === null) return
    range.utads = range.utads.filter((open) => !(bars.close[t] < open.creek.price))
    this.utadFailed(bars, range, highest, t)
  }

  private utadFailed(bars: BarSeries, range: LiveRange, open: OpenUtad, t: number): void {
    const { bar, creek } = open
    let utadHigh = bars.high[bar]
    for (let i = bar + 1; i <= t; i++) utadHigh = Math.max(utadHigh, bars.high[i])
    const ratio = this.volume.volumeRatio[bar]
    const breakout = (bars.high[bar] - creek.price) / creek.price
    const barsToFailure = Math.max(1, t - bar)
    const confidence = utadConfidence(breakout, ratio, barsToFailure)
    this.journal.event('UTAD', range, bar, t, confidence, utadHigh)
    let phase = open.phase
    let sure = open.phaseConfidence
    if (range.direction === -1) {
      range.phaseCSeen = true
      if (range.phase <= inC) {
        range.phaseC = { bar, confirmed: t, confidence }
        range.stale = true
      }
      if (range.phase === inB) this.move(range, inC, t, 'UTAD')
      phase = range.phase
      sure = phaseConfidence(range, t)
    }
    const pattern = this.newPattern(
      range,
      'UTAD',
      bar,
      t,
      confidence,
      utadTier(breakout, ratio, barsToFailure),
      {
        creek: creek.price,
        breakout,
        utad_high: utadHigh,
        bars_to_failure: barsToFailure,
        bias: range.bias,
      },
    )
    pattern.phase = phaseName(phase)!
    pattern.phaseConfidence = sure
    const { zone } = range
    const missing =
      range.direction === -1
        ? outOfOrder([
            ['BC', zone!.extremeBar],
            ['AR', zone!.rallyBar],
            ['ST', firstTestBar(range)],
            ['UTAD', bar],
          ])
        : outOfOrder([
            ['SOS', open.sos?.bar ?? -1],
            ['UTAD', bar],
          ])
    this.offer(bars, range, pattern, t, {
      missing,
      remark: null,
      testRatio: null,
      level: creek.price,
      extreme: utadHigh,
    })
    this.journal.pattern(range, pattern, t)
  }

  // Shared

  private newPattern(
    range: LiveRange,
    type: PatternType,
    bar: number,
    t: number,
    confidence: number,
    tier: string,
    metadata: Pattern['metadata'],
  ): Draft<Pattern> {
    const { bars } = this.journal
    const time = bars.time[bar]
    const startTime = bars.time[range.first]
    const activeTime = bars.time[range.activeBar]
    return {
      key: `${bars.symbol}|${bars.timeframe}|${startTime}|${activeTime}|${type}|${time}`,
      type,
      side: type === 'UTAD' ? 'SHORT' : 'LONG',
      range: { startBar: range.first, startTime, activeBar: range.activeBar, activeTime },
      bar,
      time,
      confirmedBar: t,
      confirmedTime: bars.time[t],
      confidence,
      tier,
      phase: phaseName(range.phase)!,
      phaseConfidence: phaseConfidence(range, t),
      volumeRatio: this.volume.volumeRatio[bar],
      spreadRatio: this.volume.spreadRatio[bar],
      status: 'candidate',
      test: null,
      plan: null,
      invalidationLevel: null,
      rejectionStage: null,
      rejectionReason: null,
      metadata,
    }
  }

  private offer(
    bars: BarSeries,
    range: LiveRange,
    pattern: Draft<Pattern>,
    t: number,
    about: {
      missing: string | null
      remark: string | null
      testRatio: number | null
      level: number
      extreme: number
      absorption?: boolean
    },
  ): void {
    if (pattern.confidence < this.rules.patternConfidenceMin) {
      pattern.status = 'low_confidence'
      return
    }
    pattern.status = 'candidate'
    this.candidates.push({
      pattern,
      range,
      bar: t,
      ice: range.ice,
      creek: range.creek,
      jump: range.jump,
      drop: range.drop,
      causeFactor: range.cause,
      duration: range.duration,
      phase: pattern.phase,
      phaseConfidence: pattern.phaseConfidence,
      missing: about.missing,
      remark: about.remark,
      shortPhaseB: range.shortPhaseB && range.direction === 1 && pattern.type !== 'UTAD',
      testRatio: about.testRatio,
      absorption: about.absorption ?? false,
      base: { level: about.level, extreme: about.extreme, close: bars.close[t] },
    })
  }

  private move(range: LiveRange, phase: number, t: number, reason: string): void {
    const from = phaseName(range.phase)
    range.phase = phase
    range.phaseBar = t
    range.confidence = phaseConfidence(range, t)
    this.journal.range('PHASE', range, t, 'PHASE', {
      from,
      to: phaseName(phase),
      confidence: phase === 0 ? null : range.confidence,
      reason,
    })
  }

  /** Springs that will get no Test and an SOS that will get no LPS. */
  private lapse(range: LiveRange, t: number): void {
    for (const pattern of range.awaitingTest) if (pattern.test === null) this.lapsePattern(range, pattern, t)
    if (range.awaitingTest.length > 0) range.awaitingTest = []
    const sos = range.breakout?.pattern
    if (sos?.status === 'pending_lps') this.lapsePattern(range, sos, t)
  }

  private lapsePattern(range: LiveRange, pattern: Draft<Pattern>, t: number): void {
    pattern.status = 'lapsed'
    this.journal.pattern(range, pattern, t)
  }
}

const grades = ['ACCEPTABLE', 'GOOD', 'EXCELLENT']

const firstTestBar = (range: LiveRange): number => (range.tests === 0 ? -1 : range.zone!.tests[0].bar)

/** Mean volume ratio of the last two secondary tests before `bar`; NaN for none. */
const lastTestsRatio = (range: LiveRange, bar: number): number => {
  let sum = 0
  let count = 0
  for (let k = range.tests - 1; k >= 0 && count < 2; k--) {
    const test = range.zone!.tests[k]
    if (test.bar >= bar) continue
    sum += test.ratio
    count++
  }
  return count === 0 ? Number.NaN : sum / count
}
