import type { Account } from './account.ts'
import type { ResolvedConfig } from './config.ts'
import type { DrawdownPeriod } from './drawdowns.ts'
import type { EquityCurve } from './equity.ts'
import { type RiskMetrics, riskMetricsOf } from './exposure.ts'
import {
  type CampaignPerformance,
  campaignPerformanceOf,
  type PatternPerformance,
  patternPerformanceOf,
} from './group-performance.ts'
import { checkLookAhead, type LookAheadCheck } from './look-ahead.ts'
import { type Costs, type Metrics, metricsOf } from './metrics.ts'
import { type MonthlyReturn, monthlyReturnsOf } from './monthly-returns.ts'
import type { OrderCounts } from './order-counts.ts'
import type { PortfolioSimulation } from './portfolio-simulation.ts'
import type { Simulation } from './simulation.ts'
import type { Trade } from './trade-log.ts'

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

/** What a run reports, whether over one symbol or several. */
interface Report {
  readonly timeframe: string
  /** Times of the first and the last bar traded. */
  readonly startDate: number
  readonly endDate: number
  readonly config: ResolvedConfig
  /** Of all symbols together. */
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

export interface BacktestResult extends Report {
  readonly symbol: string
}

/** A run over several symbols on one account; its equity has one point for each distinct time of their bars. */
export interface PortfolioResult extends Report {
  /** In the order given, which is the order in which they act at the same instant. */
  readonly symbols: readonly string[]
}

/** `head` says what was run. */
export function reportOf<Head extends object>(
  head: Head,
  { account, recorder, signals }: Simulation | PortfolioSimulation,
  barsProcessed: number,
): Head & Report {
  const { config } = account
  const series = account.books.map(({ bars }) => bars)
  const { timeframe } = series[0]
  const equity = recorder.finish()
  const [startDate, endDate] = [equity.time[0], equity.time[equity.length - 1]]
  const drawdownPeriods = recorder.drawdowns.finish(equity.time)
  const curve = {
    initialCapital: config.initialCapital,
    finalEquity: account.value,
    days: (endDate - startDate) / 86_400_000,
    returns: recorder.returns,
    deepest: drawdownPeriods[0],
  }
  const costs = {
    commission: account.commissionPaid,
    slippage: account.slippagePaid,
    borrow: account.borrowPaid,
  }
  let made: Trade[] | undefined
  const trades = (): Trade[] => (made ??= account.trades.toArray(series))
  const held = new Set(account.positions().flatMap(({ campaignId }) => campaignId ?? []))
  return {
    ...head,
    timeframe,
    startDate,
    endDate,
    config,
    barsProcessed,
    get trades() {
      return trades()
    },
    openPositions: openPositionsOf(account),
    equity,
    metrics: metricsOf(curve, account.trades, costs, signals, timeframe),
    drawdownPeriods,
    riskMetrics: riskMetricsOf(recorder.exposure, equity.length, account.peakPositions),
    costSummary: costs,
    get monthlyReturns() {
      return monthlyReturnsOf(equity, trades())
    },
    get patternPerformance() {
      return patternPerformanceOf(trades())
    },
    get campaignPerformance() {
      return campaignPerformanceOf(trades(), held)
    },
    get lookAheadCheck() {
      return checkLookAhead(series, trades())
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
