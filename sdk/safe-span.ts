import {
  INVALID_SPAN_CONTEXT,
  ProxyTracerProvider,
  trace,
  type Attributes,
  type Context,
  type Link,
  type Span,
  type SpanKind,
  type Tracer,
  type TracerProvider,
} from '@opentelemetry/api'
import { processStore } from './metric-store.ts'
import { packageVersion } from './package-version.ts'
import { recordError } from './record-error.ts'
import { smallAttributes } from './small-attributes.ts'

/** How a span starts. */
export interface SpanSettings {
  /** Set when the span starts. */
  readonly attributes?: Attributes
  readonly kind?: SpanKind
  readonly links?: Link[]
  /** Start a trace of its own. */
  readonly root?: boolean
}

/** Starts a span. What cannot be started is counted as misuse, and a span that records nothing takes its place. */
export function openSpan(name: string, settings: SpanSettings, parent: Context): Span {
  try {
    const { attributes } = settings
    const given =
      attributes === undefined
        ? settings
        : { ...settings, attributes: smallAttributes(attributes, processStore) }
    return tracer().startSpan(typeof name === 'string' ? name : unnamed(), given, parent)
  } catch {
    processStore.misuse('span_refused')
    return trace.wrapSpanContext(INVALID_SPAN_CONTEXT)
  }
}

/** Ends a span; a processor that throws is counted and harms nobody. */
export function closeSpan(span: Span): void {
  try {
    span.end()
  } catch {
    processStore.misuse('span_end_threw')
  }
}

export function closeFailedSpan(span: Span, error: unknown): void {
  try {
    recordError(span, error)
  } catch {
    processStore.misuse('span_end_threw')
  }
  closeSpan(span)
}

function unnamed(): string {
  processStore.misuse('span_name_invalid')
  return 'unnamed'
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
