import type { TraceColumns } from './trace-model.ts'

/** A span as a test writes it. Times are milliseconds. */
export interface MadeSpan {
  readonly name: string
  /** Position in the list; -1 for a root, -2 for a parent that is not in the store. */
  readonly parent?: number
  readonly start?: number
  readonly ms?: number
  readonly error?: boolean
}

/** Columns as the sidecar sends them, for tests. */
export function madeTrace(spans: readonly MadeSpan[]): TraceColumns {
  const names = [...new Set(spans.map(({ name }) => name))]
  const place = new Map(names.map((name, i) => [name, i]))
  return {
    traceId: 'a'.repeat(32),
    startTimeUnixNano: '1795000000000000000',
    names,
    services: ['made'],
    spanIds: spans.map((_, i) => (i + 1).toString(16).padStart(16, '0')).join(''),
    parent: spans.map(({ parent = -1 }) => parent),
    name: spans.map(({ name }) => place.get(name)!),
    service: spans.map(() => 0),
    startNs: spans.map(({ start = 0 }) => start * 1e6),
    durationNs: spans.map(({ ms = 1 }) => ms * 1e6),
    status: spans.map(({ error }) => (error ? 2 : 0)),
  }
}
