import type { BarSeries, Pattern, PatternType, Rejection, Signal, SignalResult } from '@tapescope/engine'
import { z } from 'zod'
import {
  idSchema,
  isoTime,
  isoTimeSchema,
  patternTypeSchema,
  phaseSchema,
  rangeStatusSchema,
  rejectionStageSchema,
  sideSchema,
  signalStatusSchema,
} from './schemas.ts'
import { patternId, signalId } from './signal-ids.ts'

/** Bars that an answer may look back. */
export const maxLookback = 5_000

export const detectedPattern = z.object({
  id: idSchema,
  type: patternTypeSchema,
  side: sideSchema,
  bar_timestamp: isoTimeSchema,
  detection_time: isoTimeSchema,
  confidence: z.int(),
  tier: z.string(),
  volume_ratio: z.number(),
  spread_ratio: z.number(),
  plan: z
    .object({
      entry_price: z.number(),
      stop_loss: z.number(),
      primary_target: z.number(),
      r_multiple: z.number(),
    })
    .nullable(),
})

export const standing = z.object({
  range: z
    .object({
      creek: z.number(),
      ice: z.number(),
      jump: z.number(),
      drop: z.number().nullable(),
      quality: z.int(),
      status: rangeStatusSchema,
      bias: z.enum(['ACCUMULATION', 'DISTRIBUTION', 'UNDETERMINED']),
    })
    .nullable(),
  phase: z.object({
    phase: phaseSchema.nullable(),
    confidence: z.int().nullable(),
    sub_state: z.string().nullable(),
    trading_allowed: z.boolean(),
  }),
})

export const generatedSignal = z.object({
  id: idSchema,
  pattern_id: idSchema,
  pattern_type: patternTypeSchema,
  side: sideSchema,
  phase: phaseSchema,
  bar_timestamp: isoTimeSchema,
  entry_price: z.number(),
  stop_loss: z.number(),
  primary_target: z.number(),
  secondary_targets: z.array(z.number()),
  position_size: z.int(),
  r_multiple: z.number(),
  confidence_score: z.int(),
  requires_review: z.boolean(),
  status: signalStatusSchema,
})

export const rejectedCandidate = z.object({
  pattern_id: idSchema,
  pattern_type: patternTypeSchema,
  bar_timestamp: isoTimeSchema,
  rejection_stage: rejectionStageSchema,
  rejection_reason: z.string(),
})

/** A row of an answer, and the bar at which it was known. */
export interface Recent<Row> {
  readonly bar: number
  readonly row: Row
}

/** What answers are made of: plain data, which comes from a thread as well as from a call. */
export interface AnalysisReport {
  /** How many bars were analysed. */
  readonly bars: number
  /** Open time of the newest, epoch ms. */
  readonly asOf: number
  readonly standing: z.input<typeof standing>
  /** Of the newest `maxLookback` bars, as are those below. */
  readonly patterns: readonly Recent<z.input<typeof detectedPattern>>[]
  readonly signals: readonly Recent<z.input<typeof generatedSignal>>[]
  readonly rejected: readonly Recent<z.input<typeof rejectedCandidate>>[]
  /** Over all bars. */
  readonly totals: {
    readonly patterns: number
    readonly signals: number
    readonly rejected: number
    readonly ranges: number
  }
  /** Signals and rejected candidates over all bars. */
  readonly candidates: Readonly<Partial<Record<PatternType, number>>>
}

export function analysisReport(bars: BarSeries, result: SignalResult): AnalysisReport {
  const from = result.bars - maxLookback
  const range = result.ranges.findLast(({ status }) => status === 'ACTIVE' || status === 'BREAKOUT')
  const candidates: Partial<Record<PatternType, number>> = {}
  for (const { patternType } of [...result.signals, ...result.rejected])
    candidates[patternType] = (candidates[patternType] ?? 0) + 1
  return {
    bars: result.bars,
    asOf: bars.time[bars.length - 1],
    standing: {
      range:
        range === undefined
          ? null
          : {
              creek: range.creek.price,
              ice: range.ice.price,
              jump: range.jump,
              drop: range.drop,
              quality: range.quality,
              status: range.status,
              bias: range.bias,
            },
      phase: {
        phase: range?.phase ?? null,
        confidence: range?.phaseConfidence ?? null,
        sub_state: range?.subState ?? null,
        trading_allowed: range?.tradingAllowed ?? false,
      },
    },
    patterns: result.patterns
      .filter(({ confirmedBar }) => confirmedBar >= from)
      .map((pattern) => ({ bar: pattern.confirmedBar, row: detectedPatternOf(pattern) })),
    signals: result.signals
      .filter(({ confirmedBar }) => confirmedBar >= from)
      .map((signal) => ({ bar: signal.confirmedBar, row: generatedSignalOf(signal) })),
    rejected: result.rejected
      .filter(({ bar }) => bar >= from)
      .map((rejection) => ({ bar: rejection.bar, row: rejectedCandidateOf(rejection) })),
    totals: {
      patterns: result.patterns.length,
      signals: result.signals.length,
      rejected: result.rejected.length,
      ranges: result.ranges.length,
    },
    candidates,
  }
}

/** Those of the newest `lookback` bars, of one type when it is given. */
export function within<Row>(
  report: AnalysisReport,
  rows: readonly Recent<Row>[],
  lookback: number,
  isWanted: (row: Row) => boolean,
): Row[] {
  return rows.filter(({ bar, row }) => bar >= report.bars - lookback && isWanted(row)).map(({ row }) => row)
}

function detectedPatternOf(pattern: Pattern): z.input<typeof detectedPattern> {
  const { plan } = pattern
  return {
    id: patternId(pattern),
    type: pattern.type,
    side: pattern.side,
    bar_timestamp: isoTime(pattern.time),
    detection_time: isoTime(pattern.confirmedTime),
    confidence: pattern.confidence,
    tier: pattern.tier,
    volume_ratio: pattern.volumeRatio,
    spread_ratio: pattern.spreadRatio,
    plan:
      plan === null
        ? null
        : {
            entry_price: plan.entryPrice,
            stop_loss: plan.stopLoss,
            primary_target: plan.primaryTarget,
            r_multiple: plan.rMultiple,
          },
  }
}

function generatedSignalOf(signal: Signal): z.input<typeof generatedSignal> {
  return {
    id: signalId(signal),
    pattern_id: patternId(signal.pattern),
    pattern_type: signal.patternType,
    side: signal.side,
    phase: signal.phase,
    bar_timestamp: isoTime(signal.confirmedTime),
    entry_price: signal.entryPrice,
    stop_loss: signal.stopLoss,
    primary_target: signal.primaryTarget,
    secondary_targets: [...signal.secondaryTargets],
    position_size: signal.positionSize,
    r_multiple: signal.rMultiple,
    confidence_score: signal.confidenceScore,
    requires_review: signal.requiresReview,
    status: signal.status,
  }
}

function rejectedCandidateOf(rejection: Rejection): z.input<typeof rejectedCandidate> {
  return {
    pattern_id: patternId(rejection.pattern),
    pattern_type: rejection.patternType,
    bar_timestamp: isoTime(rejection.time),
    rejection_stage: rejection.stage,
    rejection_reason: rejection.reason,
  }
}
