import type { RouteFigures } from './call-record.ts'
import type { LoadResult } from './load-result.ts'
import { calls, type CallName } from './traffic-model.ts'

/** One row per route and one for all; latencies in ms from the intended start. */
export function routesCsv({ figures, seconds }: LoadResult): string {
  const row = (method: string, route: string, of: RouteFigures) =>
    [
      method,
      route,
      of.answered,
      of.failed,
      (of.answered / Math.max(1e-3, seconds)).toFixed(2),
      ...[of.p50, of.p95, of.p99, of.max, of.serviceP95].map(cell),
    ].join(',')
  return [
    'method,route,answered,failed,per_second,p50_ms,p95_ms,p99_ms,max_ms,service_p95_ms',
    ...(Object.entries(figures.routes) as [CallName, RouteFigures][]).map(([name, of]) =>
      row(calls[name].method, calls[name].route, of),
    ),
    row('', 'all', figures),
    '',
  ].join('\n')
}

/** One row per window of time. */
export function timelineCsv({ windows }: LoadResult): string {
  return [
    'end_seconds,length_seconds,users,in_flight,answered,failed,p50_ms,p95_ms,p99_ms,max_ms',
    ...windows.map((window) =>
      [
        window.seconds,
        window.length,
        window.users,
        window.inFlight,
        window.answered,
        window.failed,
        ...[window.p50, window.p95, window.p99, window.max].map(cell),
      ].join(','),
    ),
    '',
  ].join('\n')
}

function cell(ms: number): string {
  return Number.isFinite(ms) ? String(ms) : ''
}
