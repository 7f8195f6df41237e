import type { BarSeries } from '../bar-series.ts'
import type { EngineObserver } from '../observer.ts'
import { buyAndHold } from '../strategy-buy-and-hold.ts'
import { smaCross } from '../strategy-sma-cross.ts'
import { wyckoff } from '../strategy-wyckoff.ts'
import type { Strategy } from '../strategy.ts'
import { Account } from './account.ts'
import { dayLabel } from './calendar.ts'
import { checkShape } from './check-bars.ts'
import { type BacktestConfig, defaultLimits, type ResolvedConfig, resolveConfig } from './config.ts'
import { BacktestError } from './errors.ts'
import { type Period, PortfolioSimulation } from './portfolio-simulation.ts'
import { type BacktestResult, type PortfolioResult, reportOf } from './report.ts'
import { RunFacts } from './run-facts.ts'
import { keepSpecimens } from './specimens.ts'
import { backtestStages, Simulation } from './simulation.ts'

export interface BacktestEngineOptions {
  /** Defaults for every run of this engine; a run's own config goes before them. */
  readonly config?: BacktestConfig
}

export interface BacktestRunOptions {
  readonly observer?: EngineObserver
}

export interface BacktestEngine {
  /** Throws a `BacktestError` for a bad config, a period without bars, and for a strategy that throws or orders nonsense. */
  run(bars: BarSeries, config?: BacktestConfig, run?: BacktestRunOptions): BacktestResult
  /**
   * Several symbols of one timeframe on one account: cash, limits and `maxOpenPositions` are shared, each symbol has at
   * most one position, and the strategy is started once for each. With one symbol it equals `run`.
   * Throws as `run` does, and for no series, a symbol given twice or mixed timeframes.
   */
  runPortfolio(
    series: readonly BarSeries[],
    config?: BacktestConfig,
    run?: BacktestRunOptions,
  ): PortfolioResult
}

export function createBacktestEngine(options: BacktestEngineOptions = {}): BacktestEngine {
  keepSpecimens()
  const resolve = (config: BacktestConfig): { strategy: Strategy; config: ResolvedConfig } => {
    const merged = { ...options.config, ...config }
    const strategy = strategyOf(merged)
    return { strategy, config: resolveConfig(merged, strategy.name) }
  }
  return {
    run(bars, config = {}, run = {}) {
      const resolved = resolve(config)
      return runBacktest(bars, resolved.strategy, resolved.config, run.observer)
    },
    runPortfolio(series, config = {}, run = {}) {
      checkPortfolio(series)
      const resolved = resolve(config)
      return runPortfolio(series, resolved.strategy, resolved.config, run.observer)
    },
  }
}

function strategyOf(config: BacktestConfig): Strategy {
  const { strategy = 'wyckoff_all' } = config
  if (typeof strategy === 'object' && strategy !== null && typeof strategy.start === 'function')
    return strategy
  if (strategy === 'buy_and_hold') return buyAndHold()
  if (strategy === 'sma_cross') return smaCross()
  if (strategy === 'wyckoff_all' || strategy === 'wyckoff_spring') return wyckoffOf(strategy, config)
  throw new BacktestError('strategy', null, `unknown strategy ${JSON.stringify(strategy)}`)
}

function wyckoffOf(name: 'wyckoff_all' | 'wyckoff_spring', config: BacktestConfig): Strategy {
  const { perTrade, campaign, correlated, portfolioHeat, positionValue } = {
    ...defaultLimits,
    ...config.limits,
  }
  const limit = (max: number) => ({ max, warnAt: max * 0.8 })
  return wyckoff({
    name,
    ...(name === 'wyckoff_spring' ? { patterns: ['SPRING'] } : {}),
    ...(config.exitMode === undefined ? {} : { exitMode: config.exitMode }),
    tradeReviewSignals: config.tradeReviewSignals ?? true,
    haltCleared: config.haltCleared ?? false,
    applyPhaseExits: config.applyPhaseExits ?? false,
    limits: {
      perTrade: limit(perTrade),
      campaign: limit(campaign),
      correlated: limit(correlated),
      heat: limit(portfolioHeat),
      positionValue: limit(positionValue),
    },
  })
}

function runBacktest(
  bars: BarSeries,
  strategy: Strategy,
  config: ResolvedConfig,
  observer: EngineObserver | undefined,
): BacktestResult {
  checkShape(bars)
  const { first, end } = periodOf(bars, config)
  if (end <= first) throw emptyPeriod(bars, config, first)
  const { symbol } = bars
  return told(observer, [bars], end - first, strategy, config, (facts) => {
    const simulation = new Simulation(new Account(config, [bars]), strategy, first, end)
    simulation.play(facts)
    return reportOf({ symbol }, simulation, end - first)
  })
}

function runPortfolio(
  series: readonly BarSeries[],
  strategy: Strategy,
  config: ResolvedConfig,
  observer: EngineObserver | undefined,
): PortfolioResult {
  const periods = series.map((bars) => periodOf(bars, config))
  const count = periods.reduce((sum, { first, end }) => sum + Math.max(0, end - first), 0)
  if (count === 0) throw emptyPeriod(series[0], config, periods[0].first)
  const symbols = series.map(({ symbol }) => symbol)
  return told(observer, series, count, strategy, config, (facts) => {
    const simulation = new PortfolioSimulation(new Account(config, series), strategy, periods)
    simulation.play(facts)
    return reportOf({ symbols }, simulation, count)
  })
}

/** Runs `play`, told to `observer` from its beginning to its end or its error. */
function told<Result>(
  observer: EngineObserver | undefined,
  series: readonly BarSeries[],
  bars: number,
  strategy: Strategy,
  config: ResolvedConfig,
  play: (facts: RunFacts | undefined) => Result,
): Result {
  const run = observer?.runStarted({
    kind: 'backtest',
    symbol: series.map(({ symbol }) => symbol).join(','),
    timeframe: series[0].timeframe,
    bars,
    stages: backtestStages,
    attributes: { strategy: strategy.name, initialCapital: config.initialCapital },
  })
  const facts = run && new RunFacts(run)
  let result: Result
  try {
    result = play(facts)
  } catch (error) {
    facts?.observer.runEnded({ bars, error, untold: facts.untold() })
    throw error
  }
  facts?.observer.runEnded({ bars, untold: facts.untold() })
  return result
}

function periodOf({ time, length }: BarSeries, { startDate, endDate }: ResolvedConfig): Period {
  return {
    first: startDate === null ? 0 : lowerBound(time, length, startDate),
    end: endDate === null ? length : lowerBound(time, length, endDate + 1),
  }
}

function checkPortfolio(series: readonly BarSeries[]): void {
  if (series.length === 0) throw new BacktestError('series', null, 'a portfolio needs at least one symbol')
  const [{ timeframe }] = series
  const symbols = new Set<string>()
  for (const [index, bars] of series.entries()) {
    checkShape(bars)
    if (bars.timeframe !== timeframe) {
      throw new BacktestError(
        `series.${index}`,
        null,
        `${bars.symbol} is in ${bars.timeframe} bars, ${series[0].symbol} in ${timeframe}; resample one`,
      )
    }
    if (symbols.has(bars.symbol)) {
      throw new BacktestError(`series.${index}`, null, `${bars.symbol} is there twice`)
    }
    symbols.add(bars.symbol)
  }
}

function emptyPeriod(bars: BarSeries, config: ResolvedConfig, first: number): BacktestError {
  const { length, symbol, timeframe, time } = bars
  const series = `${symbol} ${timeframe}`
  if (length === 0) return new BacktestError('bars', null, `${series} holds no bars`)
  const span = `${series} goes from ${dayLabel(time[0])} to ${dayLabel(time[length - 1])}`
  // Behind the last bar it is the start that is wrong; before the first bar, or in a gap, the end.
  const field = first === length ? 'startDate' : 'endDate'
  return new BacktestError(
    field,
    null,
    `the period holds no bars: ${span}; ${field} is ${dayLabel(config[field]!)}`,
  )
}

/** First index whose time is not below `time`. */
function lowerBound(times: Float64Array, length: number, time: number): number {
  let [low, high] = [0, length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if (times[middle] < time) low = middle + 1
    else high = middle
  }
  return low
}
