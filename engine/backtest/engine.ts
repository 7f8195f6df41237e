import type { BarSeries } from '../bar-series.ts'
import type { EngineObserver } from '../observer.ts'
import { buyAndHold } from '../strategy-buy-and-hold.ts'
import { smaCross } from '../strategy-sma-cross.ts'
import { wyckoff } from '../strategy-wyckoff.ts'
import type { Strategy } from '../strategy.ts'
import { Account } from './account.ts'
import { dayLabel } from './calendar.ts'
import { type BacktestConfig, defaultLimits, type ResolvedConfig, resolveConfig } from './config.ts'
import type { DrawdownPeriod } from './drawdowns.ts'
import type { EquityCurve } from './equity.ts'
import { BacktestError } from './errors.ts'
import { type RiskMetrics, riskMetricsOf } from './exposure.ts'
import { type Costs, type Metrics, metricsOf } from './metrics.ts'
import {
  type CampaignPerformance,
  campaignPerformanceOf,
  type PatternPerformance,
  patternPerformanceOf,
} from './group-performance.ts'
import { checkLookAhead, type LookAheadCheck } from './look-ahead.ts'
import { type MonthlyReturn, monthlyReturnsOf } from './monthly-returns.ts'
import type { OrderCounts } from './order-counts.ts'
import { backtestStages, Simulation } from './simulation.ts'
import type { Trade } from './trade-log.ts'

export interface BacktestEngineOptions {
  /** Defaults for every run of this engine; a run's own config goes before them. */
  readonly config?: BacktestConfig
}

export interface BacktestRunOptions {
  readonly observer?: EngineObserver
}

export interface OpenPosition {
  readonly positionId: number
  readonly symbol: string
  readonly side: 'LONG' | 'SHORT'
  readonly quantity: number
  readonly averageEntry: number
  readonly lastPrice: number
  /** Before commissions. */
  readonly unrealizedPnl: number
  readonly entryCommission: number
}

export interface BacktestResult {
  readonly symbol: string
  readonly timeframe: string
  /** Times of the first and the last bar traded. */
  readonly startDate: number
  readonly endDate: number
  readonly config: ResolvedConfig
  readonly barsProcessed: number
  /** Closed trades in order of closing; built when first read. */
  readonly trades: readonly Trade[]
  readonly openPositions: readonly OpenPosition[]
  readonly equity: EquityCurve
  readonly metrics: Metrics
  readonly drawdownPeriods: readonly DrawdownPeriod[]
  readonly riskMetrics: RiskMetrics
  readonly costSummary: Costs
  /** Built when first read, as are the reports below: they are made from the trades. */
  readonly monthlyReturns: readonly MonthlyReturn[]
  readonly patternPerformance: readonly PatternPerformance[]
  readonly campaignPerformance: readonly CampaignPerformance[]
  readonly lookAheadCheck: LookAheadCheck
  readonly orders: OrderCounts
}

export interface BacktestEngine {
  /** Throws a `BacktestError` for a bad config, a period without bars, and for a strategy that throws or orders nonsense. */
  run(bars: BarSeries, config?: BacktestConfig, run?: BacktestRunOptions): BacktestResult
}

export function createBacktestEngine(options: BacktestEngineOptions = {}): BacktestEngine {
  return {
    run(bars, config = {}, run = {}) {
      const merged = { ...options.config, ...config }
      const strategy = strategyOf(merged)
      const resolved = resolveConfig(merged, strategy.name)
      return runBacktest(bars, strategy, resolved, run.observer)
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
  engineObserver: EngineObserver | undefined,
): BacktestResult {
  const first = config.startDate === null ? 0 : lowerBound(bars.time, bars.length, config.startDate)
  const end = config.endDate === null ? bars.length : lowerBound(bars.time, bars.length, config.endDate + 1)
  if (end <= first) throw emptyPeriod(bars, config, first)
  const observer = engineObserver?.runStarted({
    kind: 'backtest',
    symbol: bars.symbol,
    timeframe: bars.timeframe,
    bars: end - first,
    stages: backtestStages,
    attributes: { strategy: strategy.name, initialCapital: config.initialCapital },
  })
  let result: BacktestResult
  try {
    const account = new Account(config, [bars])
    const simulation = new Simulation(account, strategy, first, end)
    simulation.play(observer)
    result = report(bars, config, simulation, first, end)
  } catch (error) {
    observer?.runEnded({ bars: end - first, error })
    throw error
  }
  observer?.runEnded({ bars: end - first })
  return result
}

function report(
  bars: BarSeries,
  config: ResolvedConfig,
  { account, recorder, exposure, signals }: Simulation,
  first: number,
  end: number,
): BacktestResult {
  recorder.months.close()
  const equity = recorder.finish()
  const drawdownPeriods = recorder.drawdowns.finish(equity.time)
  const curve = {
    initialCapital: config.initialCapital,
    finalEquity: account.value,
    days: (bars.time[end - 1] - bars.time[first]) / 86_400_000,
    returns: recorder.returns,
    deepest: drawdownPeriods[0],
  }
  const costs = {
    commission: account.commissionPaid,
    slippage: account.slippagePaid,
    borrow: account.borrowPaid,
  }
  let made: Trade[] | undefined
  const trades = (): Trade[] => (made ??= account.trades.toArray([bars]))
  const held = new Set(account.positions().flatMap(({ campaignId }) => campaignId ?? []))
  return {
    symbol: bars.symbol,
    timeframe: bars.timeframe,
    startDate: bars.time[first],
    endDate: bars.time[end - 1],
    config,
    barsProcessed: end - first,
    get trades() {
      return trades()
    },
    openPositions: openPositionsOf(account),
    equity,
    metrics: metricsOf(curve, account.trades, costs, signals, bars.timeframe),
    drawdownPeriods,
    riskMetrics: riskMetricsOf(exposure, equity.length, account.peakPositions),
    costSummary: costs,
    get monthlyReturns() {
      return monthlyReturnsOf(recorder.months, equity.time, config.initialCapital, trades())
    },
    get patternPerformance() {
      return patternPerformanceOf(trades())
    },
    get campaignPerformance() {
      return campaignPerformanceOf(trades(), held)
    },
    get lookAheadCheck() {
      return checkLookAhead([bars], trades())
    },
    orders: account.orders,
  }
}

function openPositionsOf(account: Account): OpenPosition[] {
  return account.books
    .filter((book) => book.side !== 0)
    .map((book) => {
      const averageEntry = book.averageEntry!
      return {
        positionId: book.positionId,
        symbol: book.bars.symbol,
        side: book.side === 1 ? 'LONG' : 'SHORT',
        quantity: book.quantity,
        averageEntry,
        lastPrice: book.lastPrice,
        unrealizedPnl: book.signed * (book.lastPrice - averageEntry),
        entryCommission: book.lots.reduce((sum, lot) => sum + lot.commission, 0),
      }
    })
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
