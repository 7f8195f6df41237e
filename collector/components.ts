import type {
  ConnectorFactory,
  ExporterFactory,
  ExtensionFactory,
  ProcessorFactory,
  ReceiverFactory,
} from './component.ts'
import { forwardConnector } from './connectors/forward.ts'
import { spanMetricsConnector } from './connectors/span-metrics.ts'
import { debugExporter } from './exporters/debug.ts'
import { fileExporter } from './exporters/file.ts'
import { nopExporter } from './exporters/nop.ts'
import { otlpHttpExporter } from './exporters/otlp-http.ts'
import { prometheusExporter } from './exporters/prometheus.ts'
import { fileStorageExtension } from './extensions/file-storage.ts'
import { healthCheckExtension } from './extensions/health-check.ts'
import { attributesProcessor } from './processors/attributes.ts'
import { filterProcessor } from './processors/filter.ts'
import { memoryLimiterProcessor } from './processors/memory-limiter.ts'
import { resourceProcessor } from './processors/resource.ts'
import { tailSamplingProcessor } from './processors/tail-sampling.ts'
import { otlpReceiver } from './receivers/otlp.ts'

/** Everything that a configuration may name. Each factory gets the configuration that its own shape has read. */
export interface Components {
  readonly receivers: readonly ReceiverFactory<never>[]
  readonly processors: readonly ProcessorFactory<never>[]
  readonly connectors: readonly ConnectorFactory<never>[]
  readonly exporters: readonly ExporterFactory<never>[]
  readonly extensions: readonly ExtensionFactory<never>[]
}

export const components: Components = {
  receivers: [otlpReceiver],
  processors: [
    memoryLimiterProcessor,
    resourceProcessor,
    attributesProcessor,
    filterProcessor,
    tailSamplingProcessor,
  ],
  connectors: [spanMetricsConnector, forwardConnector],
  exporters: [otlpHttpExporter, prometheusExporter, debugExporter, fileExporter, nopExporter],
  extensions: [healthCheckExtension, fileStorageExtension],
} as unknown as Components
