import type { Context } from '@opentelemetry/api'
import type { ReadableSpan, Span, SpanProcessor } from '@opentelemetry/sdk-trace'
import { clockFor, setClock } from './span-clock.ts'

/** The part of the library's span that tells whether its start was given, and when it began. */
interface SpanInside {
  startTime: [number, number]
  readonly _startTimeProvided?: boolean
  readonly _performanceStartTime?: number
}

/**
 * Puts every span of a trace on one clock. The library starts a span at the wall clock's millisecond and ends it at
 * that plus its exact duration, up to a millisecond early, so that children stick out. Spans whose start was given are
 * left alone, as are all if the library's inside ever looks different.
 */
export class PreciseClock implements SpanProcessor {
  onStart(span: Span, parentContext: Context): void {
    const inside = span as unknown as SpanInside
    if (inside._startTimeProvided !== false || inside._performanceStartTime === undefined) return
    const clock = clockFor(parentContext)
    inside.startTime = clock.at(inside._performanceStartTime)
    setClock(span, clock)
  }

  onEnd(_span: ReadableSpan): void {}

  async forceFlush(): Promise<void> {}

  async shutdown(): Promise<void> {}
}
