import { keepTrace } from '@tapescope/sdk'
import type { Rejection, Signal } from '@tapescope/engine'
import type { Hono } from 'hono'
import { z } from 'zod'
import { defineRoute } from '../define-route.ts'
import {
  idSchema,
  isoTime,
  isoTimeSchema,
  patternTypeSchema,
  phaseSchema,
  rejectionStageSchema,
  sideSchema,
  signalStatusSchema,
  symbolSchema,
  timeframeSchema,
} from '../schemas.ts'
import type { ServiceContext } from '../service-context.ts'
import { patternId, signalId } from '../signal-ids.ts'

const generateBody = z.strictObject({
  symbol: symbolSchema,
  timeframe: timeframeSchema,
  lookback: z
    .int()
    .min(50)
    .max(5000)
    .default(500)
    .meta({ examples: [5000] }),
  pattern_type: patternTypeSchema.optional(),
})

const generatedSignal = z.object({
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
  is_new: z.boolean(),
})

const rejectedCandidate = z.object({
  pattern_id: idSchema,
  pattern_type: patternTypeSchema,
  bar_timestamp: isoTimeSchema,
  rejection_stage: rejectionStageSchema,
  rejection_reason: z.string(),
})

const generated = z.object({
  symbol: z.string(),
  timeframe: timeframeSchema,
  bars_analysed: z.int(),
  signals: z.array(generatedSignal),
  rejected: z.array(rejectedCandidate),
  candidates_evaluated: z.int(),
  totals: z
    .object({ patterns: z.int(), signals: z.int(), rejected: z.int(), ranges: z.int(), new_signals: z.int() })
    .meta({ description: 'Over all bars; `signals` and `rejected` cover the lookback' }),
})

export function signalRoutes(app: Hono, { generation, signalsChanged }: ServiceContext): void {
  defineRoute(app, {
    method: 'post',
    path: '/api/v1/signals/generate',
    tag: 'signals',
    summary: 'Analyse all stored bars of a series and store the signals that are new',
    body: generateBody,
    success: { 200: 'Nothing new', 201: 'At least one new signal was stored' },
    problems: [404],
    answer: generated,
    async handle({ body, user }) {
      const { symbol, timeframe, lookback } = body
      const { result, newSignals } = await generation.generate(body, user)
      if (newSignals.length > 0) {
        keepTrace()
        await signalsChanged()
      }
      const isNew = new Set(newSignals)
      const wanted = (found: { patternType: string }) =>
        body.pattern_type === undefined || found.patternType === body.pattern_type
      const from = result.bars - lookback
      const rejected = result.rejected.filter(wanted)
      const signals = result.signals.filter(wanted)
      return {
        status: newSignals.length > 0 ? 201 : 200,
        body: {
          symbol,
          timeframe,
          bars_analysed: result.bars,
          signals: signals
            .filter((signal) => signal.confirmedBar >= from)
            .map((signal) => generatedSignalOf(signal, isNew)),
          rejected: rejected.filter(({ bar }) => bar >= from).map(rejectedCandidateOf),
          candidates_evaluated: signals.length + rejected.length,
          totals: {
            patterns: result.patterns.length,
            signals: result.signals.length,
            rejected: result.rejected.length,
            ranges: result.ranges.length,
            new_signals: newSignals.length,
          },
        },
      }
    },
  })
}

function generatedSignalOf(signal: Signal, isNew: ReadonlySet<string>): z.input<typeof generatedSignal> {
  const id = signalId(signal)
  return {
    id,
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
    is_new: isNew.has(id),
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
