import type { Hono } from 'hono'
import { z } from 'zod'
import { defineRoute } from '../define-route.ts'
import { pageSchema, readPage } from '../read-page.ts'
import {
  isoTime,
  pageQuery,
  patternTypeSchema,
  symbolSchema,
  timeframeSchema,
  timeSchema,
} from '../schemas.ts'
import type { ServiceContext } from '../service-context.ts'

const isoTimeSchema = z.string()
const series = { symbol: symbolSchema, timeframe: timeframeSchema }
const ownUser = z
  .string()
  .max(64)
  .optional()
  .meta({ description: 'Default: the user of the API key; local where none is given' })
const window = { from: timeSchema.optional(), to: timeSchema.optional() }

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
  const query = z.strictObject({ ...pageQuery, ...list.query.shape })
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
    row: z.object({
      timestamp: isoTimeSchema,
      open: z.number(),
      high: z.number(),
      low: z.number(),
      close: z.number(),
      volume: z.number(),
      spread: z.number(),
      spread_ratio: z.number().nullable(),
      volume_ratio: z.number().nullable(),
    }),
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
    row: z.object({
      id: z.string(),
      symbol: z.string(),
      timeframe: timeframeSchema,
      start_time: isoTimeSchema,
      end_time: isoTimeSchema.nullable(),
      duration_bars: z.int(),
      creek_level: z.number(),
      ice_level: z.number(),
      jump_target: z.number(),
      drop_target: z.number().nullable(),
      cause_factor: z.number(),
      range_width_frac: z.number(),
      phase: z.string().nullable(),
      bias: z.string(),
      status: z.string(),
      quality_score: z.int(),
      strength_score: z.int(),
      touch_count_creek: z.int(),
      touch_count_ice: z.int(),
      version: z.int(),
    }),
    query: z.object({
      symbol: symbolSchema.optional(),
      timeframe: timeframeSchema.optional(),
      status: z.enum(['FORMING', 'ACTIVE', 'BREAKOUT', 'COMPLETED', 'ARCHIVED']).optional(),
      phase: z.enum(['A', 'B', 'C', 'D', 'E']).optional(),
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
    row: z.object({
      id: z.string(),
      symbol: z.string(),
      timeframe: timeframeSchema,
      pattern_type: patternTypeSchema,
      side: z.string(),
      detection_time: isoTimeSchema,
      pattern_bar_timestamp: isoTimeSchema,
      confidence_score: z.int(),
      phase: z.string(),
      trading_range_id: z.string(),
      entry_price: z.number().nullable(),
      stop_loss: z.number().nullable(),
      invalidation_level: z.number().nullable(),
      volume_ratio: z.number(),
      spread_ratio: z.number(),
      test_confirmed: z.boolean(),
      test_bar_timestamp: isoTimeSchema.nullable(),
      rejection_stage: z.string().nullable(),
      rejection_reason: z.string().nullable(),
      metadata: z.record(z.string(), z.unknown()),
      trace_id: z.string().nullable(),
    }),
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
    row: z.object({
      id: z.string(),
      pattern_type: patternTypeSchema,
      side: z.string(),
      campaign_id: z.string(),
      signal_id: z.string(),
      entry_date: isoTimeSchema,
      entry_price: z.number(),
      shares: z.int(),
      stop_loss: z.number(),
      target_price: z.number(),
      current_price: z.number().nullable(),
      current_pnl: z.number().nullable(),
      status: z.string(),
      allocation_frac: z.number(),
      risk_amount: z.number(),
    }),
    query: z.object({
      campaign_id: z.guid().optional(),
      signal_id: z.guid().optional(),
      status: z.enum(['OPEN', 'PARTIAL', 'CLOSED']).optional(),
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
    row: z.object({
      id: z.string(),
      campaign_id: z.string(),
      user_id: z.string(),
      symbol: z.string(),
      timeframe: timeframeSchema,
      side: z.string(),
      trading_range_id: z.string(),
      status: z.string(),
      phase: z.string().nullable(),
      total_allocation_frac: z.number(),
      current_risk_frac: z.number(),
      weighted_avg_entry: z.number().nullable(),
      total_shares: z.number(),
      total_pnl: z.number(),
      entries: z.array(z.record(z.string(), z.unknown())),
      jump_achieved: z.boolean(),
      version: z.int(),
      started_at: isoTimeSchema,
      completed_at: isoTimeSchema.nullable(),
      created_at: isoTimeSchema,
    }),
    query: z.object({
      user_id: z.string().max(64).optional(),
      status: z.enum(['ACTIVE', 'COMPLETED', 'FAILED', 'CANCELLED']).optional(),
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
    row: z.object({
      id: z.string(),
      user_id: z.string(),
      notification_type: z.string(),
      priority: z.string(),
      title: z.string(),
      message: z.string(),
      metadata: z.record(z.string(), z.unknown()),
      read: z.boolean(),
      created_at: isoTimeSchema,
    }),
    query: z.object({
      user_id: ownUser,
      read: z.stringbool().optional(),
      type: z.enum(['signal_generated', 'risk_warning', 'emergency_exit', 'system_error']).optional(),
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
    row: z.object({
      id: z.string(),
      user_id: z.string(),
      action_type: z.string(),
      timestamp: isoTimeSchema,
      entity_type: z.string(),
      entity_id: z.string().nullable(),
      details: z.record(z.string(), z.unknown()),
      trace_id: z.string().nullable(),
    }),
    query: z.object({
      user_id: ownUser,
      action_type: z.string().max(40).optional(),
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
    row: z.object({
      backtest_run_id: z.string(),
      symbol: z.string(),
      timeframe: timeframeSchema,
      start_date: z.string(),
      end_date: z.string(),
      status: z.string(),
      metrics: z.record(z.string(), z.unknown()).nullable(),
      bars_processed: z.int().nullable(),
      execution_time_seconds: z.number().nullable(),
      created_at: isoTimeSchema,
      trace_id: z.string().nullable(),
    }),
    query: z.object({
      symbol: symbolSchema.optional(),
      status: z.enum(['PENDING', 'RUNNING', 'COMPLETED', 'FAILED', 'CANCELLED']).optional(),
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
    row: z.object({
      id: z.string(),
      symbol: z.string(),
      timeframe: timeframeSchema,
      pattern_id: z.string(),
      signal_type: patternTypeSchema,
      side: z.string(),
      phase: z.string(),
      generated_at: isoTimeSchema,
      entry_price: z.number(),
      stop_loss: z.number(),
      target_1: z.number(),
      target_2: z.number().nullable(),
      position_size: z.int(),
      risk_amount: z.number(),
      notional_value: z.number(),
      r_multiple: z.number(),
      confidence_score: z.int(),
      status: z.string(),
      requires_review: z.boolean(),
      campaign_id: z.string().nullable(),
      trace_id: z.string().nullable(),
    }),
    query: z.object({
      symbol: symbolSchema.optional(),
      pattern_type: patternTypeSchema.optional(),
      status: z.enum(['ACTIVE', 'PENDING', 'APPROVED', 'FILLED']).default('ACTIVE'),
      min_confidence: z.coerce.number().min(0).max(100).optional(),
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
