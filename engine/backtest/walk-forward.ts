import type { BarSeries } from '../bar-series.ts'
import { timeframeMs } from '../resample.ts'
import { addMonths } from './calendar.ts'
import type { BacktestConfig } from './config.ts'
import type { BacktestEngine, BacktestRunOptions } from './engine.ts'
import { BacktestError } from './errors.ts'
import type { Metrics } from './metrics.ts'
import { type PairedTest, pairedTTest, sampleDeviation } from './paired-t-test.ts'

/** Metrics of which more is better, so that validate / train says something. */
export const walkForwardMetrics = [
  'winRate',
  'totalReturn',
  'cagr',
  'sharpe',
  'sortino',
  'calmar',
  'profitFactor',
  'averageR',
  'expectancyR',
] as const satisfies readonly (keyof Metrics)[]
export type WalkForwardMetric = (typeof walkForwardMetrics)[number]

export interface WalkForwardOptions {
  /** Months of each part and from one window to the next. Default 6, 3 and 3. */
  readonly trainMonths?: number
  readonly validateMonths?: number
  readonly stepMonths?: number
  /** What the two parts are compared by. Default `winRate`. */
  readonly metric?: WalkForwardMetric
  /** A window whose validate / train lies below this is degraded. Default .80. */
  readonly degradedBelow?: number
  /** A window with a deeper drawdown, in either part, is flagged. Default .20, a fraction. */
  readonly drawdownLimit?: number
}

/** One part of a window: bars with `start` <= time < `end` (epoch ms). */
export interface WalkForwardPart {
  readonly start: number
  readonly end: number
  readonly bars: number
  /** The primary metric; null where it is not defined. */
  readonly value: number | null
  readonly metrics: Metrics
}

export interface WalkForwardWindow {
  readonly train: WalkForwardPart
  readonly validate: WalkForwardPart
  /** validate / train; null when either is not defined or train is not above 0. */
  readonly ratio: number | null
  /** Null without a ratio. */
  readonly degraded: boolean | null
  /** The deeper drawdown of the two parts, a fraction. */
  readonly maxDrawdown: number
  readonly drawdownFlagged: boolean
}

export interface WalkForwardResult {
  readonly metric: WalkForwardMetric
  readonly windows: readonly WalkForwardWindow[]
  readonly degradedWindows: number
  readonly flaggedWindows: number
  /** Sample sd / mean of the validated values: smaller is steadier. Null with fewer than two, or a mean of 0. */
  readonly stability: number | null
  /** Validate less train over the windows that have both; null when it is not defined. */
  readonly pairedTest: PairedTest | null
}

/**
 * Backtests every whole window of the series, or of the config's period: a training part and the validation part that
 * follows it, each on a fresh account; bars before a part only warm the strategy up. Windows start at the first bar and
 * move by calendar months (UTC). The strategy is not fitted: this measures whether what it did in one period holds in
 * the next.
 *
 * @throws BacktestError for an option that makes no sense, when not one window fits, and as the engine does
 */
export function walkForward(
  engine: BacktestEngine,
  bars: BarSeries,
  config: BacktestConfig = {},
  options: WalkForwardOptions = {},
  run: BacktestRunOptions = {},
): WalkForwardResult {
  const { metric = 'winRate', degradedBelow = 0.8, drawdownLimit = 0.2 } = options
  const trainMonths = months('trainMonths', options.trainMonths ?? 6)
  const validateMonths = months('validateMonths', options.validateMonths ?? 3)
  const stepMonths = months('stepMonths', options.stepMonths ?? 3)
  if (!walkForwardMetrics.includes(metric)) {
    throw new BacktestError('metric', null, `must be one of ${walkForwardMetrics.join(', ')}`)
  }
  fraction('degradedBelow', degradedBelow)
  fraction('drawdownLimit', drawdownLimit)

  const part = (start: number, end: number): WalkForwardPart => {
    const result = engine.run(bars, { ...config, startDate: start, endDate: end - 1 }, run)
    const { metrics, barsProcessed } = result
    return { start, end, bars: barsProcessed, value: metrics[metric], metrics }
  }
  const windows: WalkForwardWindow[] = []
  const { first, end } = periodOf(bars, config)
  for (let k = 0; ; k++) {
    // Each counted from the first bar: a chain of month steps would drift after a 31st.
    const start = addMonths(first, k * stepMonths)
    const middle = addMonths(first, k * stepMonths + trainMonths)
    const stop = addMonths(first, k * stepMonths + trainMonths + validateMonths)
    if (!(stop <= end)) break
    const [train, validate] = [part(start, middle), part(middle, stop)]
    const ratio =
      train.value !== null && validate.value !== null && train.value > 0 ? validate.value / train.value : null
    const maxDrawdown = Math.max(train.metrics.maxDrawdown, validate.metrics.maxDrawdown)
    windows.push({
      train,
      validate,
      ratio,
      degraded: ratio === null ? null : ratio < degradedBelow,
      maxDrawdown,
      drawdownFlagged: maxDrawdown > drawdownLimit,
    })
  }
  if (windows.length === 0) {
    const needed = trainMonths + validateMonths
    throw new BacktestError('bars', null, `${bars.symbol} holds no whole window of ${needed} months`)
  }
  const pairs = windows.flatMap(({ train, validate }) =>
    train.value === null || validate.value === null ? [] : [[train.value, validate.value] as const],
  )
  return {
    metric,
    windows,
    degradedWindows: windows.filter((window) => window.degraded === true).length,
    flaggedWindows: windows.filter((window) => window.drawdownFlagged).length,
    stability: stabilityOf(windows.flatMap(({ validate }) => validate.value ?? [])),
    pairedTest: pairedTTest(pairs),
  }
}

/** Sample sd / mean. */
function stabilityOf(values: readonly number[]): number | null {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  return values.length < 2 || mean === 0 ? null : sampleDeviation(values, mean) / mean
}

/** The config's period within the series; `end` is the close of the last bar. */
function periodOf(bars: BarSeries, config: BacktestConfig): { first: number; end: number } {
  if (bars.length === 0) throw new BacktestError('bars', null, `${bars.symbol} holds no bars`)
  const closed = bars.time[bars.length - 1] + timeframeMs(bars.timeframe)
  return {
    first: Math.max(bars.time[0], config.startDate ?? -Infinity),
    end: Math.min(closed, (config.endDate ?? Infinity) + 1),
  }
}

function months(field: string, value: number): number {
  if (Number.isInteger(value) && value >= 1 && value <= 1200) return value
  throw new BacktestError(field, null, `must be a whole number from 1 to 1200, got ${String(value)}`)
}

function fraction(field: string, value: number): void {
  if (value > 0 && value <= 1) return
  throw new BacktestError(field, null, `must be above 0 and at most 1, got ${String(value)}`)
}
