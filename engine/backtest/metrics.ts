import type { Timeframe } from '../bar-series.ts'
import type { DrawdownPeriod } from './drawdowns.ts'
import type { ReturnSums } from './return-sums.ts'
import type { TradeLog } from './trade-log.ts'

/** Bars per year, for annualised figures. */
export const barsPerYear: Readonly<Record<Timeframe, number>> = {
  '1w': 52,
  '1d': 252,
  '4h': 1512,
  '1h': 6048,
  '15m': 24_192,
  '5m': 72_576,
  '1m': 362_880,
}

/** Fractions unless named otherwise; null where a figure is not defined, never a stand-in. */
export interface Metrics {
  readonly totalReturn: number
  readonly cagr: number | null
  readonly sharpe: number | null
  readonly sortino: number | null
  readonly maxDrawdown: number
  readonly maxDrawdownBars: number
  readonly maxDrawdownDays: number
  readonly calmar: number | null
  readonly winRate: number | null
  readonly profitFactor: number | null
  readonly averageR: number | null
  readonly expectancyR: number | null
  readonly totalPnl: number
  readonly totalCommission: number
  readonly totalSlippage: number
  readonly totalBorrowCost: number
  readonly initialCapital: number
  readonly finalEquity: number
  readonly totalTrades: number
  readonly winningTrades: number
  readonly losingTrades: number
  readonly totalSignals: number
  readonly longestWinStreak: number
  readonly longestLossStreak: number
  readonly largestWin: number | null
  readonly largestLoss: number | null
}

export interface Costs {
  readonly commission: number
  readonly slippage: number
  readonly borrow: number
}

export interface CurveFigures {
  readonly initialCapital: number
  readonly finalEquity: number
  /** From the first to the last point. */
  readonly days: number
  readonly returns: ReturnSums
  readonly deepest: DrawdownPeriod | undefined
}

/** All of method 14's figures, in O(trades). `costs` are those of every fill, open positions included. */
export function metricsOf(
  { initialCapital, finalEquity, days, returns, deepest }: CurveFigures,
  trades: TradeLog,
  costs: Costs,
  signals: number,
  timeframe: Timeframe,
): Metrics {
  const grown = finalEquity / initialCapital
  const cagr = days > 0 && grown > 0 ? grown ** (365.25 / days) - 1 : null
  const maxDrawdown = deepest?.drawdownFrac ?? 0
  return {
    totalReturn: grown - 1,
    cagr,
    ...returns.ratios(barsPerYear[timeframe]),
    maxDrawdown,
    maxDrawdownBars: deepest?.durationBars ?? 0,
    maxDrawdownDays: deepest?.durationDays ?? 0,
    calmar: cagr === null || maxDrawdown === 0 ? null : cagr / maxDrawdown,
    ...tradeFigures(trades),
    totalCommission: costs.commission,
    totalSlippage: costs.slippage,
    totalBorrowCost: costs.borrow,
    initialCapital,
    finalEquity,
    totalSignals: signals,
  }
}

function tradeFigures(trades: TradeLog) {
  let [wins, losses, won, lost, largestWin, largestLoss] = [0, 0, 0, 0, 0, 0]
  let totalPnl = 0
  let [streak, longestWinStreak, longestLossStreak] = [0, 0, 0]
  let [rCount, rSum, rWins, rWinSum, rLosses, rLossSum] = [0, 0, 0, 0, 0, 0]
  for (let i = 0; i < trades.count; i++) {
    const pnl = trades.realized(i)
    totalPnl += pnl
    if (pnl > 0) {
      wins++
      won += pnl
      if (pnl > largestWin) largestWin = pnl
      streak = streak > 0 ? streak + 1 : 1
      if (streak > longestWinStreak) longestWinStreak = streak
    } else if (pnl < 0) {
      losses++
      lost -= pnl
      if (pnl < largestLoss) largestLoss = pnl
      streak = streak < 0 ? streak - 1 : -1
      if (-streak > longestLossStreak) longestLossStreak = -streak
    } else {
      streak = 0
    }
    const r = trades.rMultiple(i)
    if (!Number.isFinite(r)) continue
    rCount++
    rSum += r
    if (r > 0) {
      rWins++
      rWinSum += r
    } else if (r < 0) {
      rLosses++
      rLossSum -= r
    }
  }
  return {
    winRate: trades.count === 0 ? null : wins / trades.count,
    profitFactor: losses === 0 ? null : won / lost,
    averageR: rCount === 0 ? null : rSum / rCount,
    expectancyR: rCount === 0 ? null : expectancy(rCount, rWins, rWinSum, rLosses, rLossSum),
    totalPnl,
    totalTrades: trades.count,
    winningTrades: wins,
    losingTrades: losses,
    longestWinStreak,
    longestLossStreak,
    largestWin: wins === 0 ? null : largestWin,
    largestLoss: losses === 0 ? null : largestLoss,
  }
}

/** win_rate x mean winning R - loss_rate x |mean losing R|, over the trades that have an R. */
function expectancy(n: number, wins: number, winSum: number, losses: number, lossSum: number): number {
  const gain = wins === 0 ? 0 : (wins / n) * (winSum / wins)
  const loss = losses === 0 ? 0 : (losses / n) * (lossSum / losses)
  return gain - loss
}
