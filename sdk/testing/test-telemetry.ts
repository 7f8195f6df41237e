import { context, logs, metrics, propagation, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import {
  InMemoryLogRecordExporter,
  LoggerProvider,
  SimpleLogRecordProcessor,
  type ReadableLogRecord,
} from '@opentelemetry/sdk-logs'
import { MeterProvider } from '@opentelemetry/sdk-metrics'
import { InMemorySpanExporter, SimpleSpanProcessor, type ReadableSpan } from '@opentelemetry/sdk-trace'
import { createPropagator } from '../context/create-propagator.ts'
import { SpanProvider } from '../spans/span-provider.ts'
import { createMetricProducer } from '../metric-producer.ts'
import { processStore } from '../metric-store.ts'
import { SpanRedaction } from '../privacy/redact-span.ts'
import { createRedactor, LogRedaction } from '../privacy/redactor.ts'
import { PullReader } from '../pull-reader.ts'
import { readMetric, type MetricReading } from './read-metric.ts'
import { expectSpanTree } from './span-tree.ts'

/** Telemetry that stays in memory, for the tests of a program that uses the SDK. */
export interface TestTelemetry {
  /** Ended spans, in the order of their end, redacted as they would be sent. */
  readonly spans: readonly ReadableSpan[]
  readonly logRecords: readonly ReadableLogRecord[]
  /** The ended span of this name. @throws Error unless there is exactly one */
  span(name: string): ReadableSpan
  /** Compares the tree that the ended spans form with an indented outline of names. @throws Error that shows both */
  expectTree(outline: string): void
  /** What a metric shows for these labels: the SDK's own, and one made with the OpenTelemetry API. */
  metric(name: string, labels?: Readonly<Record<string, string>>): Promise<MetricReading | undefined>
  /** Forgets spans and log records. Metrics are totals and go on: compare two readings. */
  reset(): void
  /** Takes the providers away again. */
  stop(): Promise<void>
}

/**
 * Registers OpenTelemetry for the process with exporters in memory; no network, no timers, no signal handlers. One at a
 * time: stop it before the next.
 *
 * @throws Error when something is registered already
 */
export function createTestTelemetry(): TestTelemetry {
  const spans = new InMemorySpanExporter()
  const records = new InMemoryLogRecordExporter()
  const redactor = createRedactor({ errorMessages: 'masked', redactKeys: [], captureStatements: false })
  const tracerProvider = new SpanProvider({
    spanProcessors: [new SpanRedaction(redactor), new SimpleSpanProcessor({ exporter: spans })],
  })
  const loggerProvider = new LoggerProvider({
    processors: [new LogRedaction(redactor), new SimpleLogRecordProcessor({ exporter: records })],
  })
  const reader = new PullReader(createMetricProducer(processStore))
  const meterProvider = new MeterProvider({ readers: [reader] })
  if (!trace.setGlobalTracerProvider(tracerProvider))
    throw new Error('OpenTelemetry is registered already: stop what was started before')
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  propagation.setGlobalPropagator(createPropagator({ propagators: ['tracecontext', 'baggage'] }))
  metrics.setGlobalMeterProvider(meterProvider)
  logs.setGlobalLoggerProvider(loggerProvider)

  return {
    get spans() {
      return spans.getFinishedSpans()
    },
    get logRecords() {
      return records.getFinishedLogRecords()
    },
    span(name) {
      const found = spans.getFinishedSpans().filter((span) => span.name === name)
      if (found.length === 1) return found[0]
      const all = [...new Set(spans.getFinishedSpans().map((span) => span.name))].join(', ')
      throw new Error(`${found.length} spans are named ${name}; ended spans: ${all === '' ? 'none' : all}`)
    },
    expectTree: (outline) => expectSpanTree(spans.getFinishedSpans(), outline),
    metric: async (name, labels = {}) => readMetric((await reader.collect()).resourceMetrics, name, labels),
    reset() {
      spans.reset()
      records.reset()
    },
    async stop() {
      for (const api of [trace, metrics, logs, propagation, context]) api.disable()
      await Promise.all([tracerProvider.shutdown(), loggerProvider.shutdown(), meterProvider.shutdown()])
    },
  }
}
