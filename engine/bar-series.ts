/** Bar lengths the engine knows; stored lower-case. */
export const timeframes = ['1m', '5m', '15m', '1h', '4h', '1d', '1w'] as const
export type Timeframe = (typeof timeframes)[number]

/** One bar. `time` is its open time in epoch milliseconds UTC; it is known only at its close. */
export interface Bar {
  time: number
  open: number
  high: number
  low: number
  close: number
  volume: number
}

/**
 * One (symbol, timeframe) series in columns, oldest bar first. Every column has `length` entries;
 * `time` strictly increases.
 */
export interface BarSeries {
  readonly symbol: string
  readonly timeframe: Timeframe
  readonly length: number
  readonly time: Float64Array
  readonly open: Float64Array
  readonly high: Float64Array
  readonly low: Float64Array
  readonly close: Float64Array
  readonly volume: Float64Array
}
