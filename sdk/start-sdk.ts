import { isMainThread } from 'node:worker_threads'
import { context, diag, logs, metrics, propagation, trace } from '@opentelemetry/api'
import { PrometheusSerializer } from '@opentelemetry/exporter-prometheus'
import { registerInstrumentations, type Instrumentation } from '@opentelemetry/instrumentation'
import { UndiciInstrumentation } from '@opentelemetry/instrumentation-undici'
import { LoggerProvider } from '@opentelemetry/sdk-logs'
import { MeterProvider } from '@opentelemetry/sdk-metrics'
import type { Settings } from './config/settings.ts'
import { ContextManager } from './context/context-manager.ts'
import { createPropagator } from './context/create-propagator.ts'
import { createSampler } from './context/create-sampler.ts'
import { SpanProvider } from './spans/span-provider.ts'
import { createLogOutlet, createSpanOutlet } from './create-exporters.ts'
import type { LastDelivery } from './delivery/deliver-at-exit.ts'
import { describeProcess } from './describe-process.ts'
import { noteLoadedBefore } from './loaded-before.ts'
import { createMetricProducer } from './metric-producer.ts'
import type { MetricStore } from './metric-store.ts'
import { createMetricsHandler, type MetricsHandler } from './metrics-handler.ts'
import { PgSpans } from './pg-spans.ts'
import { setCurrentRedactor } from './privacy/current-redactor.ts'
import { createRedactor, LogRedaction } from './privacy/redactor.ts'
import { observeProcess } from './process-metrics.ts'
import { PullReader } from './pull-reader.ts'
import { createPushReaders } from './push-metrics.ts'
import { servePrometheus } from './serve-prometheus.ts'

export interface RunningSdk {
  readonly metricsHandler: MetricsHandler
  flush(): Promise<void>
  shutdown(): Promise<void>
  /** Counts everything that is not delivered yet as dropped. */
  abandon(): void
  /** Whether something waits for a backend that is not there at all. */
  deserted(): boolean
  /** Spans and log records given up so far. */
  lost(): number
  /** What waits, for the last moment of the process. */
  take(): LastDelivery[]
}

/** Everything that needs the OpenTelemetry SDK, apart so that the wrappers load without it. Registers it for the process. */
export function startSdk(
  settings: Settings,
  store: MetricStore,
  more: readonly Instrumentation[],
): RunningSdk {
  const redactor = createRedactor(settings)
  setCurrentRedactor(redactor)
  const resource = describeProcess(settings, redactor)
  const spans = createSpanOutlet(settings, store, redactor)
  const records = createLogOutlet(settings, store)
  const tracerProvider = new SpanProvider({
    resource,
    sampler: createSampler(settings),
    spanLimits: spanLimits(settings),
    spanProcessors: [...spans.processors],
  })
  const reader = new PullReader(createMetricProducer(store))
  const meterProvider = new MeterProvider({
    resource,
    readers: [reader, ...createPushReaders(settings, store, () => createMetricProducer(store))],
  })
  const loggerProvider = new LoggerProvider({
    resource,
    processors: records.processors.length === 0 ? [] : [new LogRedaction(redactor), ...records.processors],
    logRecordLimits: {
      attributeCountLimit: settings.logAttributeCount ?? Infinity,
      attributeValueLengthLimit: settings.logAttributeLength ?? Infinity,
    },
  })

  context.setGlobalContextManager(new ContextManager().enable())
  propagation.setGlobalPropagator(createPropagator(settings))
  trace.setGlobalTracerProvider(tracerProvider)
  metrics.setGlobalMeterProvider(meterProvider)
  if (records.processors.length > 0) logs.setGlobalLoggerProvider(loggerProvider)
  for (const name of noteLoadedBefore())
    diag.warn(
      `tapescope: ${name} was imported before telemetry started and gives no spans; start with --import @tapescope/sdk/register`,
    )
  const unregister = registerInstrumentations({
    tracerProvider,
    meterProvider,
    instrumentations: [...libraries(settings), ...more],
  })
  const stopProcess = observeProcess(store)
  const metricsHandler = createMetricsHandler(
    reader,
    new PrometheusSerializer('', false, undefined, true, true),
    store,
    settings.exemplars === 'trace_based',
  )
  const server =
    isMainThread && settings.metricsExporter.includes('prometheus')
      ? servePrometheus(metricsHandler, settings.prometheusHost, settings.prometheusPort)
      : undefined

  return {
    metricsHandler,
    async flush() {
      // Not by way of the providers: their timers would keep the process alive for 30 s.
      const queues = [...spans.processors, ...records.processors]
      const flushes = queues.map((queue) => queue.forceFlush())
      await Promise.allSettled([...flushes, meterProvider.forceFlush()])
    },
    async shutdown() {
      await Promise.allSettled([
        tracerProvider.shutdown(),
        loggerProvider.shutdown(),
        meterProvider.shutdown(),
        server?.close(),
      ])
      unregister()
      stopProcess()
      spans.close()
      records.close()
      for (const api of [trace, metrics, logs, propagation, context]) api.disable()
    },
    abandon() {
      spans.abandon()
      records.abandon()
      spans.close()
      records.close()
    },
    deserted: () => spans.deserted() || records.deserted(),
    lost: () => spans.lost() + records.lost(),
    take: () => [...spans.take(), ...records.take()],
  }
}

function libraries({ disabledInstrumentations, captureStatements }: Settings): Instrumentation[] {
  const made: Instrumentation[] = []
  if (!disabledInstrumentations.includes('pg')) made.push(new PgSpans({ captureText: captureStatements }))
  if (!disabledInstrumentations.includes('undici'))
    made.push(new UndiciInstrumentation({ requireParentforSpans: true }))
  return made
}

const spanLimits = (settings: Settings) => ({
  attributeCountLimit: settings.attributeCount ?? Infinity,
  attributeValueLengthLimit: settings.attributeLength ?? Infinity,
  eventCountLimit: settings.eventCount ?? Infinity,
  linkCountLimit: settings.linkCount ?? Infinity,
  attributePerEventCountLimit: settings.eventAttributeCount ?? Infinity,
  attributePerLinkCountLimit: settings.linkAttributeCount ?? Infinity,
})
