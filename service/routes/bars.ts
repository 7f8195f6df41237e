import type { Hono } from 'hono'
import { describeRoute, resolver } from 'hono-openapi'
import { z } from 'zod'
import {
  currentTraceId,
  problemResponses,
  queryOf,
  readJson,
  securedBy,
  userOf,
  validate,
} from '../define-route.ts'
import { BarIngest, ingestPlaces, ingestStream, type StreamFormat } from '../ingest-bars.ts'
import { Problem } from '../problem.ts'
import { isoTimeSchema, symbolSchema, timeframeSchema, timeLike, traceIdSchema } from '../schemas.ts'
import type { ServiceContext } from '../service-context.ts'
import { createTurns } from '../turns.ts'

/** A request is answered within 3 s, if only with 503; an upload of a million rows may take a minute anyhow. */
const patienceMs = 1_500
const streamWaitMs = 60_000

const series = { symbol: symbolSchema, timeframe: timeframeSchema }
const number = (example: number) => z.number().meta({ examples: [example] })
const body = z.strictObject({
  ...series,
  bars: z
    .array(
      z.strictObject({
        timestamp: timeLike('2010-01-04'),
        open: number(1116.56),
        high: number(1133.87),
        low: number(1116.56),
        close: number(1132.99),
        volume: number(3_991_400_000),
      }),
    )
    .min(1)
    .max(5000),
})

const answer = z.object({
  inserted: z.int(),
  updated: z.int(),
  unchanged: z.int(),
  rejected: z.array(z.object({ index: z.int(), reason: z.string() })),
  rejected_count: z.int(),
  latest_timestamp: isoTimeSchema.nullable(),
  trace_id: traceIdSchema,
})

const streams: Record<string, StreamFormat> = {
  'text/csv': 'csv',
  'application/x-ndjson': 'ndjson',
  'application/ndjson': 'ndjson',
}

/** `POST /api/v1/bars`: JSON of up to 5,000 bars, or CSV and NDJSON of any length. */
export function barRoutes(app: Hono, { database, barsStored }: ServiceContext): void {
  const turns = createTurns(ingestPlaces)
  const parameters = Object.entries(series).map(([name, schema]) => ({
    in: 'query' as const,
    name,
    schema: z.toJSONSchema(schema) as object,
    description: 'Of the series, for CSV and NDJSON; JSON names it in the body',
  }))
  app.post(
    '/api/v1/bars',
    describeRoute({
      summary: 'Store bars; the same bars again change nothing',
      tags: ['bars'],
      parameters,
      security: securedBy,
      requestBody: {
        required: true,
        content: {
          'application/json': { schema: resolver(body) },
          'text/csv': {
            schema: { type: 'string' },
            example: 'date,open,high,low,close,volume\n2010-01-04,1116.56,1133.87,1116.56,1132.99,3991400000',
          },
          'application/x-ndjson': {
            schema: { type: 'string' },
            example:
              '{"timestamp":"2010-01-04","open":1116.56,"high":1133.87,"low":1116.56,"close":1132.99,"volume":3991400000}',
          },
        },
      },
      responses: {
        200: {
          description: 'What became of the rows',
          content: { 'application/json': { schema: resolver(answer) } },
        },
        ...problemResponses([400, 401, 403, 413, 415, 422, 429, 503]),
      },
    }),
    async (c) => {
      const type = c.req.header('content-type')?.split(';')[0]?.trim().toLowerCase() ?? ''
      const format = streams[type]
      let ingest: BarIngest
      let key: z.output<z.ZodObject<typeof series>>
      if (format !== undefined) {
        key = validate(z.strictObject(series), queryOf(c), 'query.')
        ingest = new BarIngest(database, key, turns, streamWaitMs)
        if (c.req.raw.body !== null) await ingestStream(ingest, c.req.raw.body, format)
      } else if (type === 'application/json') {
        const given = validate(body, await readJson(c), '/')
        key = { symbol: given.symbol, timeframe: given.timeframe }
        ingest = new BarIngest(database, key, turns, patienceMs)
        await ingest.take(
          given.bars.map(({ timestamp, ...bar }, index) => ({ ...bar, time: timestamp, index })),
        )
      } else {
        throw new Problem(415, 'Bars come as application/json, text/csv or application/x-ndjson.')
      }
      const result = ingest.done()
      // Also when nothing changed: an upload that broke off after its bars were stored is sent again.
      await barsStored(key, userOf(c))
      return c.json({ ...result, trace_id: currentTraceId() })
    },
  )
}
