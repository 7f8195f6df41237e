export type { Bar, BarSeries, Timeframe } from './bar-series.ts'
export { timeframes } from './bar-series.ts'
export type { EngineObserver, ObservedEnd, ObservedFact, RunDescription, RunObserver } from './observer.ts'
export type { BarFlag, ReadOptions, ReadResult } from './bar-reader.ts'
export { readBars } from './bar-reader.ts'
export { BarColumns, barAt } from './bar-columns.ts'
export { parseBarsCsv } from './parse-bars-csv.ts'
export { parseTime } from './parse-time.ts'
export { EngineError } from './engine-error.ts'
export type { EngineErrorCode, RejectedRow } from './engine-error.ts'
export * from './signal.ts'
export * from './signal-fill.ts'
export type { SignalEngine, SignalSession, Run } from './signal-engine.ts'
export { createSignalEngine } from './signal-engine.ts'
export type { SignalOptions } from './signal-options.ts'
export { presets } from './thresholds.ts'
export type { Preset, Thresholds } from './thresholds.ts'
export type { BarVolume, Effort, VolumeBand } from './volume-analysis.ts'
export { efforts, VolumeAnalysis } from './volume-analysis.ts'
export { Pivots } from './pivots.ts'
export type { GeneratedBars, GeneratorOptions } from './generator.ts'
export { generateBars } from './generator.ts'
export type { Planted, PlantedType, StructureName } from './generator-structures.ts'
export type { WalkOptions } from './generator-walk.ts'
export { randomWalkBars } from './generator-walk.ts'
export type {
  BacktestConfig,
  CommissionConfig,
  ResolvedConfig,
  RiskLimits,
  SlippageConfig,
} from './backtest/config.ts'
export { BacktestError } from './backtest/errors.ts'
export type { BacktestEngine, BacktestRunOptions } from './backtest/engine.ts'
export type { BacktestResult, OpenPosition, PortfolioResult } from './backtest/report.ts'
export { createBacktestEngine } from './backtest/engine.ts'
export type { EquityCurve, EquityPoint } from './backtest/equity.ts'
export type { DrawdownPeriod } from './backtest/drawdowns.ts'
export type { RiskMetrics } from './backtest/exposure.ts'
export type { Metrics } from './backtest/metrics.ts'
export type { Trade } from './backtest/trade-log.ts'
export type {
  Broker,
  EntryOrder,
  ExitOrder,
  ExitReason,
  Strategy,
  StrategyContext,
  StrategyRun,
} from './strategy.ts'
export { buyAndHold } from './strategy-buy-and-hold.ts'
export { smaCross } from './strategy-sma-cross.ts'
export type { StrategyName } from './backtest/config.ts'
export type { WyckoffOptions } from './strategy-wyckoff.ts'
export { wyckoff } from './strategy-wyckoff.ts'
export type { CampaignPerformance, PatternPerformance } from './backtest/group-performance.ts'
export type { LookAheadCheck, LookAheadViolation } from './backtest/look-ahead.ts'
export { checkLookAhead, probeLookAhead } from './backtest/look-ahead.ts'
export type { MonthlyReturn } from './backtest/monthly-returns.ts'
export { barStart, resample, timeframeMs } from './resample.ts'
export type { Cluster } from './pivot-clusters.ts'
export { clustersAt } from './pivot-clusters.ts'
export type {
  Limit,
  Portfolio,
  PortfolioCampaign,
  PortfolioPosition,
  RiskAssessment,
  RiskLimits as PortfolioLimits,
  RiskRequest,
} from './risk.ts'
export { assessRisk, baseRisk, defaultLimits, openRisk, sosRiskShare } from './risk.ts'
export type { ScaledTarget } from './campaign.ts'
export { campaignCap, campaignId, campaignMs, scaledTargets } from './campaign.ts'
export { signalStages } from './signal-run.ts'
export type {
  WalkForwardMetric,
  WalkForwardOptions,
  WalkForwardPart,
  WalkForwardResult,
  WalkForwardWindow,
} from './backtest/walk-forward.ts'
export { walkForward, walkForwardMetrics } from './backtest/walk-forward.ts'
export type { PairedTest } from './backtest/paired-t-test.ts'
export type { SweepOutcome, SweepResult, SweepRow, SweepRun, SweepValue } from './backtest/sweep.ts'
export { mergeSweep, planSweep } from './backtest/sweep.ts'
