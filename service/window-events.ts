import { eventTypes, type SignalResult, type WyckoffEvent } from '@tapescope/engine'
import { z } from 'zod'
import { isoTime, isoTimeSchema } from './schemas.ts'

export const wyckoffEvent = z
  .object({
    type: z.enum(eventTypes),
    bar_timestamp: isoTimeSchema,
    confirmed_time: isoTimeSchema.meta({ description: 'Of the bar with which it became known' }),
    price: z.number(),
    confidence: z.int(),
    range_start_time: isoTimeSchema.nullable(),
  })
  .meta({ id: 'WyckoffEvent' })

export interface EventWindow {
  /** Epoch ms of the events' bars, both included. */
  from: number
  to: number
  /** The newest so many. */
  limit: number
}

export interface WindowEvents {
  events: z.input<typeof wyckoffEvent>[]
  /** In the window. */
  total_count: number
}

/** Wyckoff events of a window, oldest first. */
export function windowEvents(result: SignalResult, { from, to, limit }: EventWindow): WindowEvents {
  const found = result.events
    .filter(({ time }) => time >= from && time <= to)
    .sort((a, b) => a.time - b.time || a.confirmedTime - b.confirmedTime)
  return { events: found.slice(-limit).map(eventRow), total_count: found.length }
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
