export { startTelemetry, type Telemetry, type TelemetryOptions } from './start-telemetry.ts'
export type { Settings } from './config/settings.ts'
export type { MetricsHandler } from './metrics-handler.ts'
export {
  instrumentSignalEngine,
  type SignalEngineShape,
  type SeriesReader,
  type SignalOptions,
} from './instrument-signal-engine.ts'
export {
  instrumentBacktestEngine,
  type BacktestEngineShape,
  type BacktestOptions,
} from './instrument-backtest-engine.ts'
export type { SeriesInfo } from './read-run.ts'
export { instrumentEngine, type MethodAdapter } from './instrument-engine.ts'
export type {
  EngineObserver,
  ObservedEnd,
  ObservedFact,
  RunDescription,
  RunObserver,
} from './engine-observer.ts'
export type { RunInfo, RunOutcome } from './observed-run.ts'
export type { ObserveOptions } from './telemetry-options.ts'
export {
  bindCounter,
  bindGauge,
  bindHistogram,
  replaceGauges,
  type BoundCounter,
  type BoundGauge,
  type BoundHistogram,
} from './instruments.ts'
export type { Labels, LabelsOf, MetricDefinition, MetricName } from './metric-definition.ts'
export { metricTable, type LabelValues } from './metric-table.ts'
export { MetricStore } from './metric-store.ts'
export { keepTrace } from './keep-trace.ts'
export { traceOf } from './trace-of.ts'
export { traced } from './traced.ts'
export { withSpan } from './with-span.ts'
export type { SpanSettings } from './safe-span.ts'
export {
  carryContext,
  linkTo,
  withCarriedContext,
  withLinkedSpan,
  type ContextCarrier,
} from './context/carry-context.ts'
export { createLogger, type Logger, type LoggerOptions, type LogLevel } from './logs/create-logger.ts'
export { observePool, type PoolShape } from './observe-pool.ts'
export { startThreadProfiler, type ThreadProfileOptions, type ThreadProfiler } from './profile-thread.ts'
