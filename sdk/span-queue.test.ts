import { ExportResultCode, type ExportResult } from '@opentelemetry/core'
import { TracerProvider, type ReadableSpan, type SpanExporter } from '@opentelemetry/sdk-trace'
import { expect, it } from 'vitest'
import { bindCounter } from './instruments.ts'
import { MetricStore } from './metric-store.ts'
import { SpanQueue } from './span-queue.ts'

/** Takes every third batch no. */
class Backend implements SpanExporter {
  taken = 0
  calls = 0
  export(spans: ReadableSpan[], done: (result: ExportResult) => void): void {
    const refused = this.calls++ % 3 === 2
    if (!refused) this.taken += spans.length
    setImmediate(() => done({ code: refused ? ExportResultCode.FAILED : ExportResultCode.SUCCESS }))
  }
  async shutdown(): Promise<void> {}
}

const total = (store: MetricStore, name: string): number => {
  let sum = 0
  for (const { slots } of store.families.get(name)?.series.values() ?? []) sum += slots[0]
  return sum
}

it('delivers or counts every span of a burst of 200,000', async () => {
  const store = new MetricStore()
  const backend = new Backend()
  const queue = new SpanQueue({ exporter: backend, store })
  const tracer = new TracerProvider({ spanProcessors: [queue] }).getTracer('burst')
  for (let i = 0; i < 200_000; i++) tracer.startSpan('one').end()
  await queue.shutdown()
  tracer.startSpan('late').end()
  expect(total(store, 'tapescope_spans_created_total')).toBe(200_001)
  expect(total(store, 'tapescope_spans_delivered_total')).toBe(backend.taken)
  expect(backend.taken + total(store, 'tapescope_spans_dropped_total')).toBe(200_001)
  expect(bindCounter('tapescope_spans_dropped_total', { reason: 'after_shutdown' }, store)).toBeDefined()
})
