import { expect, test } from 'vitest'
import { createBacktestEngine } from './backtest/engine.ts'
import { scriptedBars } from './backtest/scripted-bars.ts'
import { generateBars } from './generator.ts'
import { subStateOfE } from './phase-confidence.ts'
import { PhaseExits } from './phase-exits.ts'
import type { BarOutcome } from './signal.ts'
import type { Broker, ExitOrder } from './strategy.ts'

/** Closes that move by `step` of 100 a bar, with `volumes` for the first ten bars and the rest. */
const trend = (step: number, volumes: readonly [number, number] = [1000, 1000]) =>
  scriptedBars(
    Array.from({ length: 40 }, (_, i) => {
      const close = 100 * (1 + step * i)
      return [close, close * 1.01, close * 0.99, close, volumes[i < 10 ? 0 : 1]] as const
    }),
  )

const start = trend(0).time[0]
const campaign = 'TEST-1d-20230101'

const begun = (side: 1 | -1): BarOutcome => {
  const reason = side === 1 ? 'LPS' : 'LPSY'
  const fact = { kind: 'PHASE', bar: 0, key: `TEST|1d|${start}|PHASE|${start}`, data: { to: 'E', reason } }
  return {
    log: [fact],
    events: [{ type: reason, price: 98, rangeStartTime: start }],
  } as unknown as BarOutcome
}

/** What the exits order at the close of each of `closes`. */
function orders(bars: ReturnType<typeof trend>, side: 1 | -1, closes: readonly number[]) {
  const ordered: unknown[] = []
  const broker = {
    exit: (order: ExitOrder) => ordered.push(order.frac),
    tightenStop: (price: number) => ordered.push(`stop ${price.toFixed(2)}`),
  } as unknown as Broker
  const exits = new PhaseExits(bars)
  exits.read(begun(side))
  for (const bar of closes) exits.apply(side === 1 ? campaign : `${campaign}-S`, bar, broker)
  return ordered
}

test('phase E ages from early over mature to late and exhausted; a distribution is its mirror', () => {
  expect(subStateOfE(0, 1, trend(0.005), 9)).toBe('EARLY')
  expect(subStateOfE(0, 1, trend(0.005), 12)).toBe('MATURE')
  expect(subStateOfE(0, -1, trend(-0.005), 12)).toBe('MATURE')
  expect(subStateOfE(0, 1, trend(-0.005), 12)).toBe('LATE')
  expect(subStateOfE(0, 1, trend(0.0015, [1000, 100]), 19)).toBe('LATE')
  expect(subStateOfE(0, 1, trend(0, [1000, 700]), 19)).toBe('EXHAUSTION')
  expect(subStateOfE(0, 1, trend(0, [1000, 900]), 19)).toBe('LATE')
})

test('a mature trend draws the stop in, a late one halves and an exhausted one leaves a quarter, each once', () => {
  expect(orders(trend(0.005), 1, [5, 12])).toEqual(['stop 97.02'])
  expect(orders(trend(-0.005), -1, [5, 12])).toEqual(['stop 98.98'])
  expect(orders(trend(0), 1, [9, 10, 11, 12])).toEqual([0.5])
  expect(orders(trend(0, [1000, 500]), 1, [10, 19, 20])).toEqual([0.5, 0.75])
  expect(orders(trend(0, [1000, 500]), 1, [19, 20, 39])).toEqual([0.75])
  expect(orders(trend(0), -1, [])).toEqual([])
})

test('in a backtest they act only when asked for, in whole lots, and leave the books true', () => {
  const { bars } = generateBars({ seed: 7, length: 6000 })
  const run = (config: object) =>
    createBacktestEngine().run(bars, { haltCleared: true, maxOpenPositions: 100, ...config })
  const phase = (config: object) => run(config).trades.filter(({ exitReason }) => exitReason === 'PHASE')
  expect(phase({})).toEqual([])
  const exits = phase({ applyPhaseExits: true })
  expect(exits.length).toBeGreaterThan(0)
  const result = run({ applyPhaseExits: true })
  expect(result.config.applyPhaseExits).toBe(true)
  expect(result.lookAheadCheck.passed).toBe(true)
  const open = result.openPositions.reduce((sum, held) => sum + held.unrealizedPnl - held.entryCommission, 0)
  const pnl = result.trades.reduce((sum, trade) => sum + trade.realizedPnl, 0)
  expect(result.equity.value.at(-1)).toBeCloseTo(100_000 + pnl + open, 6)
})

test('a stop is drawn in, never out, and given to an entry that has none', () => {
  const rows = Array.from({ length: 6 }, () => [100, 101, 99, 100] as const)
  const stops: (number | null)[][] = []
  createBacktestEngine().run(scriptedBars(rows), {
    strategy: {
      name: 'drawn',
      start: () => ({
        onBar(bar, broker) {
          if (bar === 0) for (const stop of [90, 97]) broker.enter({ side: 'LONG', quantity: 1, stop })
          if (bar === 0) broker.enter({ side: 'LONG', quantity: 1 })
          if (bar === 2) broker.tightenStop(95)
          if (bar > 0) stops.push(broker.positions().map(({ stop }) => stop))
        },
      }),
    },
  })
  expect(stops.slice(0, 2)).toEqual([
    [90, 97, null],
    [95, 97, 95],
  ])
})
