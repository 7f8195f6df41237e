import type { Hono } from 'hono'
import { z } from 'zod'
import { detectedPattern, maxLookback, standing, within } from '../analysis-report.ts'
import { defineRoute } from '../define-route.ts'
import { isoTime, isoTimeSchema, patternTypeSchema, symbolSchema, timeframeSchema } from '../schemas.ts'
import type { ServiceContext } from '../service-context.ts'

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
      lookback: z.coerce.number().int().min(50).max(maxLookback).default(500),
      pattern_type: patternTypeSchema.optional(),
    }),
    success: { 200: 'Found or not: an empty list is an answer' },
    problems: [404],
    answer: z.object({
      symbol: z.string(),
      timeframe: timeframeSchema,
      as_of: isoTimeSchema,
      bars_analysed: z.int(),
      ...standing.shape,
      patterns: z.array(detectedPattern),
    }),
    async handle({ query }) {
      const report = await generation.look(query)
      const { pattern_type } = query
      return {
        body: {
          symbol: query.symbol,
          timeframe: query.timeframe,
          as_of: isoTime(report.asOf),
          bars_analysed: report.bars,
          ...report.standing,
          patterns: within(
            report,
            report.patterns,
            query.lookback,
            ({ type }) => pattern_type === undefined || type === pattern_type,
          ),
        },
      }
    },
  })
}
