import {
  JsonLogsSerializer,
  JsonTraceSerializer,
  ProtobufLogsSerializer,
  ProtobufTraceSerializer,
} from '@opentelemetry/otlp-transformer'
import {
  ConsoleLogRecordExporter,
  SimpleLogRecordProcessor,
  type LogRecordProcessor,
  type ReadableLogRecord,
} from '@opentelemetry/sdk-logs'
import {
  ConsoleSpanExporter,
  SimpleSpanProcessor,
  type ReadableSpan,
  type SpanProcessor,
} from '@opentelemetry/sdk-trace'
import type { Settings } from './config/settings.ts'
import { listEncoder, type BatchEncoder } from './delivery/batch-queue.ts'
import { keepBooks } from './delivery/books.ts'
import { DeliveryQueue, type Books } from './delivery/delivery-queue.ts'
import type { LastDelivery } from './delivery/deliver-at-exit.ts'
import { createOtlpSender, type OtlpSender, type OtlpTarget } from './delivery/otlp-sender.ts'
import { otlpTarget } from './delivery/otlp-target.ts'
import { SpanEncoder } from './delivery/span-encoder.ts'
import { LogQueue } from './log-queue.ts'
import type { MetricStore } from './metric-store.ts'
import { redactSpan, SpanRedaction } from './privacy/redact-span.ts'
import type { Redactor } from './privacy/redactor.ts'
import { SpanQueue } from './span-queue.ts'

/** What stands at the end of a signal's pipeline. */
interface Outlet<Processor> {
  readonly processors: readonly Processor[]
  /** Whether something waits for a backend that is not there at all. */
  deserted(): boolean
  /** Items given up so far. */
  lost(): number
  /** Counts what is not delivered as dropped. */
  abandon(): void
  /** What waits, for the last moment of the process. While the backend is failing that is given up instead. */
  take(): LastDelivery[]
  close(): void
}

export function createSpanOutlet(
  settings: Settings,
  store: MetricStore,
  redactor: Redactor,
): Outlet<SpanProcessor> {
  const console = settings.tracesExporter.includes('console')
  const processors: SpanProcessor[] = console
    ? [new SpanRedaction(redactor), new SimpleSpanProcessor({ exporter: new ConsoleSpanExporter() })]
    : []
  if (!settings.tracesExporter.includes('otlp')) return { processors, ...nothing }
  const target = otlpTarget(settings, 'traces', settings.spanTimeoutMs)
  const serializer = target.encoding === 'json' ? JsonTraceSerializer : ProtobufTraceSerializer
  const books = keepBooks('spans', store)
  const { sender, delivery } = createDelivery(
    settings,
    'traces',
    target,
    books,
    (answer) => serializer.deserializeResponse(answer).partialSuccess?.rejectedSpans ?? 0,
  )
  const queue = new SpanQueue({
    encoder: redacted(
      redactor,
      target.encoding === 'json'
        ? listEncoder((spans: ReadableSpan[]) => JsonTraceSerializer.serializeRequest(spans))
        : new SpanEncoder(),
    ),
    delivery,
    books,
    batch: settings.spanBatch,
    maxItems: settings.spanQueue,
    delayMs: settings.spanDelayMs,
  })
  return {
    processors: [...processors, queue],
    lost: () => books.lost(),
    ...outletOf(queue, sender, delivery, target, books),
  }
}

/** Redacts on the way into the encoder, with many spans at a time, instead of at the end of each. */
function redacted(redactor: Redactor, encoder: BatchEncoder<ReadableSpan>): BatchEncoder<ReadableSpan> {
  return {
    add(span) {
      redactSpan(redactor, span)
      encoder.add(span)
    },
    take: () => encoder.take(),
  }
}

export function createLogOutlet(settings: Settings, store: MetricStore): Outlet<LogRecordProcessor> {
  const console = settings.logsExporter.includes('console')
  const processors: LogRecordProcessor[] = console
    ? [new SimpleLogRecordProcessor({ exporter: new ConsoleLogRecordExporter() })]
    : []
  if (!settings.logsExporter.includes('otlp')) return { processors, ...nothing }
  const target = otlpTarget(settings, 'logs', settings.logTimeoutMs)
  const serializer = target.encoding === 'json' ? JsonLogsSerializer : ProtobufLogsSerializer
  const books = keepBooks('log_records', store)
  const { sender, delivery } = createDelivery(
    settings,
    'logs',
    target,
    books,
    (answer) => serializer.deserializeResponse(answer).partialSuccess?.rejectedLogRecords ?? 0,
  )
  const queue = new LogQueue({
    encoder: listEncoder((records: ReadableLogRecord[]) => serializer.serializeRequest(records)),
    delivery,
    books,
    batch: settings.logBatch,
    maxItems: settings.logQueue,
    delayMs: settings.logDelayMs,
  })
  return {
    processors: [...processors, queue],
    lost: () => books.lost(),
    ...outletOf(queue, sender, delivery, target, books),
  }
}

const nothing = { deserted: () => false, lost: () => 0, abandon: () => {}, take: () => [], close: () => {} }

function createDelivery(
  settings: Settings,
  signal: 'traces' | 'logs',
  target: OtlpTarget,
  books: Books,
  readRejected: (answer: Uint8Array) => number,
) {
  const sender = createOtlpSender(target)
  const delivery = new DeliveryQueue({
    send: (body, gzip) => sender.send(body, gzip),
    books,
    rejected(answer) {
      try {
        return answer.length === 0 ? 0 : readRejected(answer)
      } catch {
        // An answer that is not OTLP (a proxy's page) says nothing about single items.
        return 0
      }
    },
    compression: settings[`${signal}Compression`],
    maxBytes: settings.queueBytes,
  })
  return { sender, delivery }
}

function outletOf(
  queue: SpanQueue | LogQueue,
  sender: OtlpSender,
  delivery: DeliveryQueue,
  target: OtlpTarget,
  books: Books,
): Omit<Outlet<never>, 'processors' | 'lost'> {
  return {
    deserted: () => delivery.deserted,
    abandon: () => queue.abandon(),
    take() {
      // One that has just refused is not asked again: the end of a process is no time to wait.
      if (delivery.failing) queue.abandon()
      return [
        {
          target,
          batches: queue.take(),
          settle({ items }, delivered) {
            if (delivered) books.delivered(items)
            else books.dropped(items, 'shutdown_deadline')
          },
        },
      ]
    },
    close: () => sender.close(),
  }
}
