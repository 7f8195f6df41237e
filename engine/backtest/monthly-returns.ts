import { type YearMonth, monthLabel, monthOf, monthStart } from './calendar.ts'
import type { EquityCurve } from './equity.ts'
import { monthEnds } from './month-ends.ts'
import type { Trade } from './trade-log.ts'

export interface MonthlyReturn {
  readonly year: number
  /** 1-12, UTC. */
  readonly month: number
  /** `Jan 2023`. */
  readonly label: string
  /** Last value of the month / last value of the month before - 1; the initial capital before the first. */
  readonly returnFrac: number
  /** Trades that closed in this month. */
  readonly tradeCount: number
  readonly winningTrades: number
  readonly losingTrades: number
}

/** One row for every calendar month from the first point to the last, also for months that hold no bar. */
export function monthlyReturnsOf(
  { time, value: values, initialCapital }: EquityCurve,
  trades: readonly Trade[],
): MonthlyReturn[] {
  const byMonth = Map.groupBy(trades, (trade) => keyOf(monthOf(trade.exitTime)))
  const rows: MonthlyReturn[] = []
  let before = initialCapital
  let next: YearMonth | null = null
  for (const index of monthEnds(time)) {
    const month = monthOf(time[index])
    while (next !== null && keyOf(next) < keyOf(month)) {
      rows.push(row(next, 0, byMonth.get(keyOf(next)) ?? []))
      next = following(next)
    }
    const value = values[index]
    rows.push(row(month, value / before - 1, byMonth.get(keyOf(month)) ?? []))
    before = value
    next = following(month)
  }
  return rows
}

function row({ year, month }: YearMonth, returnFrac: number, trades: readonly Trade[]): MonthlyReturn {
  return {
    year,
    month,
    label: monthLabel({ year, month }),
    returnFrac,
    tradeCount: trades.length,
    winningTrades: trades.filter((trade) => trade.realizedPnl > 0).length,
    losingTrades: trades.filter((trade) => trade.realizedPnl < 0).length,
  }
}

const keyOf = ({ year, month }: YearMonth): number => year * 12 + month - 1
const following = ({ year, month }: YearMonth): YearMonth => monthOf(monthStart(year, month + 1))
