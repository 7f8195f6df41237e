import type { SpanContext } from '@opentelemetry/api'

const traces = new WeakMap<object, SpanContext>()

/**
 * Trace and span id of the run that returned `result`: what a stored row keeps so that it leads to the trace that
 * explains it. Undefined when the run was not observed. Mark the trace with `keepTrace` when you store the row.
 */
export function traceOf(result: object): { traceId: string; spanId: string } | undefined {
  const found = traces.get(result)
  return found && { traceId: found.traceId, spanId: found.spanId }
}

const noTrace = '0'.repeat(32)

export function rememberTrace(result: unknown, context: SpanContext): void {
  if (typeof result === 'object' && result !== null && context.traceId !== noTrace)
    traces.set(result, context)
}
