import { PrometheusSerializer } from '@opentelemetry/exporter-prometheus'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto'
import { PgInstrumentation } from '@opentelemetry/instrumentation-pg'
import { UndiciInstrumentation } from '@opentelemetry/instrumentation-undici'
import { defaultResource, resourceFromAttributes } from '@opentelemetry/resources'
import { AggregationType } from '@opentelemetry/sdk-metrics'
import { NodeSDK } from '@opentelemetry/sdk-node'
import type { SpanProcessor } from '@opentelemetry/sdk-trace'
import { createMetricProducer } from './metric-producer.ts'
import type { MetricStore } from './metric-store.ts'
import { createMetricsHandler, type MetricsHandler } from './metrics-handler.ts'
import { PreciseClock } from './precise-clock.ts'
import { observeProcess } from './process-metrics.ts'
import { PullReader } from './pull-reader.ts'
import { SpanQueue } from './span-queue.ts'
import type { TelemetryOptions } from './start-telemetry.ts'

export interface RunningSdk {
  readonly metricsHandler: MetricsHandler
  flush(): Promise<void>
  shutdown(): Promise<void>
  /** Counts every span that is not delivered yet as dropped. */
  abandon(): void
}

/** Everything that needs the OpenTelemetry SDK, apart so that the wrappers load without it. */
export function startSdk(
  { serviceName, serviceVersion, otlpEndpoint, instrumentations = [] }: TelemetryOptions,
  url: string | undefined,
  store: MetricStore,
): RunningSdk {
  const processors: SpanProcessor[] = [new PreciseClock()]
  const queue =
    otlpEndpoint === false
      ? undefined
      : new SpanQueue({ exporter: new OTLPTraceExporter(url === undefined ? {} : { url }), store })
  if (queue !== undefined) processors.push(queue)
  const reader = new PullReader(createMetricProducer(store))
  const version = serviceVersion === undefined ? {} : { 'service.version': serviceVersion }
  const sdk = new NodeSDK({
    ...(serviceName !== undefined && { serviceName }),
    resource: defaultResource().merge(resourceFromAttributes(version)),
    spanProcessors: processors,
    metricReaders: [reader],
    // The library's connection gauges are wrong with two pools, and promtool refuses a gauge named ..._count.
    views: [{ meterName: '@opentelemetry/instrumentation-pg', aggregation: { type: AggregationType.DROP } }],
    logRecordProcessors: [],
    instrumentations: [
      new PgInstrumentation({ ignoreConnectSpans: true, requireParentSpan: true }),
      new UndiciInstrumentation({ requireParentforSpans: true }),
      ...instrumentations,
    ],
  })
  sdk.start()
  const stopProcess = observeProcess(store)
  const serializer = new PrometheusSerializer('', false, undefined, true, true)
  return {
    metricsHandler: createMetricsHandler(reader, serializer, store),
    async flush() {
      await Promise.all(processors.map((processor) => processor.forceFlush()))
    },
    async shutdown() {
      await sdk.shutdown()
      stopProcess()
    },
    abandon: () => queue?.abandon(),
  }
}
