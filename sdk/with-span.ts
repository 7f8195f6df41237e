import { context, trace, type Attributes, type Link, type Span, type SpanKind } from '@opentelemetry/api'
import { packageVersion } from './package-version.ts'
import { recordError } from './record-error.ts'
import { settle } from './settle.ts'

export interface SpanSettings {
  /** Set when the span starts. */
  readonly attributes?: Attributes
  readonly kind?: SpanKind
  readonly links?: Link[]
  /** Start a trace of its own. */
  readonly root?: boolean
}

/**
 * Calls `work` in a span, which ends when `work` returns, throws, or its promise settles. What `work` returns or throws
 * is what the caller gets, and a synchronous `work` stays synchronous. An error is recorded with `error.type`.
 */
export function withSpan<T>(name: string, work: (span: Span) => T, settings: SpanSettings = {}): T {
  const parent = context.active()
  const span = tracer().startSpan(name, settings, parent)
  return settle(() => context.with(trace.setSpan(parent, span), work, undefined, span), {
    completed: () => span.end(),
    failed(error) {
      recordError(span, error)
      span.end()
    },
  })
}

export const tracer = () => trace.getTracer('@tapescope/sdk', packageVersion)
