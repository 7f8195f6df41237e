import type {
  ConnectorFactory,
  ExporterFactory,
  ExtensionFactory,
  ProcessorFactory,
  ReceiverFactory,
} from './component.ts'
import { nopExporter } from './exporters/nop.ts'
import { otlpHttpExporter } from './exporters/otlp-http.ts'
import { healthCheckExtension } from './extensions/health-check.ts'
import { memoryLimiterProcessor } from './processors/memory-limiter.ts'
import { otlpReceiver } from './receivers/otlp.ts'

/** Everything that a configuration may name. */
export interface Components {
  readonly receivers: readonly ReceiverFactory<never>[]
  readonly processors: readonly ProcessorFactory<never>[]
  readonly connectors: readonly ConnectorFactory<never>[]
  readonly exporters: readonly ExporterFactory<never>[]
  readonly extensions: readonly ExtensionFactory<never>[]
}

export const components: Components = {
  receivers: [otlpReceiver],
  processors: [memoryLimiterProcessor],
  connectors: [],
  exporters: [otlpHttpExporter, nopExporter],
  extensions: [healthCheckExtension],
} as unknown as Components
