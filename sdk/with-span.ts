import { context, trace, type Span } from '@opentelemetry/api'
import { closeFailedSpan, closeSpan, openSpan, type SpanSettings } from './safe-span.ts'
import { whenOver } from './when-over.ts'

/**
 * Calls `work` in a span, which ends when `work` throws or what it returns is over: at once for a value, when a promise
 * settles, when an iterator is used up. What `work` returns or throws is what the caller gets, and a synchronous `work`
 * stays synchronous. An error is recorded with `error.type`.
 */
export function withSpan<T>(name: string, work: (span: Span) => T, settings: SpanSettings = {}): T {
  const parent = context.active()
  const span = openSpan(name, settings ?? {}, parent)
  const active = trace.setSpan(parent, span)
  let result: T
  try {
    result = context.with(active, work, undefined, span)
  } catch (error) {
    closeFailedSpan(span, error)
    throw error
  }
  whenOver(
    result,
    active,
    () => closeSpan(span),
    (error) => closeFailedSpan(span, error),
  )
  return result
}
