import type { Pattern, Signal } from '@tapescope/engine'
import { entityId } from './entity-id.ts'
import type { SeriesKey } from './load-bars.ts'

/** W3C ids of the span that produced a row; null when it is not recorded. */
export interface RowTrace {
  traceId: string
  spanId: string
}

export function rangeId({ symbol, timeframe }: SeriesKey, range: { startTime: number; activeTime: number }) {
  return entityId('range', `${symbol}|${timeframe}|${range.startTime}|${range.activeTime}`, range.startTime)
}

export function patternId(pattern: Pattern): string {
  return entityId('pattern', pattern.key, pattern.confirmedTime)
}

export function signalId(signal: Signal): string {
  return entityId('signal', signal.key, signal.confirmedTime)
}

export function campaignUuid(campaignId: string): string {
  return entityId('campaign', campaignId, 0)
}
