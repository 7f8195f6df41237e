import type { Pattern } from '@tapescope/engine'
import type { Hono } from 'hono'
import { z } from 'zod'
import { defineRoute } from '../define-route.ts'
import {
  idSchema,
  isoTime,
  isoTimeSchema,
  patternTypeSchema,
  phaseSchema,
  rangeStatusSchema,
  sideSchema,
  symbolSchema,
  timeframeSchema,
} from '../schemas.ts'
import type { ServiceContext } from '../service-context.ts'
import { patternId } from '../signal-ids.ts'

const detectedPattern = z.object({
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

/** `GET /api/v1/patterns/detect`: where a series stands now. Stores nothing. */
export function detectRoute(app: Hono, { generation }: ServiceContext): void {
  defineRoute(app, {
    method: 'get',
    path: '/api/v1/patterns/detect',
    tag: 'signals',
    summary: 'Live range, phase and patterns of a series; stores nothing',
    query: z.strictObject({
      symbol: symbolSchema,
      timeframe: timeframeSchema,
      lookback: z.coerce.number().int().min(50).max(5000).default(500),
      pattern_type: patternTypeSchema.optional(),
    }),
    success: { 200: 'Found or not: an empty list is an answer' },
    problems: [404],
    answer: z.object({
      symbol: z.string(),
      timeframe: timeframeSchema,
      as_of: isoTimeSchema,
      bars_analysed: z.int(),
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
      patterns: z.array(detectedPattern),
    }),
    async handle({ query }) {
      const { bars, result } = await generation.look(query)
      const range = result.ranges.findLast(({ status }) => status === 'ACTIVE' || status === 'BREAKOUT')
      const from = result.bars - query.lookback
      return {
        body: {
          symbol: query.symbol,
          timeframe: query.timeframe,
          as_of: isoTime(bars.time[bars.length - 1]),
          bars_analysed: result.bars,
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
          patterns: result.patterns
            .filter(({ type }) => query.pattern_type === undefined || type === query.pattern_type)
            .filter(({ confirmedBar }) => confirmedBar >= from)
            .map(detectedPatternOf),
        },
      }
    },
  })
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
