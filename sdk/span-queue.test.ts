import { TracerProvider } from '@opentelemetry/sdk-trace'
import { expect, it } from 'vitest'
import { keepBooks } from './delivery/books.ts'
import { DeliveryQueue } from './delivery/delivery-queue.ts'
import type { Answer } from './delivery/otlp-sender.ts'
import { SpanEncoder } from './delivery/span-encoder.ts'
import { bindCounter } from './instruments.ts'
import { MetricStore } from './metric-store.ts'
import { SpanQueue } from './span-queue.ts'
import { readOtlpSpans } from './testing/read-otlp-spans.ts'
import { gunzipSync } from 'node:zlib'

const total = (store: MetricStore, name: string): number => {
  let sum = 0
  for (const { slots } of store.families.get(name)?.series.values() ?? []) sum += slots[0]
  return sum
}

it('delivers or counts every span of a burst of 200,000 with a backend that refuses every third batch', async () => {
  const store = new MetricStore()
  const books = keepBooks('spans', store)
  let calls = 0
  let taken = 0
  const send = async (body: Uint8Array, gzip: boolean): Promise<Answer> => {
    if (calls++ % 3 === 2) return { kind: 'refused', why: 'HTTP 400' }
    taken += readOtlpSpans(Buffer.from(gzip ? gunzipSync(body) : body)).length
    return { kind: 'delivered', body: new Uint8Array() }
  }
  const queue = new SpanQueue({
    encoder: new SpanEncoder(),
    delivery: new DeliveryQueue({ send, books }),
    books,
  })
  const tracer = new TracerProvider({ spanProcessors: [queue] }).getTracer('burst')
  for (let i = 0; i < 200_000; i++) tracer.startSpan('one').end()
  await queue.shutdown()
  tracer.startSpan('late').end()
  expect(total(store, 'tapescope_spans_created_total')).toBe(200_001)
  expect(total(store, 'tapescope_spans_delivered_total')).toBe(taken)
  // Nothing is lost to the burst itself: only what the backend refused, and the one that came late.
  expect(taken + total(store, 'tapescope_spans_dropped_total')).toBe(200_001)
  expect(taken).toBeGreaterThan(130_000)
  expect(bindCounter('tapescope_spans_dropped_total', { reason: 'after_shutdown' }, store)).toBeDefined()
})
