import { ExportResultCode, type ExportResult } from '@opentelemetry/core'
import { JsonMetricsSerializer, ProtobufMetricsSerializer } from '@opentelemetry/otlp-transformer'
import {
  AggregationTemporality,
  AggregationType,
  ConsoleMetricExporter,
  InstrumentType,
  PeriodicExportingMetricReader,
  type MetricProducer,
  type MetricReader,
  type PushMetricExporter,
  type ResourceMetrics,
} from '@opentelemetry/sdk-metrics'
import { setTimeout as sleep } from 'node:timers/promises'
import { isMainThread } from 'node:worker_threads'
import type { Settings } from './config/settings.ts'
import { createOtlpSender } from './delivery/otlp-sender.ts'
import { otlpTarget } from './delivery/otlp-target.ts'
import { bindCounter } from './instruments.ts'
import type { MetricStore } from './metric-store.ts'

/** Readers that send metrics on their own, by the settings: none unless OTEL_METRICS_EXPORTER asks for them. */
export function createPushReaders(
  settings: Settings,
  store: MetricStore,
  producer: () => MetricProducer,
): MetricReader[] {
  const exporters: PushMetricExporter[] = []
  if (settings.metricsExporter.includes('console')) exporters.push(new ConsoleMetricExporter())
  if (settings.metricsExporter.includes('otlp')) exporters.push(createOtlpMetricExporter(settings, store))
  return exporters.map(
    (exporter) =>
      new PeriodicExportingMetricReader({
        exporter,
        exportIntervalMillis: settings.metricIntervalMs,
        exportTimeoutMillis: Math.min(settings.metricTimeoutMs, settings.metricIntervalMs),
        // What a thread counts is shown by the main thread.
        metricProducers: isMainThread ? [producer()] : [],
      }),
  )
}

/** Tries of one export, before the next interval carries the same totals again. */
const tries = 3
const pauseMs = 500

function createOtlpMetricExporter(settings: Settings, store: MetricStore): PushMetricExporter {
  const target = otlpTarget(settings, 'metrics')
  const sender = createOtlpSender(target)
  const serializer = target.encoding === 'json' ? JsonMetricsSerializer : ProtobufMetricsSerializer
  const gzip = settings.metricsCompression === 'gzip'

  async function deliver(metrics: ResourceMetrics): Promise<string | undefined> {
    const plain = serializer.serializeRequest(metrics)
    if (plain === undefined) return 'encoding_failed'
    const body = gzip ? (await import('node:zlib')).gzipSync(plain) : plain
    for (let tried = 1; ; tried++) {
      const answer = await sender.send(body, gzip)
      if (answer.kind === 'delivered') return undefined
      if (answer.kind === 'refused') return 'refused'
      if (tried === tries) return 'unreachable'
      await sleep(Math.min(answer.afterMs ?? pauseMs * tried, settings.metricIntervalMs), undefined, {
        ref: false,
      })
    }
  }

  const report = async (metrics: ResourceMetrics, done: (result: ExportResult) => void): Promise<void> => {
    const reason = await deliver(metrics)
    if (reason !== undefined) bindCounter('tapescope_metric_exports_failed_total', { reason }, store).add()
    done({ code: reason === undefined ? ExportResultCode.SUCCESS : ExportResultCode.FAILED })
  }

  return {
    export(metrics, done: (result: ExportResult) => void) {
      void report(metrics, done)
    },
    selectAggregationTemporality: (type) => temporalityOf(settings.metricTemporality, type),
    selectAggregation: (type) => ({
      type:
        type === InstrumentType.HISTOGRAM &&
        settings.metricHistograms === 'base2_exponential_bucket_histogram'
          ? AggregationType.EXPONENTIAL_HISTOGRAM
          : AggregationType.DEFAULT,
    }),
    forceFlush: () => Promise.resolve(),
    async shutdown() {
      sender.close()
    },
  }
}

function temporalityOf(
  preference: Settings['metricTemporality'],
  type: InstrumentType,
): AggregationTemporality {
  const { CUMULATIVE, DELTA } = AggregationTemporality
  if (preference === 'cumulative') return CUMULATIVE
  if (type === InstrumentType.UP_DOWN_COUNTER || type === InstrumentType.OBSERVABLE_UP_DOWN_COUNTER)
    return CUMULATIVE
  return preference === 'lowmemory' && type === InstrumentType.OBSERVABLE_COUNTER ? CUMULATIVE : DELTA
}
