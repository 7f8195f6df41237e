import type { Hono } from 'hono'
import { z } from 'zod'
import { defineRoute } from '../define-route.ts'
import { forwards, isForwards, symbolSchema, timeframeSchema, timeLike } from '../schemas.ts'
import type { ServiceContext } from '../service-context.ts'
import { wyckoffEvent } from '../window-events.ts'

/** `GET /api/v1/events`: what the engine reads in the bars between patterns. Computed when asked; stores nothing. */
export function eventsRoute(app: Hono, { generation }: ServiceContext): void {
  defineRoute(app, {
    method: 'get',
    path: '/api/v1/events',
    tag: 'signals',
    summary: 'Wyckoff events of a window, oldest first; computed, stores nothing',
    query: z
      .strictObject({
        symbol: symbolSchema,
        timeframe: timeframeSchema,
        from: timeLike('2010-01-04').optional(),
        to: timeLike('2012-01-04').optional(),
        limit: z.coerce
          .number()
          .int()
          .min(1)
          .max(5_000)
          .default(1_000)
          .meta({ description: 'The newest so many' }),
      })
      .refine(isForwards, forwards),
    success: { 200: 'Found or not: an empty list is an answer' },
    problems: [404],
    answer: z.object({
      events: z.array(wyckoffEvent),
      total_count: z.int().meta({ description: 'In the window' }),
    }),
    async handle({ query: { symbol, timeframe, from = -Infinity, to = Infinity, limit } }) {
      return { body: await generation.events({ symbol, timeframe }, { from, to, limit }) }
    },
  })
}
