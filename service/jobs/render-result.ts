import type { BacktestResult } from '@tapescope/engine'
import { snakeCase } from '../snake-case.ts'

/** A result as its columns hold it, JSON as text: made in the thread of the run, where it holds nobody up. */
export interface StoredResult {
  config: string
  equityCurve: string | null
  trades: string | null
  metrics: string
  drawdownPeriods: string
  riskMetrics: string
  costSummary: string
  barsProcessed: number
  seconds: number
  trace: { traceId: string; spanId: string } | null
}

export function renderResult(
  result: BacktestResult,
  metricsOnly: boolean,
): Omit<StoredResult, 'seconds' | 'trace'> {
  const { equity, metrics } = result
  const json = (value: unknown) => JSON.stringify(snakeCase(value))
  return {
    config: json(result.config),
    equityCurve: metricsOnly ? null : JSON.stringify(equityRows(equity)),
    trades: metricsOnly ? null : json(result.trades.map(withTimes)),
    metrics: json(metrics),
    drawdownPeriods: json(result.drawdownPeriods.map(withTimes)),
    riskMetrics: json(result.riskMetrics),
    costSummary: json({
      totalCommission: metrics.totalCommission,
      totalSlippage: metrics.totalSlippage,
      totalBorrowCost: metrics.totalBorrowCost,
    }),
    barsProcessed: result.barsProcessed,
  }
}

/** More than anybody draws; a million would be 170 MB, which could be stored and never read. */
const maxPoints = 20_000

/**
 * A point per bar, by far the most of a result: named here, as renaming each took a quarter of a run. Of a long run every
 * n-th, so that the last is that of the last bar; measures have been taken of all.
 */
function equityRows(equity: BacktestResult['equity']): object[] {
  const step = Math.ceil(equity.length / maxPoints)
  const first = (equity.length - 1) % Math.max(1, step)
  return Array.from({ length: Math.ceil((equity.length - first) / Math.max(1, step)) }, (_, k) => {
    const point = equity.point(first + k * step)
    const { time, portfolioValue, cash, positionsValue, barReturn, cumulativeReturn } = point
    return {
      timestamp: new Date(time).toISOString(),
      portfolio_value: portfolioValue,
      cash,
      positions_value: positionsValue,
      bar_return: barReturn,
      cumulative_return: cumulativeReturn,
    }
  })
}

/** Epoch milliseconds as ISO 8601, as everywhere in the API. */
function withTimes(row: object): object {
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => [
      name,
      /[tT]ime$/.test(name) && typeof value === 'number' ? new Date(value).toISOString() : value,
    ]),
  )
}
