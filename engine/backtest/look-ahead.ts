import type { BarSeries } from '../bar-series.ts'
import type { Strategy } from '../strategy.ts'
import type { BacktestConfig } from './config.ts'
import type { Trade } from './trade-log.ts'

export interface LookAheadViolation {
  readonly tradeId: number
  readonly rule: 'fill after signal' | 'evidence confirmed' | 'fill within bar' | 'same on a prefix'
  readonly detail: string
}

export interface LookAheadCheck {
  readonly passed: boolean
  readonly tradesChecked: number
  readonly violations: readonly LookAheadViolation[]
}

/** Largest slippage a fill may lie outside its bar by, as a fraction of the price: half a percent and full impact. */
const slippageRoom = 0.01

/** Reads the trades themselves: filled after the signal was known, on known facts, at a price the bar had. */
export function checkLookAhead(
  series: readonly BarSeries[],
  trades: readonly Trade[],
  room = slippageRoom,
): LookAheadCheck {
  const bySymbol = new Map(series.map((bars) => [bars.symbol, bars]))
  const violations: LookAheadViolation[] = []
  for (const trade of trades) {
    const bars = bySymbol.get(trade.symbol)!
    const say = (rule: LookAheadViolation['rule'], detail: string): void => {
      violations.push({ tradeId: trade.tradeId, rule, detail })
    }
    // Bars are stamped with their open: the next one's is the earliest time at which a close is known.
    if (!(trade.entryBar > trade.signalBar && trade.exitBar >= trade.entryBar)) {
      say('fill after signal', `signal at bar ${trade.signalBar}, filled at bar ${trade.entryBar}`)
    }
    if (trade.confirmedBar !== null && trade.confirmedBar > trade.signalBar) {
      say('evidence confirmed', `confirmed at bar ${trade.confirmedBar}, ordered at bar ${trade.signalBar}`)
    }
    for (const [bar, price] of [
      [trade.entryBar, trade.entryPrice],
      [trade.exitBar, trade.exitPrice],
    ]) {
      if (price < bars.low[bar] * (1 - room) || price > bars.high[bar] * (1 + room)) {
        say('fill within bar', `${price} at bar ${bar} of ${bars.low[bar]} to ${bars.high[bar]}`)
      }
    }
  }
  return { passed: violations.length === 0, tradesChecked: trades.length, violations }
}

type RunTrades = (bars: BarSeries, config: BacktestConfig) => { readonly trades: readonly Trade[] }

/**
 * Runs the strategy again on the bars up to each of `cuts` alone: what it had traded by then must be the same. Finds
 * a strategy that reads bars it cannot know, which no look at the trades can.
 */
export function probeLookAhead(
  run: RunTrades,
  bars: BarSeries,
  config: BacktestConfig & { strategy: Strategy },
  cuts: readonly number[],
): LookAheadCheck {
  const { trades } = run(bars, config)
  const violations: LookAheadViolation[] = []
  for (const cut of cuts) {
    const known = trades.filter((trade) => trade.exitBar < cut)
    const again = run(prefix(bars, cut), config).trades
    for (let k = 0; k < Math.max(known.length, again.length); k++) {
      if (JSON.stringify(known[k]) === JSON.stringify(again[k])) continue
      violations.push({
        tradeId: k + 1,
        rule: 'same on a prefix',
        detail: `differs on the first ${cut} bars`,
      })
      break
    }
  }
  return { passed: violations.length === 0, tradesChecked: trades.length, violations }
}

function prefix(bars: BarSeries, length: number): BarSeries {
  const cut = (column: Float64Array): Float64Array => column.subarray(0, length)
  const { symbol, timeframe, time, open, high, low, close, volume } = bars
  return {
    symbol,
    timeframe,
    length,
    time: cut(time),
    open: cut(open),
    high: cut(high),
    low: cut(low),
    close: cut(close),
    volume: cut(volume),
  }
}
