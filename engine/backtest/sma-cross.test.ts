import { expect, test } from 'vitest'
import type { BarSeries } from '../bar-series.ts'
import { smaCross } from '../strategy-sma-cross.ts'
import { createBacktestEngine } from './engine.ts'
import { randomWalk } from './scripted-bars.ts'

/** The same backtest written down literally, with no part of the engine in it. */
function literalSmaCross(bars: BarSeries, capital: number, frac: number) {
  const mean = (end: number, n: number) => {
    let sum = 0
    for (let i = end - n + 1; i <= end; i++) sum += bars.close[i]
    return sum / n
  }
  const fee = (q: number) => Math.max(1, q * 0.005)
  let [cash, held, entry] = [capital, 0, 0]
  let intent: 'buy' | 'sell' | null = null
  let wanted = 0
  const values: number[] = []
  const trades: { entry: number; exit: number; pnl: number }[] = []
  let entryFee = 0
  for (let i = 0; i < bars.length; i++) {
    if (intent === 'buy') {
      entry = bars.open[i] * 1.0002
      held = wanted
      entryFee = fee(held)
      cash -= held * entry + entryFee
    } else if (intent === 'sell') {
      const exit = bars.open[i] * 0.9998
      cash += held * exit - fee(held)
      trades.push({ entry, exit, pnl: (exit - entry) * held - entryFee - fee(held) })
      held = 0
    }
    intent = null
    values.push(cash + held * bars.close[i])
    if (i < 30) continue
    const now = mean(i, 10) - mean(i, 30)
    const before = mean(i - 1, 10) - mean(i - 1, 30)
    if (now > 0 && before <= 0 && held === 0) {
      intent = 'buy'
      wanted = Math.floor((values[i] * frac) / bars.close[i])
    }
    if (now < 0 && before >= 0 && held > 0) intent = 'sell'
  }
  return { values, trades }
}

test.each([1, 2, 3])('equals a literal implementation on random bars, seed %i', (seed) => {
  const bars = randomWalk(10_000, seed)
  const literal = literalSmaCross(bars, 100_000, 0.5)
  const result = createBacktestEngine().run(bars, {
    strategy: smaCross(),
    positionFrac: 0.5,
    slippage: { model: 'FIXED_PERCENTAGE', frac: 0.0002 },
  })
  expect(result.trades.length).toBe(literal.trades.length)
  expect(literal.trades.length).toBeGreaterThan(100)
  for (const [i, trade] of result.trades.entries()) {
    expect(trade.entryPrice).toBeCloseTo(literal.trades[i].entry, 9)
    expect(trade.exitPrice).toBeCloseTo(literal.trades[i].exit, 9)
    expect(trade.realizedPnl).toBeCloseTo(literal.trades[i].pnl, 6)
  }
  for (let i = 0; i < bars.length; i++) {
    expect(Math.abs(result.equity.value[i] - literal.values[i])).toBeLessThan(1e-6)
  }
})
