import { SpanStatusCode } from '@opentelemetry/api'
import type { ReadableSpan, SpanProcessor } from '@opentelemetry/sdk-trace'

/**
 * Gives a failed span of `pg` its `error.type`: the SQLSTATE, which the library writes into its metrics and into the
 * message of an event only.
 */
export class PgErrorType implements SpanProcessor {
  onStart(): void {}

  onEnd(span: ReadableSpan): void {
    if (span.instrumentationScope.name !== '@opentelemetry/instrumentation-pg') return
    if (span.status.code !== SpanStatusCode.ERROR || span.attributes['error.type'] !== undefined) return
    const exception = span.events.find(({ name }) => name === 'exception')
    const [, code] = /\(code: (\w+)\)$/.exec(String(exception?.attributes?.['exception.message'])) ?? []
    span.attributes['error.type'] = code === undefined || code === 'UNKNOWN' ? '_OTHER' : code
  }

  async forceFlush(): Promise<void> {}

  async shutdown(): Promise<void> {}
}
