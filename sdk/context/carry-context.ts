import { context, propagation, ROOT_CONTEXT, SpanKind, trace, type Link, type Span } from '@opentelemetry/api'
import type { SpanSettings } from '../safe-span.ts'
import { withSpan } from '../with-span.ts'

/** Trace context and baggage as plain text: what a message, a job or a file can hold. */
export type ContextCarrier = Readonly<Record<string, string>>

/** The active context, to be sent along with a message to a worker thread or with a job. */
export function carryContext(): ContextCarrier {
  const carrier: Record<string, string> = {}
  propagation.inject(context.active(), carrier)
  return carrier
}

/**
 * Calls `work` in the context that came with a message, so that its spans belong to the sender's trace and its baggage
 * is the sender's. A carrier that is missing or malformed is an empty one.
 */
export function withCarriedContext<Result>(carrier: ContextCarrier | undefined, work: () => Result): Result {
  return context.with(extract(carrier), work)
}

/** A link to the span that was active where `carrier` was made. Undefined when it holds none. */
export function linkTo(carrier: ContextCarrier | undefined): Link | undefined {
  const span = trace.getSpanContext(extract(carrier))
  return span === undefined ? undefined : { context: span }
}

/**
 * Calls `work` in a span that begins a trace of its own and links to where each carrier was made: for a job that
 * outlives the request which ordered it, or one that was ordered by many. Baggage of a single carrier stays active.
 */
export function withLinkedSpan<Result>(
  name: string,
  carriers: ContextCarrier | undefined | readonly (ContextCarrier | undefined)[],
  work: (span: Span) => Result,
  settings: SpanSettings = {},
): Result {
  const all = Array.isArray(carriers)
    ? (carriers as readonly (ContextCarrier | undefined)[])
    : [carriers as ContextCarrier | undefined]
  const links = [...(settings.links ?? []), ...all.map(linkTo).filter((link) => link !== undefined)]
  const parent = all.length === 1 ? trace.deleteSpan(extract(all[0])) : ROOT_CONTEXT
  return context.with(parent, () =>
    withSpan(name, work, { kind: SpanKind.CONSUMER, ...settings, root: true, links }),
  )
}

function extract(carrier: ContextCarrier | undefined) {
  return typeof carrier === 'object' && carrier !== null
    ? propagation.extract(ROOT_CONTEXT, carrier)
    : ROOT_CONTEXT
}
