import {
  context,
  ProxyTracerProvider,
  trace,
  type Attributes,
  type Link,
  type Span,
  type SpanKind,
  type Tracer,
  type TracerProvider,
} from '@opentelemetry/api'
import { packageVersion } from './package-version.ts'
import { recordError } from './record-error.ts'
import { whenSettled } from './settle.ts'

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
  let result: T
  try {
    result = context.with(trace.setSpan(parent, span), work, undefined, span)
  } catch (error) {
    endFailed(span, error)
    throw error
  }
  // Nearly all results are plain values; only an object or a function can be something that settles later.
  if (result === null || (typeof result !== 'object' && typeof result !== 'function')) span.end()
  else
    whenSettled(
      result,
      () => span.end(),
      (error) => endFailed(span, error),
    )
  return result
}

function endFailed(span: Span, error: unknown): void {
  recordError(span, error)
  span.end()
}

let lastProvider: TracerProvider | undefined
let lastTracer: Tracer | undefined

/** The SDK's tracer of whoever is registered now. To ask for it by its name costs a tenth of a span, so it is kept. */
export function tracer(): Tracer {
  const given = trace.getTracerProvider()
  const provider = given instanceof ProxyTracerProvider ? given.getDelegate() : given
  if (provider !== lastProvider || lastTracer === undefined) {
    lastProvider = provider
    lastTracer = provider.getTracer('@tapescope/sdk', packageVersion)
  }
  return lastTracer
}
