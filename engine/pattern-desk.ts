import type { BarSeries } from './bar-series.ts'
import type { Candidate } from './candidate.ts'
import type { Draft } from './draft.ts'
import type { Journal } from './journal.ts'
import { phaseName } from './live-range.ts'
import type { LiveRange } from './live-range.ts'
import { phaseConfidence } from './phase-confidence.ts'
import type { Pattern, PatternType } from './signal.ts'
import type { Thresholds } from './thresholds.ts'
import type { VolumeAnalysis } from './volume-analysis.ts'

/** What every detector does with what it finds: write it down, move the phase, offer a candidate. */
export class PatternDesk {
  /** Candidates of the current bar, waiting for validation. */
  readonly candidates: Candidate[] = []
  readonly rules: Thresholds
  readonly journal: Journal
  readonly volume: VolumeAnalysis

  constructor(rules: Thresholds, journal: Journal, volume: VolumeAnalysis) {
    this.rules = rules
    this.journal = journal
    this.volume = volume
  }

  newPattern(
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

  offer(
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

  move(range: LiveRange, phase: number, t: number, reason: string): void {
    const from = phaseName(range.phase)
    range.phase = phase
    range.phaseBar = t
    range.confidence = phaseConfidence(range, t)
    this.journal.phase(range, t, from, phaseName(phase), phase === 0 ? null : range.confidence, reason)
  }

  /** Springs that will get no Test and an SOS that will get no LPS. */
  lapse(range: LiveRange, t: number): void {
    for (const pattern of range.awaitingTest) if (pattern.test === null) this.lapsePattern(range, pattern, t)
    if (range.awaitingTest.length > 0) range.awaitingTest = []
    const sos = range.breakout?.pattern
    if (sos?.status === 'pending_lps') this.lapsePattern(range, sos, t)
  }

  lapsePattern(range: LiveRange, pattern: Draft<Pattern>, t: number): void {
    pattern.status = 'lapsed'
    this.journal.pattern(range, pattern, t)
  }
}

export const firstTestBar = (range: LiveRange): number => (range.tests === 0 ? -1 : range.zone!.tests[0].bar)
