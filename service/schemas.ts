import { patternTypes, timeframes } from '@tapescope/engine'
import { z } from 'zod'

/** The vocabulary that several routes share. Examples are what the contract test and the documentation call with. */
export const symbolSchema = z
  .string()
  .regex(/^[\x21-\x7e]{1,20}$/, 'must be 1 to 20 printable characters without spaces')
  .meta({ examples: ['SPX'] })
export const timeframeSchema = z.enum(timeframes).meta({ examples: ['1d'] })
export const patternTypeSchema = z.enum(patternTypes)
export const sideSchema = z.enum(['LONG', 'SHORT'])
export const phaseSchema = z.enum(['A', 'B', 'C', 'D', 'E'])
export const rangeStatusSchema = z.enum(['FORMING', 'ACTIVE', 'BREAKOUT', 'COMPLETED', 'ARCHIVED'])
export const signalStatusSchema = z.enum([
  'PENDING',
  'APPROVED',
  'REJECTED',
  'FILLED',
  'STOPPED',
  'TARGET_HIT',
  'CLOSED',
  'EXPIRED',
])
export const rejectionStageSchema = z.enum(['PRECHECK', 'VOLUME', 'PHASE', 'LEVELS', 'RISK', 'STRATEGY'])
export const positionStatusSchema = z.enum(['OPEN', 'PARTIAL', 'CLOSED'])
export const campaignStatusSchema = z.enum(['ACTIVE', 'COMPLETED', 'FAILED', 'CANCELLED'])
export const runStatusSchema = z.enum(['PENDING', 'RUNNING', 'COMPLETED', 'FAILED', 'CANCELLED'])
export const noticeTypeSchema = z.enum(['signal_generated', 'risk_warning', 'emergency_exit', 'system_error'])
export const idSchema = z.guid()
/** A time in an answer. */
export const isoTimeSchema = z.iso.datetime()
/** A day in an answer. */
export const isoDaySchema = z.iso.date()
export const traceIdSchema = z
  .string()
  .regex(/^[0-9a-f]{32}$/)
  .nullable()

/** A text that PostgreSQL can hold: it has no NUL. */
export function textSchema(maxLength: number) {
  return z
    .string()
    .max(maxLength)
    .regex(/^[^\0]*$/, 'must not hold a NUL character')
}

/** Years of four digits, which ISO 8601, DATE and TIMESTAMPTZ write alike. */
const firstTime = Date.parse('0001-01-01T00:00:00.000Z')
const lastTime = Date.parse('9999-12-31T23:59:59.999Z')

/** ISO 8601 or epoch milliseconds; a day alone is its midnight UTC. Becomes epoch milliseconds. */
export function timeLike(example: string) {
  return z
    .union(
      [z.iso.datetime({ offset: true }), z.iso.date(), z.string().regex(/^-?\d{9,15}$/), z.int()],
      'must be an ISO 8601 time or epoch milliseconds',
    )
    .meta({ examples: [example], description: 'ISO 8601, or epoch milliseconds' })
    .transform((value) =>
      typeof value === 'number' ? value : /^-?\d+$/.test(value) ? Number(value) : Date.parse(value),
    )
    .refine((time) => time >= firstTime && time <= lastTime, 'must lie in the years 1 to 9999')
}

/** For a `refine` of what has a window: backwards it holds nothing, which is hardly what was meant. */
export function isForwards(query: object): boolean {
  const { from, to } = query as { from?: unknown; to?: unknown }
  return typeof from !== 'number' || typeof to !== 'number' || from <= to
}
export const forwards = { path: ['to'], message: 'must not lie before from' }

/** What a page of a list carries. */
export const pageQuery = {
  page: z.coerce.number().int().min(1).max(1_000_000).default(1),
  limit: z.coerce.number().int().min(1).max(200).default(50),
}

export const paginationSchema = z.object({
  page: z.int(),
  limit: z.int(),
  returned_count: z.int(),
  total_count: z.int(),
  has_more: z.boolean(),
})

export function isoTime(timeMs: number): string {
  return new Date(timeMs).toISOString()
}
