import { trace, type Span } from '@opentelemetry/api'

/**
 * Marks the trace of the active span (or of `span`) to be kept by the tail sampler: call it where a row is stored
 * that names the trace.
 */
export function keepTrace(span: Span | undefined = trace.getActiveSpan()): void {
  if (span !== undefined) markKept(span)
}

export function markKept(span: Span): void {
  span.setAttribute('tapescope.keep', true)
}
