import { MetricReader, type MetricProducer } from '@opentelemetry/sdk-metrics'

/** Collects when asked: the store's metrics and those made through the OpenTelemetry API. */
export class PullReader extends MetricReader {
  constructor(producer: MetricProducer) {
    super({ metricProducers: [producer] })
  }

  protected override async onForceFlush(): Promise<void> {}

  protected override async onShutdown(): Promise<void> {}
}
