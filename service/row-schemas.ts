import { z } from 'zod'
import {
  campaignStatusSchema,
  idSchema,
  isoDaySchema,
  isoTimeSchema,
  noticeTypeSchema,
  patternTypeSchema,
  phaseSchema,
  positionStatusSchema,
  rangeStatusSchema,
  rejectionStageSchema,
  runStatusSchema,
  sideSchema,
  signalStatusSchema,
  timeframeSchema,
  traceIdSchema,
} from './schemas.ts'

// What is stored, as the API shows it: each key is a column.

const json = z.record(z.string(), z.unknown())
const score = z.int().min(0).max(100)

/** A bar, with what the volume analysis says of it. */
export const barRow = z.object({
  timestamp: isoTimeSchema,
  open: z.number(),
  high: z.number(),
  low: z.number(),
  close: z.number(),
  volume: z.number(),
  spread: z.number(),
  spread_ratio: z.number().nullable(),
  volume_ratio: z.number().nullable(),
})

/** A trading range: Creek is resistance, Ice is support. */
export const rangeRow = z.object({
  id: idSchema,
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
  phase: phaseSchema.nullable(),
  bias: z.enum(['ACCUMULATION', 'DISTRIBUTION', 'UNDETERMINED']),
  status: rangeStatusSchema,
  quality_score: score,
  strength_score: score,
  touch_count_creek: z.int(),
  touch_count_ice: z.int(),
  version: z.int(),
})

/** A pattern, accepted or not. */
export const patternRow = z.object({
  id: idSchema,
  symbol: z.string(),
  timeframe: timeframeSchema,
  pattern_type: patternTypeSchema,
  side: sideSchema,
  detection_time: isoTimeSchema,
  pattern_bar_timestamp: isoTimeSchema,
  confidence_score: score,
  phase: phaseSchema,
  trading_range_id: idSchema,
  entry_price: z.number().nullable(),
  stop_loss: z.number().nullable(),
  invalidation_level: z.number().nullable(),
  volume_ratio: z.number(),
  spread_ratio: z.number(),
  test_confirmed: z.boolean(),
  test_bar_timestamp: isoTimeSchema.nullable(),
  rejection_stage: rejectionStageSchema.nullable(),
  rejection_reason: z.string().nullable(),
  metadata: json,
  trace_id: traceIdSchema,
})

/** A position of a signal that was filled. */
export const positionRow = z.object({
  id: idSchema,
  pattern_type: patternTypeSchema,
  side: sideSchema,
  campaign_id: idSchema,
  signal_id: idSchema,
  entry_date: isoTimeSchema,
  entry_price: z.number(),
  shares: z.int(),
  stop_loss: z.number(),
  target_price: z.number(),
  current_price: z.number().nullable(),
  current_pnl: z.number().nullable(),
  status: positionStatusSchema,
  allocation_frac: z.number(),
  risk_amount: z.number(),
})

/** What belongs to one range and side. */
export const campaignRow = z.object({
  id: idSchema,
  campaign_id: z.string(),
  user_id: z.string(),
  symbol: z.string(),
  timeframe: timeframeSchema,
  side: sideSchema,
  trading_range_id: idSchema,
  status: campaignStatusSchema,
  phase: phaseSchema.nullable(),
  total_allocation_frac: z.number(),
  current_risk_frac: z.number(),
  weighted_avg_entry: z.number().nullable(),
  total_shares: z.number(),
  total_pnl: z.number(),
  entries: z.array(json),
  jump_achieved: z.boolean(),
  version: z.int(),
  started_at: isoTimeSchema,
  completed_at: isoTimeSchema.nullable(),
  created_at: isoTimeSchema,
})

/** A notice to a user. */
export const notificationRow = z.object({
  id: idSchema,
  user_id: z.string(),
  notification_type: noticeTypeSchema,
  priority: z.enum(['info', 'warning', 'critical']),
  title: z.string(),
  message: z.string(),
  metadata: json,
  read: z.boolean(),
  created_at: isoTimeSchema,
})

/** What a user did. */
export const auditRow = z.object({
  id: idSchema,
  user_id: z.string(),
  action_type: z.string(),
  timestamp: isoTimeSchema,
  entity_type: z.string(),
  entity_id: idSchema.nullable(),
  details: json,
  trace_id: traceIdSchema,
})

/** A run, without its trades and curve. */
export const backtestRow = z.object({
  backtest_run_id: idSchema,
  symbol: z.string(),
  timeframe: timeframeSchema,
  start_date: isoDaySchema,
  end_date: isoDaySchema,
  status: runStatusSchema,
  metrics: json.nullable(),
  bars_processed: z.int().nullable(),
  execution_time_seconds: z.number().nullable(),
  created_at: isoTimeSchema,
  trace_id: traceIdSchema,
})

/** A signal. */
export const signalRow = z.object({
  id: idSchema,
  symbol: z.string(),
  timeframe: timeframeSchema,
  pattern_id: idSchema,
  signal_type: patternTypeSchema,
  side: sideSchema,
  phase: phaseSchema,
  generated_at: isoTimeSchema,
  entry_price: z.number(),
  stop_loss: z.number(),
  target_1: z.number(),
  target_2: z.number().nullable(),
  position_size: z.int(),
  risk_amount: z.number(),
  notional_value: z.number(),
  r_multiple: z.number(),
  confidence_score: score,
  status: signalStatusSchema,
  requires_review: z.boolean(),
  campaign_id: idSchema.nullable(),
  trace_id: traceIdSchema,
})

/** A signal with everything that decided it. */
export const signalDetail = signalRow.extend({
  expires_at: isoTimeSchema.nullable(),
  confidence_components: json,
  validation_chain: json,
  volume_analysis: json,
  campaign_allocation: z.number(),
  notification_sent: z.boolean(),
  exit_date: isoTimeSchema.nullable(),
  exit_price: z.number().nullable(),
  span_id: z.string().nullable(),
  schema_version: z.int(),
  created_at: isoTimeSchema,
  updated_at: isoTimeSchema,
})
