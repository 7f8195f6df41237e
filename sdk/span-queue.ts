import { TraceFlags } from '@opentelemetry/api'
import type { ReadableSpan, SpanProcessor } from '@opentelemetry/sdk-trace'
import { BatchQueue, type BatchEncoder } from './delivery/batch-queue.ts'
import type { Batch, Books, DeliveryQueue } from './delivery/delivery-queue.ts'

interface SpanQueueOptions {
  readonly encoder: BatchEncoder<ReadableSpan>
  readonly delivery: DeliveryQueue
  readonly books: Books
  /** Spans per request; default 512. */
  readonly batch?: number
  /** Spans that may wait, besides the bytes that the delivery allows; default 1,000,000. */
  readonly maxItems?: number
  /** How long a span may wait for company, in ms; default 1000. */
  readonly delayMs?: number
}

/**
 * Hands ended spans to the delivery and keeps the books: every sampled span that ends is counted as created, and each
 * ends up in `tapescope_spans_delivered_total` or `tapescope_spans_dropped_total` with the reason. The library's own
 * processor sends one batch at a time, drops a batch when the backend asks for 20 s, forgets to count, and rejects a
 * flush when a backend is down.
 */
export class SpanQueue implements SpanProcessor {
  private readonly queue: BatchQueue<ReadableSpan>
  private stopped: Promise<void> | undefined

  constructor({ batch = 512, maxItems = 1_000_000, delayMs = 1000, ...options }: SpanQueueOptions) {
    this.queue = new BatchQueue({ ...options, batch, maxItems, delayMs })
  }

  onStart(): void {}

  onEnd(span: ReadableSpan): void {
    if ((span.spanContext().traceFlags & TraceFlags.SAMPLED) !== 0) this.queue.add(span)
  }

  /** Sends all that waits now. Never rejects: what could not be delivered is counted. */
  forceFlush(): Promise<void> {
    return this.queue.flush()
  }

  shutdown(): Promise<void> {
    return (this.stopped ??= this.queue.stop())
  }

  /**
   * Gives up what still waits or has no answer yet, for the end of a deadline. An answer that comes later is ignored:
   * its spans are counted as dropped although they may have arrived.
   */
  abandon(): void {
    this.queue.abandon()
  }

  /** What waits, encoded, for the last moment of the process. */
  take(): Batch[] {
    return this.queue.take()
  }
}
