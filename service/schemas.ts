import { patternTypes, timeframes } from '@tapescope/engine'
import { z } from 'zod'

/** The vocabulary that several routes share. */
export const symbolSchema = z
  .string()
  .regex(/^[\x21-\x7e]{1,20}$/, 'must be 1 to 20 printable characters without spaces')
export const timeframeSchema = z.enum(timeframes)
export const patternTypeSchema = z.enum(patternTypes)
export const idSchema = z.guid()

/** ISO 8601 or epoch milliseconds; a day alone is its midnight UTC. Becomes epoch milliseconds. */
export const timeSchema = z
  .union([
    z.iso.datetime({ offset: true }),
    z.iso.date(),
    z.string().regex(/^-?\d{9,14}$/, 'must be an ISO 8601 time or epoch milliseconds'),
    z.int(),
  ])
  .transform((value) =>
    typeof value === 'number' ? value : /^-?\d+$/.test(value) ? Number(value) : Date.parse(value),
  )

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
