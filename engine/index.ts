export type { Bar, BarSeries, Timeframe } from './bar-series.ts'
export { timeframes } from './bar-series.ts'
export type { EngineObserver, ObservedFact, RunDescription, RunObserver } from './observer.ts'
