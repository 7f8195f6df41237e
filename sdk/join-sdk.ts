import { ProxyTracerProvider, trace } from '@opentelemetry/api'
import { PrometheusSerializer } from '@opentelemetry/exporter-prometheus'
import { MeterProvider } from '@opentelemetry/sdk-metrics'
import { createMetricProducer } from './metric-producer.ts'
import type { MetricStore } from './metric-store.ts'
import { createMetricsHandler } from './metrics-handler.ts'
import { observeProcess } from './process-metrics.ts'
import { PullReader } from './pull-reader.ts'
import type { RunningSdk } from './start-sdk.ts'

/**
 * Beside an SDK that somebody else has registered: the wrappers' spans go to that one, and nothing of it is replaced. The
 * metrics of the wrappers are served by the handler.
 */
export function joinSdk(store: MetricStore): RunningSdk {
  const reader = new PullReader(createMetricProducer(store))
  // Not registered: it only lends the reader its place.
  const meterProvider = new MeterProvider({ readers: [reader] })
  const stopProcess = observeProcess(store)
  const flush = async (): Promise<void> => {
    const global = trace.getTracerProvider()
    const provider = (global instanceof ProxyTracerProvider ? global.getDelegate() : global) as {
      forceFlush?: () => Promise<void>
    }
    await provider.forceFlush?.()
  }
  return {
    metricsHandler: createMetricsHandler(
      reader,
      new PrometheusSerializer('', false, undefined, true, true),
      store,
    ),
    flush,
    async shutdown() {
      await flush()
      await meterProvider.shutdown()
      stopProcess()
    },
    abandon: () => {},
    deserted: () => false,
    lost: () => 0,
    take: () => [],
  }
}
