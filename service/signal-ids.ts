import type { Pattern, Signal } from '@tapescope/engine'
import { entityId } from './entity-id.ts'
import type { SeriesKey } from './load-bars.ts'

/** W3C ids of the span that produced a row; null when it is not recorded. */
export interface RowTrace {
  traceId: string
  spanId: string
}

/** Ids that were made: each is asked for several times while a generation is stored, and a hash is not free. */
const made = new WeakMap<object, string>()

function once(record: object, make: () => string): string {
  let id = made.get(record)
  if (id === undefined) made.set(record, (id = make()))
  return id
}

export function rangeId({ symbol, timeframe }: SeriesKey, range: { startTime: number; activeTime: number }) {
  return once(range, () =>
    entityId('range', `${symbol}|${timeframe}|${range.startTime}|${range.activeTime}`, range.startTime),
  )
}

export function patternId(pattern: Pattern): string {
  return once(pattern, () => entityId('pattern', pattern.key, pattern.confirmedTime))
}

export function signalId(signal: Signal): string {
  return once(signal, () => entityId('signal', signal.key, signal.confirmedTime))
}

export function campaignUuid(campaignId: string): string {
  return entityId('campaign', campaignId, 0)
}
