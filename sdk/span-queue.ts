import { context, TraceFlags } from '@opentelemetry/api'
import { ExportResultCode, suppressTracing } from '@opentelemetry/core'
import type { ReadableSpan, SpanExporter, SpanProcessor } from '@opentelemetry/sdk-trace'
import { bindCounter, type BoundCounter } from './instruments.ts'
import type { MetricStore } from './metric-store.ts'

export interface SpanQueueOptions {
  readonly exporter: SpanExporter
  readonly store: MetricStore
  /** Spans that may wait; more are dropped and counted. Default 32,768 (about 30 MB). */
  readonly capacity?: number
  /** Spans per request; default 512. */
  readonly batch?: number
  /** Requests at a time; default 4. */
  readonly parallel?: number
  /** How long a span may wait for company, in ms; default 1000. */
  readonly delayMs?: number
}

/**
 * Batches spans for an exporter and keeps the books: every sampled span that ends is counted as created, and each
 * ends up in `tapescope_spans_delivered_total` or `tapescope_spans_dropped_total` with the reason. The library's own
 * processor sends one batch at a time, forgets to count, and rejects a flush when a backend is down.
 */
export class SpanQueue implements SpanProcessor {
  private readonly exporter: SpanExporter
  private readonly store: MetricStore
  private readonly capacity: number
  private readonly batch: number
  private readonly parallel: number
  private readonly delayMs: number
  private readonly created: BoundCounter
  private readonly delivered: BoundCounter
  private waiting: ReadableSpan[] = []
  private sending = new Set<Promise<void>>()
  private unanswered = new Set<(reason?: string) => void>()
  private timer: NodeJS.Timeout | undefined
  private stopped: Promise<void> | undefined

  constructor(options: SpanQueueOptions) {
    const { exporter, store, capacity = 32_768, batch = 512, parallel = 4, delayMs = 1000 } = options
    this.exporter = exporter
    this.store = store
    this.capacity = capacity
    this.batch = batch
    this.parallel = parallel
    this.delayMs = delayMs
    this.created = bindCounter('tapescope_spans_created_total', {}, store)
    this.delivered = bindCounter('tapescope_spans_delivered_total', {}, store)
  }

  onStart(): void {}

  onEnd(span: ReadableSpan): void {
    if ((span.spanContext().traceFlags & TraceFlags.SAMPLED) === 0) return
    this.created.add()
    if (this.stopped !== undefined) this.drop(1, 'after_shutdown')
    else if (this.waiting.length >= this.capacity) this.drop(1, 'queue_full')
    else {
      this.waiting.push(span)
      if (this.waiting.length >= this.batch) this.send(this.batch)
      else this.timer ??= setTimeout(() => this.send(1), this.delayMs).unref()
    }
  }

  /** Sends all that waits now. Never rejects: what could not be delivered is counted. */
  async forceFlush(): Promise<void> {
    while (this.waiting.length > 0 || this.sending.size > 0) {
      this.send(1)
      await Promise.race(this.sending)
    }
  }

  shutdown(): Promise<void> {
    return (this.stopped ??= this.stop())
  }

  /**
   * Gives up what still waits or has no answer yet, for the end of a deadline. An answer that comes later is ignored:
   * its spans are counted as dropped although they may have arrived.
   */
  abandon(): void {
    this.drop(this.waiting.length, 'shutdown_deadline')
    this.waiting = []
    for (const answer of this.unanswered) answer('shutdown_deadline')
  }

  private async stop(): Promise<void> {
    await this.forceFlush()
    await this.exporter.shutdown()
  }

  /** Starts as many requests as are allowed, while at least `least` spans wait. */
  private send(least: number): void {
    clearTimeout(this.timer)
    this.timer = undefined
    while (this.sending.size < this.parallel && this.waiting.length >= least) {
      const spans = this.waiting.splice(0, this.batch)
      const sent = this.exportThenGoOn(spans, () => this.sending.delete(sent))
      this.sending.add(sent)
    }
  }

  private async exportThenGoOn(spans: ReadableSpan[], done: () => void): Promise<void> {
    await this.export(spans)
    done()
    if (this.waiting.length >= this.batch) this.send(this.batch)
    else if (this.waiting.length > 0) this.timer ??= setTimeout(() => this.send(1), this.delayMs).unref()
  }

  private export(spans: ReadableSpan[]): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const answer = (reason?: string): void => {
      if (!this.unanswered.delete(answer)) return
      if (reason === undefined) this.delivered.add(spans.length)
      else this.drop(spans.length, reason)
      resolve()
    }
    this.unanswered.add(answer)
    try {
      context.with(suppressTracing(context.active()), () =>
        this.exporter.export(spans, ({ code }) =>
          answer(code === ExportResultCode.SUCCESS ? undefined : 'export_failed'),
        ),
      )
    } catch {
      answer('export_failed')
    }
    return promise
  }

  private drop(count: number, reason: string): void {
    if (count > 0) bindCounter('tapescope_spans_dropped_total', { reason }, this.store).add(count)
  }
}
