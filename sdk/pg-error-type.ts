import type { ReadableSpan, SpanProcessor } from '@opentelemetry/sdk-trace'

/**
 * Gives a failed span of `pg` its `error.type`: the SQLSTATE, which the library writes into the status message and
 * into its metrics only.
 */
export class PgErrorType implements SpanProcessor {
  onStart(): void {}

  onEnd(span: ReadableSpan): void {
    if (span.instrumentationScope.name !== '@opentelemetry/instrumentation-pg') return
    const [, code] = /\(code: (\w+)\)$/.exec(span.status.message ?? '') ?? []
    if (code !== undefined) span.attributes['error.type'] ??= code === 'UNKNOWN' ? '_OTHER' : code
  }

  async forceFlush(): Promise<void> {}

  async shutdown(): Promise<void> {}
}
