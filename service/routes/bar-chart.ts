import type { Hono } from 'hono'
import { z } from 'zod'
import { barMs, type SeriesKey } from '../load-bars.ts'
import type { Queryable } from '../database.ts'
import { defineRoute } from '../define-route.ts'
import { forwards, isForwards, isoTime, symbolSchema, timeframeSchema, timeLike } from '../schemas.ts'
import type { ServiceContext } from '../service-context.ts'

const MAX_POINTS = 5_000
/** Bars that one statement reads at most. */
const SLICE_BARS = 100_000

const column = z.array(z.number())
const chart = z
  .object({
    symbol: z.string(),
    timeframe: timeframeSchema,
    first: z.int().nullable().meta({ description: 'Of the whole series, epoch ms; null without a bar' }),
    last: z.int().nullable(),
    bar_ms: z.int(),
    point_ms: z.int().meta({ description: 'Width of a point: that of a bar, or of the bars drawn as one' }),
    time: z.array(z.int()).meta({ description: 'Of the first bar of each point, epoch ms' }),
    open: column,
    high: column,
    low: column,
    close: column,
    volume: column,
    bars: z.array(z.int()).meta({ description: 'Bars that each point stands for' }),
  })
  .meta({ id: 'BarChart' })

interface Point {
  time: number
  open: number
  high: number
  low: number
  close: number
  volume: number
  bars: number
}

interface Window {
  from: number
  to: number
  points: number
}

/** Bars of a series for a chart: a window of at most so many points, whatever its length. */
export function barChartRoute(app: Hono, { database }: ServiceContext): void {
  defineRoute(app, {
    method: 'get',
    path: '/api/v1/bars/chart',
    tag: 'bars',
    summary: 'Bars of a window as columns, drawn together when there are more than points',
    query: z
      .strictObject({
        symbol: symbolSchema,
        timeframe: timeframeSchema,
        from: timeLike('2010-01-04').optional(),
        to: timeLike('2012-01-04').optional(),
        newest: z.coerce
          .number()
          .int()
          .min(1)
          .max(MAX_POINTS)
          .optional()
          .meta({ description: 'Only so many bars, the last of the window' }),
        points: z.coerce.number().int().min(1).max(MAX_POINTS).default(2_000),
      })
      .refine(isForwards, forwards),
    success: { 200: 'The window' },
    answer: chart,
    async handle({ query: { symbol, timeframe, from = -1e13, to = 1e13, newest, points } }) {
      const key = { symbol, timeframe }
      const [bounds] = await database.query<{ first: number | null; last: number | null }>({
        name: 'chart.bounds',
        text: `SELECT (extract(epoch FROM min(timestamp)) * 1000)::FLOAT8 AS first,
            (extract(epoch FROM max(timestamp)) * 1000)::FLOAT8 AS last
          FROM ohlcv_bars WHERE symbol = $1 AND timeframe = $2`,
        values: [symbol, timeframe],
      })
      const { first, last } = bounds
      const window = {
        from: Math.max(from, first ?? 0),
        to: Math.min(to, last ?? 0),
        points: newest ?? points,
      }
      let pointMs = barMs[timeframe]
      let found = await newestBars(database, key, window, newest === undefined ? 1 : 0)
      if (found.length > window.points) {
        pointMs = Math.max(pointMs, Math.ceil((window.to - window.from + pointMs) / points))
        found = await togetherBars(database, key, window, pointMs)
      }
      const of = (name: keyof Point): number[] => found.map((point) => point[name])
      return {
        body: {
          symbol,
          timeframe,
          first,
          last,
          bar_ms: barMs[timeframe],
          point_ms: pointMs,
          time: of('time'),
          open: of('open'),
          high: of('high'),
          low: of('low'),
          close: of('close'),
          volume: of('volume'),
          bars: of('bars'),
        },
      }
    },
  })
}

/** The last `points` bars of the window and `more` before them, oldest first. */
async function newestBars(
  database: Queryable,
  { symbol, timeframe }: SeriesKey,
  { from, to, points }: Window,
  more: number,
): Promise<Point[]> {
  const rows = await database.query<Point>({
    name: 'chart.newest',
    text: `SELECT (extract(epoch FROM timestamp) * 1000)::FLOAT8 AS time, open, high, low, close, volume, 1 AS bars
      FROM ohlcv_bars WHERE symbol = $1 AND timeframe = $2 AND timestamp >= $3 AND timestamp <= $4
      ORDER BY timestamp DESC LIMIT $5`,
    values: [symbol, timeframe, isoTime(from), isoTime(to), points + more],
  })
  return rows.toReversed()
}

/**
 * One point for all bars of the same stretch of `pointMs` after `from`; a stretch without bars has none. Asked for in
 * slices, so that no statement over a long series holds the database for long.
 */
async function togetherBars(
  database: Queryable,
  { symbol, timeframe }: SeriesKey,
  { from, to }: Window,
  pointMs: number,
): Promise<Point[]> {
  const found: Point[] = []
  const sliceMs = pointMs * Math.max(1, Math.floor((SLICE_BARS * barMs[timeframe]) / pointMs))
  for (let start = from; start <= to; start += sliceMs) {
    const end = Math.min(to, start + sliceMs - 1)
    const part = await database.query<Point>({
      name: 'chart.together',
      // The first and last bar are looked up: a join would read the series once more.
      text: `SELECT (extract(epoch FROM first) * 1000)::FLOAT8 AS time, high, low, volume, bars,
          (SELECT open FROM ohlcv_bars WHERE symbol = $1 AND timeframe = $2 AND timestamp = first),
          (SELECT close FROM ohlcv_bars WHERE symbol = $1 AND timeframe = $2 AND timestamp = last)
        FROM (SELECT min(timestamp) AS first, max(timestamp) AS last, max(high) AS high, min(low) AS low,
            sum(volume) AS volume, count(*)::INT AS bars
          FROM ohlcv_bars WHERE symbol = $1 AND timeframe = $2 AND timestamp >= $3 AND timestamp <= $4
          GROUP BY date_bin($5::FLOAT8 * INTERVAL '1 ms', timestamp, $3)) AS part
        ORDER BY first`,
      values: [symbol, timeframe, isoTime(start), isoTime(end), pointMs],
    })
    for (const point of part) found.push(point)
  }
  return found
}
