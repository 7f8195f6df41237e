import type { Timeframe } from '../bar-series.ts'
import { drawdownsOf } from './drawdowns.ts'
import type { EquityCurve } from './equity.ts'
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

const dayMs = 86_400_000

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

/** All of section 14's figures: O(points + trades). `costs` are those of every fill, open positions included. */
export function metricsOf(
  equity: EquityCurve,
  trades: TradeLog,
  costs: Costs,
  signals: number,
  timeframe: Timeframe,
  riskFreeRate: number,
): Metrics {
  const { initialCapital, length, time, value } = equity
  const final = length === 0 ? initialCapital : value[length - 1]
  const days = length === 0 ? 0 : (time[length - 1] - time[0]) / dayMs
  const cagr = days > 0 && final > 0 ? (final / initialCapital) ** (365.25 / days) - 1 : null
  const deepest = drawdownsOf(equity, 1)[0]
  const maxDrawdown = deepest?.drawdownFrac ?? 0
  return {
    totalReturn: final / initialCapital - 1,
    cagr,
    ...returnRatios(value, initialCapital, barsPerYear[timeframe], riskFreeRate),
    maxDrawdown,
    maxDrawdownBars: deepest?.durationBars ?? 0,
    maxDrawdownDays: deepest?.durationDays ?? 0,
    calmar: cagr === null || maxDrawdown === 0 ? null : cagr / maxDrawdown,
    ...tradeFigures(trades),
    totalCommission: costs.commission,
    totalSlippage: costs.slippage,
    totalBorrowCost: costs.borrow,
    initialCapital,
    finalEquity: final,
    totalSignals: signals,
  }
}

class ReturnSums {
  previous: number
  sum = 0
  squares = 0
  downside = 0
  /** Bars whose value did not move: their return is exactly 0. */
  flat = 0

  constructor(initial: number) {
    this.previous = initial
  }

  /** A function over a block of points: one loop over all of a long curve would be stuck in its first compilation. */
  add(value: Float64Array, from: number, to: number, perBar: number): void {
    let { previous, sum, squares, downside, flat } = this
    for (let i = from; i < to; i++) {
      const now = value[i]
      if (now === previous) {
        flat++
        continue
      }
      const excess = now / previous - 1 - perBar
      sum += excess
      squares += excess * excess
      downside += excess < 0 ? excess * excess : 0
      previous = now
    }
    Object.assign(this, { previous, sum, squares, downside, flat })
  }
}

const blockPoints = 4096

/** Sharpe and Sortino of the bar returns, annualised; null with fewer than 2 returns, no spread, or ruin. */
export function returnRatios(
  value: Float64Array,
  initial: number,
  perYear: number,
  riskFreeRate: number,
): { sharpe: number | null; sortino: number | null } {
  const perBar = riskFreeRate / perYear
  const sums = new ReturnSums(initial)
  for (let from = 0; from < value.length; from += blockPoints) {
    sums.add(value, from, Math.min(from + blockPoints, value.length), perBar)
  }
  const n = value.length
  const sum = sums.sum - sums.flat * perBar
  const squares = sums.squares + sums.flat * perBar * perBar
  const downside = sums.downside + (perBar > 0 ? sums.flat * perBar * perBar : 0)
  const mean = sum / n
  // All returns equal leaves only rounding here.
  const variance = n < 2 || sums.flat === n ? 0 : (squares - n * mean * mean) / (n - 1)
  const scale = Math.sqrt(perYear)
  const finite = Number.isFinite(sum) && sums.previous > 0
  return {
    sharpe: finite && variance > squares * 1e-15 ? (mean / Math.sqrt(variance)) * scale : null,
    sortino: finite && downside > 0 ? (mean / Math.sqrt(downside / n)) * scale : null,
  }
}

function tradeFigures(trades: TradeLog) {
  let [wins, losses, won, lost, largestWin, largestLoss] = [0, 0, 0, 0, 0, 0]
  let [streak, longestWinStreak, longestLossStreak] = [0, 0, 0]
  let [rCount, rSum, rWins, rWinSum, rLosses, rLossSum] = [0, 0, 0, 0, 0, 0]
  for (let i = 0; i < trades.count; i++) {
    const pnl = trades.realized(i)
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
    totalPnl: trades.totals().pnl,
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
