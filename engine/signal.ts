import type { BarFlag } from './bar-reader.ts'
import type { BarVolume } from './volume-analysis.ts'

export const patternTypes = ['SPRING', 'SOS', 'LPS', 'UTAD'] as const
export type PatternType = (typeof patternTypes)[number]
export type Side = 'LONG' | 'SHORT'
export type Phase = 'A' | 'B' | 'C' | 'D' | 'E'
export type Bias = 'ACCUMULATION' | 'DISTRIBUTION' | 'UNDETERMINED'
export type RangeStatus = 'FORMING' | 'ACTIVE' | 'BREAKOUT' | 'COMPLETED' | 'ARCHIVED'

/** What a pattern proposes to do. Prices in account currency; `rMultiple` = |primary − entry| / |entry − stop|. */
export interface Plan {
  readonly side: Side
  readonly entryPrice: number
  readonly stopLoss: number
  readonly primaryTarget: number
  /** Nearest first as in method 9.2; empty when the only one would not be above 0. */
  readonly secondaryTargets: readonly number[]
  readonly rMultiple: number
  /** Targets of a scaled exit with the share of the position each takes (method 12); shares add up to 1. */
  readonly scaledTargets: readonly { readonly price: number; readonly share: number }[]
}

/** Where a range is named: its first pivot and the bar at which it became ACTIVE. */
export interface RangeKey {
  readonly startBar: number
  readonly startTime: number
  readonly activeBar: number
  readonly activeTime: number
}

/**
 * A pattern, from the bar that confirmed it. A Spring's Test, a candidate's rejection and a pending SOS's end come
 * later and update it; the log has each of those as a fact of its own.
 */
export interface Pattern {
  /** symbol|timeframe|range start time|range active time|type|pattern bar time: unique within a series. */
  readonly key: string
  readonly type: PatternType
  readonly side: Side
  readonly range: RangeKey
  /** The bar of the pattern itself: pierce, breakout, pullback low. */
  readonly bar: number
  readonly time: number
  /** The bar at whose close the pattern was known: recovery, breakout, turn, failure. */
  readonly confirmedBar: number
  readonly confirmedTime: number
  /** 0-100, as a candidate: after the deduction for a breakout out of phase B. */
  readonly confidence: number
  readonly tier: string
  /** The phase that counts for it: after the pattern itself, or at the pierce for a UTAD in accumulation. */
  readonly phase: Phase
  readonly phaseConfidence: number
  readonly volumeRatio: number
  readonly spreadRatio: number
  /** `awaiting_test`: a Spring without its Test yet; `pending_lps`: an SOS too weak for a direct signal. */
  readonly status:
    | 'awaiting_test'
    | 'pending_lps'
    | 'followed_by_lps'
    | 'low_confidence'
    | 'lapsed'
    | 'candidate'
    | 'rejected'
    | 'signalled'
  readonly test: SpringTest | null
  readonly plan: Plan | null
  /** The price that proves it wrong: the plan's stop when there is one. */
  readonly invalidationLevel: number | null
  readonly rejectionStage: RejectionStage | null
  readonly rejectionReason: string | null
  readonly metadata: Readonly<Record<string, number | string | boolean | null>>
}

export interface SpringTest {
  readonly bar: number
  readonly time: number
  readonly volumeRatio: number
  readonly grade: 'EXCELLENT' | 'GOOD' | 'ACCEPTABLE'
  /** The best later Test, when one was better than the first; it changes nothing but this. */
  readonly best: {
    readonly bar: number
    readonly time: number
    readonly volumeRatio: number
    readonly grade: string
  } | null
}

export const validationStages = ['VOLUME', 'PHASE', 'LEVELS', 'RISK', 'STRATEGY'] as const
export type ValidationStage = (typeof validationStages)[number]
export type RejectionStage = 'PRECHECK' | ValidationStage
export type StageStatus = 'PASS' | 'WARN' | 'FAIL'

export interface StageResult {
  readonly stage: ValidationStage
  readonly status: StageStatus
  /** Null exactly when the status is PASS without remark. */
  readonly reason: string | null
  /** Open time of the bar at which it was judged; the engine has no clock. */
  readonly time: number
  readonly validator: string
  readonly metadata: Readonly<Record<string, number | string | boolean | null>>
}

export interface ValidationChain {
  readonly patternKey: string
  readonly results: readonly StageResult[]
  readonly overallStatus: StageStatus
  readonly rejectionStage: RejectionStage | null
  readonly rejectionReason: string | null
  readonly warnings: readonly string[]
}

export type SignalStatus =
  | 'PENDING'
  | 'APPROVED'
  | 'REJECTED'
  | 'FILLED'
  | 'STOPPED'
  | 'TARGET_HIT'
  | 'CLOSED'
  | 'EXPIRED'

/**
 * An accepted candidate (method 9.5 without ids, clock and trace). It enters at the open of the bar after
 * `confirmedBar`. `status` and what follows it move on as later bars arrive.
 */
export interface Signal {
  readonly key: string
  readonly symbol: string
  readonly assetClass: 'STOCK'
  readonly timeframe: string
  readonly patternType: PatternType
  readonly side: Side
  readonly pattern: Pattern
  readonly phase: Phase
  /** The bar at whose close the signal was known, and its open time. */
  readonly confirmedBar: number
  readonly confirmedTime: number
  readonly entryPrice: number
  readonly stopLoss: number
  readonly primaryTarget: number
  readonly secondaryTargets: readonly number[]
  readonly plan: Plan
  /** Whole shares, at least 1. */
  readonly positionSize: number
  readonly notionalValue: number
  readonly riskAmount: number
  /** Fraction of equity at risk that the size was made from. */
  readonly riskFrac: number
  readonly rMultiple: number
  readonly confidenceScore: number
  readonly confidenceComponents: {
    readonly pattern: number
    readonly phase: number
    readonly volume: number
    readonly overall: number
  }
  readonly campaignId: string
  /** The share of its campaign's budget this type may use, 0-1. */
  readonly campaignAllocation: number
  readonly validationChain: ValidationChain
  readonly requiresReview: boolean
  readonly rejectionReasons: readonly string[]
  readonly volumeAnalysis: BarVolume
  /** 0-100: what to look at first (method 9.5). */
  readonly priority: number
  /** Last bar on which a signal that was not approved is still alive. */
  readonly expiresBar: number
  readonly schemaVersion: 1
  readonly status: SignalStatus
  readonly filledBar: number | null
  readonly fillPrice: number | null
  readonly exitBar: number | null
  readonly exitPrice: number | null
  readonly exitReason: string | null
}

/** A candidate that did not become a signal. */
export interface Rejection {
  readonly key: string
  readonly pattern: Pattern
  readonly patternType: PatternType
  readonly bar: number
  readonly time: number
  readonly stage: RejectionStage
  readonly reason: string
  readonly chain: ValidationChain | null
}

export interface Level {
  readonly price: number
  readonly strength: number
  readonly touches: number
  /** Lowest low or highest high of the touches. */
  readonly extreme: number
  readonly firstTouch: number
  readonly lastTouch: number
}

/** A range that became ACTIVE at some time; bar indexes within the series. */
export interface TradingRange extends RangeKey {
  /** Order of becoming ACTIVE within the series, from 0. */
  readonly ordinal: number
  readonly endBar: number
  readonly endTime: number
  readonly durationBars: number
  readonly version: number
  readonly status: RangeStatus
  /** Why it is no longer ACTIVE; null while it is. */
  readonly statusReason: string | null
  readonly statusBar: number
  readonly bias: Bias
  readonly phase: Phase | null
  readonly phaseConfidence: number | null
  readonly phaseBar: number | null
  readonly subState: string | null
  readonly tradingAllowed: boolean
  readonly quality: number
  readonly qualityParts: {
    readonly duration: number
    readonly touches: number
    readonly tightness: number
    readonly drying: number
  }
  readonly creek: Level
  readonly ice: Level
  readonly jump: number
  readonly drop: number | null
  readonly conservativeUp: number
  readonly conservativeDown: number
  readonly causeFactor: number
  readonly widthFrac: number
}

export const eventTypes = [
  'SC',
  'AR',
  'ST',
  'BC',
  'AR_DOWN',
  'ST_UP',
  'SPRING',
  'TEST',
  'SOS',
  'LPS',
  'UTAD',
  'SOW',
  'LPSY',
] as const
export type EventType = (typeof eventTypes)[number]

export interface WyckoffEvent {
  readonly type: EventType
  readonly bar: number
  readonly time: number
  readonly confirmedBar: number
  readonly confirmedTime: number
  readonly confidence: number
  /** Price that defines it: low, high or close, whichever the rule measures. */
  readonly price: number
  /** Start of the range it belongs to; null for what is read from the bar stream alone (SC, AR, ST and mirrors). */
  readonly rangeStartTime: number | null
}

/** One line of the append-only log: what became known at `bar`. Nothing in it changes afterwards. */
export interface Fact {
  readonly kind:
    | 'RANGE_ACTIVE'
    | 'RANGE_REFRESHED'
    | 'RANGE_STATUS'
    | 'EVENT'
    | 'PHASE'
    | 'PATTERN'
    | 'PATTERN_UPDATED'
    | 'SIGNAL'
    | 'SIGNAL_STATUS'
    | 'REJECTION'
  readonly bar: number
  readonly time: number
  /** symbol|timeframe|range start time or -|type|time of the bar it is about. */
  readonly key: string
  readonly data: Readonly<Record<string, number | string | boolean | null>>
}

/** How the number of signals came about. */
export interface Funnel {
  readonly bars: number
  /** Candidate ranges seen at each look, summed over looks; and those of them good enough to trade. */
  readonly rangeCandidates: number
  readonly qualifiedCandidates: number
  readonly rangesActive: number
  readonly events: Readonly<Partial<Record<EventType, number>>>
  readonly phases: Readonly<Record<Phase, number>>
  readonly patterns: Readonly<Record<PatternType, number>>
  readonly lowConfidence: number
  readonly lapsed: number
  readonly candidates: number
  readonly rejected: Readonly<Record<RejectionStage, number>>
  readonly signals: Readonly<Record<PatternType, number>>
}

export interface SignalResult {
  readonly symbol: string
  readonly timeframe: string
  readonly bars: number
  readonly patterns: readonly Pattern[]
  readonly signals: readonly Signal[]
  readonly rejected: readonly Rejection[]
  readonly ranges: readonly TradingRange[]
  readonly events: readonly WyckoffEvent[]
  readonly log: readonly Fact[]
  readonly flags: readonly BarFlag[]
  readonly funnel: Funnel
  /** Bar indexes of the pivots. */
  readonly pivots: { readonly highs: Int32Array; readonly lows: Int32Array }
  /** The four measures of a bar; every bar has been measured. */
  readonly volumeOf: (bar: number) => BarVolume
}

/** What one pushed bar added or changed; arrays are empty on most bars. */
export interface BarOutcome {
  readonly patterns: readonly Pattern[]
  readonly signals: readonly Signal[]
  readonly rejected: readonly Rejection[]
  readonly ranges: readonly TradingRange[]
  readonly events: readonly WyckoffEvent[]
  readonly log: readonly Fact[]
}
