import type { Hono } from 'hono'
import { z } from 'zod'
import { defineRoute } from '../define-route.ts'
import { pageSchema, readPage } from '../read-page.ts'
import {
  auditRow,
  backtestRow,
  barRow,
  campaignRow,
  notificationRow,
  patternRow,
  positionRow,
  rangeRow,
  signalRow,
} from '../row-schemas.ts'
import {
  forwards,
  isForwards,
  isoTime,
  campaignStatusSchema,
  noticeTypeSchema,
  pageQuery,
  patternTypeSchema,
  phaseSchema,
  positionStatusSchema,
  rangeStatusSchema,
  runStatusSchema,
  symbolSchema,
  textSchema,
  timeframeSchema,
  timeLike,
} from '../schemas.ts'
import type { ServiceContext } from '../service-context.ts'

const series = { symbol: symbolSchema, timeframe: timeframeSchema }
const ownUser = textSchema(64)
  .optional()
  .meta({ description: 'Default: the user of the API key; local where none is given' })
const window = { from: timeLike('2010-01-04').optional(), to: timeLike('2012-01-04').optional() }

/** A list over one table: its filters are columns, its rows what is stored. */
interface List<Row extends z.ZodObject, Query extends z.ZodObject> {
  path: string
  tag: string
  summary: string
  table: string
  row: Row
  query: Query
  where: (query: z.output<Query>, user: string) => (readonly [condition: string, value: unknown])[]
  orderBy: string
}

function defineList<Row extends z.ZodObject, Query extends z.ZodObject>(
  app: Hono,
  { database }: ServiceContext,
  list: List<Row, Query>,
): void {
  const query = z.strictObject({ ...pageQuery, ...list.query.shape }).refine(isForwards, forwards)
  const answer = pageSchema(list.row)
  defineRoute(app, {
    method: 'get',
    path: list.path,
    tag: list.tag,
    summary: list.summary,
    query,
    success: { 200: 'A page of the list' },
    answer,
    async handle({ query: given, user }) {
      const found = await readPage<z.input<Row>>(database, {
        name: list.table,
        columns: Object.keys(list.row.shape).join(', '),
        from: list.table,
        where: list.where(given as z.output<Query>, user),
        orderBy: list.orderBy,
        page: given.page,
        limit: given.limit,
      })
      return { body: found }
    },
  })
}

const inWindow = (column: string, { from, to }: { from?: number | undefined; to?: number | undefined }) =>
  [
    [`${column} >= ?`, from === undefined ? undefined : isoTime(from)],
    [`${column} <= ?`, to === undefined ? undefined : isoTime(to)],
  ] as const

/** What the viewer draws and the operator looks through; each is the query that its index serves. */
export function listRoutes(app: Hono, context: ServiceContext): void {
  defineList(app, context, {
    path: '/api/v1/bars',
    tag: 'bars',
    summary: 'Stored bars of a series, oldest first',
    table: 'ohlcv_bars',
    row: barRow,
    query: z.object({ ...series, ...window }),
    where: (query) => [
      ['symbol = ?', query.symbol],
      ['timeframe = ?', query.timeframe],
      ...inWindow('timestamp', query),
    ],
    orderBy: 'timestamp',
  })

  defineList(app, context, {
    path: '/api/v1/ranges',
    tag: 'signals',
    summary: 'Trading ranges, newest first',
    table: 'trading_ranges',
    row: rangeRow,
    query: z.object({
      symbol: symbolSchema.optional(),
      timeframe: timeframeSchema.optional(),
      status: rangeStatusSchema.optional(),
      phase: phaseSchema.optional(),
      ...window,
    }),
    where: (query) => [
      ['symbol = ?', query.symbol],
      ['timeframe = ?', query.timeframe],
      ['status = ?', query.status],
      ['phase = ?', query.phase],
      ...inWindow('start_time', query),
    ],
    orderBy: 'start_time DESC, id',
  })

  defineList(app, context, {
    path: '/api/v1/patterns',
    tag: 'signals',
    summary: 'Patterns, newest first',
    table: 'patterns',
    row: patternRow,
    query: z.object({
      symbol: symbolSchema.optional(),
      timeframe: timeframeSchema.optional(),
      pattern_type: patternTypeSchema.optional(),
      range_id: z.guid().optional(),
      ...window,
    }),
    where: (query) => [
      ['symbol = ?', query.symbol],
      ['timeframe = ?', query.timeframe],
      ['pattern_type = ?', query.pattern_type],
      ['trading_range_id = ?', query.range_id],
      ...inWindow('detection_time', query),
    ],
    orderBy: 'detection_time DESC, id',
  })

  defineList(app, context, {
    path: '/api/v1/positions',
    tag: 'book',
    summary: 'Positions, newest entry first',
    table: 'positions',
    row: positionRow,
    query: z.object({
      campaign_id: z.guid().optional(),
      signal_id: z.guid().optional(),
      status: positionStatusSchema.optional(),
    }),
    where: (query) => [
      ['campaign_id = ?', query.campaign_id],
      ['signal_id = ?', query.signal_id],
      ['status = ?', query.status],
    ],
    orderBy: 'entry_date DESC, id',
  })

  defineList(app, context, {
    path: '/api/v1/campaigns',
    tag: 'book',
    summary: 'Campaigns, newest first',
    table: 'campaigns',
    row: campaignRow,
    query: z.object({
      user_id: textSchema(64).optional(),
      status: campaignStatusSchema.optional(),
    }),
    where: (query) => [
      ['user_id = ?', query.user_id],
      ['status = ?', query.status],
    ],
    orderBy: 'created_at DESC, id',
  })

  defineList(app, context, {
    path: '/api/v1/notifications',
    tag: 'book',
    summary: 'Notifications of a user, newest first',
    table: 'notifications',
    row: notificationRow,
    query: z.object({
      user_id: ownUser,
      read: z.stringbool().optional(),
      type: noticeTypeSchema.optional(),
    }),
    where: (query, user) => [
      ['user_id = ?', query.user_id ?? user],
      ['read = ?', query.read],
      ['notification_type = ?', query.type],
    ],
    orderBy: 'created_at DESC, id',
  })

  defineList(app, context, {
    path: '/api/v1/audit',
    tag: 'book',
    summary: "A user's actions, newest first",
    table: 'audit_logs',
    row: auditRow,
    query: z.object({
      user_id: ownUser,
      action_type: textSchema(40).optional(),
    }),
    where: (query, user) => [
      ['user_id = ?', query.user_id ?? user],
      ['action_type = ?', query.action_type],
    ],
    orderBy: 'timestamp DESC, id',
  })

  defineList(app, context, {
    path: '/api/v1/backtests/results',
    tag: 'backtests',
    summary: 'Backtests, newest first',
    table: 'backtest_results',
    row: backtestRow,
    query: z.object({
      symbol: symbolSchema.optional(),
      status: runStatusSchema.optional(),
      limit: pageQuery.limit.default(20),
    }),
    where: (query) => [
      ['symbol = ?', query.symbol],
      ['status = ?', query.status],
    ],
    orderBy: 'created_at DESC, id',
  })

  const active = ['PENDING', 'APPROVED', 'FILLED']
  defineList(app, context, {
    path: '/api/v1/signals/active',
    tag: 'signals',
    summary: 'Signals that live, newest first',
    table: 'signals',
    row: signalRow,
    query: z.object({
      symbol: symbolSchema.optional(),
      pattern_type: patternTypeSchema.optional(),
      status: z.enum(['ACTIVE', 'PENDING', 'APPROVED', 'FILLED']).default('ACTIVE'),
      min_confidence: z.coerce.number().int().min(0).max(100).optional(),
      min_r: z.coerce.number().min(0).max(1_000).optional(),
    }),
    where: (query) => [
      ['status = ANY(?)', query.status === 'ACTIVE' ? active : [query.status]],
      ['symbol = ?', query.symbol],
      ['signal_type = ?', query.pattern_type],
      ['confidence_score >= ?', query.min_confidence],
      ['r_multiple >= ?', query.min_r],
    ],
    orderBy: 'generated_at DESC, id',
  })
}
