import { dayMs } from './calendar.ts'
import type { Trade } from './trade-log.ts'

export interface GroupPerformance {
  readonly trades: number
  readonly wins: number
  readonly losses: number
  readonly winRate: number
  readonly averageR: number | null
  /** Null without a losing trade. */
  readonly profitFactor: number | null
  readonly totalPnl: number
  readonly meanDurationBars: number
  readonly meanDurationDays: number
  readonly bestPnl: number
  readonly worstPnl: number
}

export interface PatternPerformance extends GroupPerformance {
  readonly patternType: string
}

export interface CampaignPerformance extends GroupPerformance {
  readonly campaignId: string
  readonly side: Trade['side']
  readonly startDate: number
  readonly endDate: number
  /** ACTIVE while something of it is held; otherwise by its result (method 12). */
  readonly status: 'ACTIVE' | 'COMPLETED' | 'FAILED'
  /** Patterns traded, in order of entry. */
  readonly sequence: readonly string[]
  readonly phases: readonly string[]
  readonly realizedR: number | null
  readonly failureReason: string | null
}

export function patternPerformanceOf(trades: readonly Trade[]): PatternPerformance[] {
  return [...Map.groupBy(trades, (trade) => trade.patternType)]
    .filter((group): group is [string, Trade[]] => group[0] !== null)
    .map(([patternType, group]) => ({ patternType, ...performanceOf(group) }))
    .sort((a, b) => (a.patternType < b.patternType ? -1 : 1))
}

/** `held`: campaigns of which something is still open. Those with no closed trade yet do not appear. */
export function campaignPerformanceOf(
  trades: readonly Trade[],
  held: ReadonlySet<string>,
): CampaignPerformance[] {
  return [...Map.groupBy(trades, (trade) => trade.campaignId)]
    .filter((group): group is [string, Trade[]] => group[0] !== null)
    .map(([campaignId, group]) => {
      const entered = group.toSorted((a, b) => a.entryBar - b.entryBar)
      const performance = performanceOf(group)
      const succeeded = performance.totalPnl > 0 || group.some((trade) => trade.exitReason === 'TARGET')
      const status = held.has(campaignId) ? 'ACTIVE' : succeeded ? 'COMPLETED' : 'FAILED'
      const rs = group.flatMap((trade) => trade.rMultiple ?? [])
      return {
        campaignId,
        ...performance,
        side: entered[0].side,
        startDate: entered[0].entryTime,
        endDate: group.at(-1)!.exitTime,
        status,
        sequence: distinct(entered, (trade) => `${trade.signalBar}`).flatMap(
          (trade) => trade.patternType ?? [],
        ),
        phases: [...new Set(entered.flatMap((trade) => trade.entryPhase ?? []))],
        realizedR: rs.length === 0 ? null : rs.reduce((sum, r) => sum + r, 0),
        failureReason: status === 'FAILED' ? group.at(-1)!.exitReason : null,
      }
    })
}

function performanceOf(trades: readonly Trade[]): GroupPerformance {
  const pnl = trades.map((trade) => trade.realizedPnl)
  const wins = pnl.filter((value) => value > 0)
  const losses = pnl.filter((value) => value < 0)
  const rs = trades.flatMap((trade) => trade.rMultiple ?? [])
  return {
    trades: trades.length,
    wins: wins.length,
    losses: losses.length,
    winRate: wins.length / trades.length,
    averageR: rs.length === 0 ? null : sum(rs) / rs.length,
    profitFactor: losses.length === 0 ? null : sum(wins) / -sum(losses),
    totalPnl: sum(pnl),
    meanDurationBars: sum(trades.map((trade) => trade.exitBar - trade.entryBar)) / trades.length,
    meanDurationDays: sum(trades.map((trade) => trade.exitTime - trade.entryTime)) / dayMs / trades.length,
    // Not Math.max(...pnl): a million trades would not fit on the stack.
    bestPnl: pnl.reduce((best, value) => (value > best ? value : best), -Infinity),
    worstPnl: pnl.reduce((worst, value) => (value < worst ? value : worst), Infinity),
  }
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)

function distinct(trades: readonly Trade[], key: (trade: Trade) => string): Trade[] {
  return [...new Map(trades.toReversed().map((trade) => [key(trade), trade])).values()].toReversed()
}
