import { eventTypes, type WyckoffEvent } from '@tapescope/engine'
import type { Hono } from 'hono'
import { z } from 'zod'
import { defineRoute } from '../define-route.ts'
import { isoTime, isoTimeSchema, symbolSchema, timeframeSchema, timeLike } from '../schemas.ts'
import type { ServiceContext } from '../service-context.ts'

const wyckoffEvent = z
  .object({
    type: z.enum(eventTypes),
    bar_timestamp: isoTimeSchema,
    confirmed_time: isoTimeSchema.meta({ description: 'Of the bar with which it became known' }),
    price: z.number(),
    confidence: z.int(),
    range_start_time: isoTimeSchema.nullable(),
  })
  .meta({ id: 'WyckoffEvent' })

/** `GET /api/v1/events`: what the engine reads in the bars between patterns. Computed when asked; stores nothing. */
export function eventsRoute(app: Hono, { generation }: ServiceContext): void {
  defineRoute(app, {
    method: 'get',
    path: '/api/v1/events',
    tag: 'signals',
    summary: 'Wyckoff events of a window, oldest first; computed, stores nothing',
    query: z.strictObject({
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
    }),
    success: { 200: 'Found or not: an empty list is an answer' },
    problems: [404],
    answer: z.object({
      events: z.array(wyckoffEvent),
      total_count: z.int().meta({ description: 'In the window' }),
    }),
    async handle({ query: { symbol, timeframe, from = -Infinity, to = Infinity, limit } }) {
      const { result } = await generation.look({ symbol, timeframe })
      const found = result.events
        .filter(({ time }) => time >= from && time <= to)
        .sort((a, b) => a.time - b.time || a.confirmedTime - b.confirmedTime)
      return { body: { events: found.slice(-limit).map(eventRow), total_count: found.length } }
    },
  })
}

function eventRow(event: WyckoffEvent): z.input<typeof wyckoffEvent> {
  const { type, time, confirmedTime, price, confidence, rangeStartTime } = event
  return {
    type,
    bar_timestamp: isoTime(time),
    confirmed_time: isoTime(confirmedTime),
    price,
    confidence,
    range_start_time: rangeStartTime === null ? null : isoTime(rangeStartTime),
  }
}
