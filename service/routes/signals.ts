import { keepTrace } from '@tapescope/sdk'
import { type PatternType, patternTypes } from '@tapescope/engine'
import type { Hono } from 'hono'
import { z } from 'zod'
import { generatedSignal, maxLookback, rejectedCandidate, within } from '../analysis-report.ts'
import { defineRoute } from '../define-route.ts'
import { patternTypeSchema, symbolSchema, timeframeSchema } from '../schemas.ts'
import type { ServiceContext } from '../service-context.ts'

const generateBody = z.strictObject({
  symbol: symbolSchema,
  timeframe: timeframeSchema,
  lookback: z
    .int()
    .min(50)
    .max(maxLookback)
    .default(500)
    .meta({ examples: [5000] }),
  pattern_type: patternTypeSchema.optional(),
})

const generated = z.object({
  symbol: z.string(),
  timeframe: timeframeSchema,
  bars_analysed: z.int(),
  signals: z.array(generatedSignal.extend({ is_new: z.boolean() })),
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
      const { report, newSignals } = await generation.generate(body, user)
      if (newSignals.length > 0) {
        keepTrace()
        await signalsChanged()
      }
      const isNew = new Set(newSignals)
      const { pattern_type } = body
      const isWanted = (row: { pattern_type: string }) =>
        pattern_type === undefined || row.pattern_type === pattern_type
      const counted: readonly PatternType[] = pattern_type === undefined ? patternTypes : [pattern_type]
      return {
        status: newSignals.length > 0 ? 201 : 200,
        body: {
          symbol,
          timeframe,
          bars_analysed: report.bars,
          signals: within(report, report.signals, lookback, isWanted).map((row) => ({
            ...row,
            is_new: isNew.has(row.id),
          })),
          rejected: within(report, report.rejected, lookback, isWanted),
          candidates_evaluated: counted.reduce((sum, type) => sum + (report.candidates[type] ?? 0), 0),
          totals: { ...report.totals, new_signals: newSignals.length },
        },
      }
    },
  })
}
