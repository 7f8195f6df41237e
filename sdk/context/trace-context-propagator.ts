import {
  isSpanContextValid,
  trace,
  type Context,
  type SpanContext,
  type TextMapGetter,
  type TextMapPropagator,
  type TextMapSetter,
} from '@opentelemetry/api'
import { isTracingSuppressed } from '@opentelemetry/core'
import { randomFlag, sampledFlag } from './trace-flags.ts'
import { W3cTraceState } from './trace-state.ts'

const parentForm = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/

/**
 * W3C Trace Context level 2. Beyond OpenTelemetry's own propagator: only the flags that are known (sampled, random)
 * are passed on, never more than two hex digits; two `traceparent` headers are none; a `tracestate` follows the
 * grammar and the limits, and is dropped as a whole when it is malformed.
 */
export class TraceContextPropagator implements TextMapPropagator {
  inject(context: Context, carrier: unknown, setter: TextMapSetter): void {
    const span = trace.getSpanContext(context)
    if (span === undefined || isTracingSuppressed(context) || !isSpanContextValid(span)) return
    const flags = span.traceFlags & (sampledFlag | randomFlag)
    setter.set(carrier, 'traceparent', `00-${span.traceId}-${span.spanId}-0${flags}`)
    const state = span.traceState?.serialize()
    if (state !== undefined && state !== '') setter.set(carrier, 'tracestate', state)
  }

  extract(context: Context, carrier: unknown, getter: TextMapGetter): Context {
    const parent = one(getter.get(carrier, 'traceparent'))
    const span = parent === undefined ? undefined : parseTraceParent(parent)
    if (span === undefined) return context
    const header = getter.get(carrier, 'tracestate')
    const state = W3cTraceState.parse(Array.isArray(header) ? header.join(',') : (header ?? ''))
    return trace.setSpanContext(context, { ...span, isRemote: true, ...(state && { traceState: state }) })
  }

  fields(): string[] {
    return ['traceparent', 'tracestate']
  }
}

/** Undefined when the header is malformed. A later version is read as far as this one knows it. */
function parseTraceParent(header: string): SpanContext | undefined {
  const match = parentForm.exec(header.replace(/^[ \t]+|[ \t]+$/g, ''))
  if (match === null) return undefined
  const [, version, traceId = '', spanId = '', flags = '', rest] = match
  if (version === 'ff' || (version === '00' && rest !== undefined)) return undefined
  const context = { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & (sampledFlag | randomFlag) }
  return isSpanContextValid(context) ? context : undefined
}

function one(header: string | string[] | undefined): string | undefined {
  if (!Array.isArray(header)) return header
  return header.length === 1 ? header[0] : undefined
}
