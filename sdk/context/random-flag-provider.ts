import {
  context,
  isSpanContextValid,
  trace,
  type Context,
  type Span,
  type SpanOptions,
  type Tracer,
} from '@opentelemetry/api'
import { TracerProvider } from '@opentelemetry/sdk-trace'
import { randomFlag } from './trace-flags.ts'

const done = new WeakSet<Tracer>()

/**
 * The library's tracer provider, whose tracers keep the random flag: its ids are random, so a new trace has the flag, and
 * a span of a trace that came from elsewhere has what its parent had. The library itself knows the sampled flag only.
 */
export class RandomFlagProvider extends TracerProvider {
  override getTracer(...identity: Parameters<TracerProvider['getTracer']>): Tracer {
    const tracer = super.getTracer(...identity)
    if (!done.has(tracer)) {
      const start = tracer.startSpan.bind(tracer)
      tracer.startSpan = (name, options, parent) => markRandom(start(name, options, parent), options, parent)
      done.add(tracer)
    }
    return tracer
  }
}

function markRandom(span: Span, options: SpanOptions = {}, parent: Context = context.active()): Span {
  const own = span.spanContext() as { traceFlags: number; traceId: string; spanId: string }
  if (!isSpanContextValid(own)) return span
  const above = options.root === true ? undefined : trace.getSpanContext(parent)
  const inherited = above !== undefined && isSpanContextValid(above)
  if (!inherited || (above.traceFlags & randomFlag) !== 0) own.traceFlags |= randomFlag
  return span
}
