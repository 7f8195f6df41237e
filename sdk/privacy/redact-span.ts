import type { ReadableSpan, SpanProcessor } from '@opentelemetry/sdk-trace'
import { RecordedSpan } from '../spans/recorded-span.ts'
import type { Redactor } from './redactor.ts'

/** Redacts every span when it ends, before any processor behind it sees it. */
export class SpanRedaction implements SpanProcessor {
  private readonly redactor: Redactor

  constructor(redactor: Redactor) {
    this.redactor = redactor
  }

  onStart(): void {}

  onEnd(span: ReadableSpan): void {
    redactSpan(this.redactor, span)
  }

  async forceFlush(): Promise<void> {}

  async shutdown(): Promise<void> {}
}

/** Redacts a span that has ended, in place. Doing it twice changes nothing more. */
export function redactSpan(redactor: Redactor, span: ReadableSpan): void {
  const changed = span as { name: string; status: { message?: string } }
  changed.name = redactor.text(span.name)
  const fixed = span instanceof RecordedSpan ? span.fixed : undefined
  if (fixed === undefined) redactor.attributes(span.attributes)
  else {
    if (fixed.redactor !== redactor) {
      redactor.attributes(fixed.values)
      fixed.redactor = redactor
      fixed.bytes = undefined
    }
    redactor.attributes((span as RecordedSpan).own)
  }
  for (const event of span.events) if (event.attributes !== undefined) redactor.attributes(event.attributes)
  for (const link of span.links) if (link.attributes !== undefined) redactor.attributes(link.attributes)
  const { message } = span.status
  if (message !== undefined) changed.status.message = redactor.message(message)
}
