import {
  type BacktestResult,
  type BarSeries,
  createBacktestEngine,
  generateBars,
  type Strategy,
  walkForward,
} from '@tapescope/engine'
import { Account } from '../../engine/backtest/account.ts'
import { resolveConfig } from '../../engine/backtest/config.ts'
import { reportOf } from '../../engine/backtest/report.ts'
import { Simulation } from '../../engine/backtest/simulation.ts'
import type { BenchCase, Budget, Work } from '../case.ts'
import { config } from '../config.ts'
import { timedStrategy, type TimedStrategy } from '../nfr/bar-times.ts'
import { unseenBars } from '../unseen-bars.ts'

// NFR7 and the rows of the specification's table about backtests.

const engine = createBacktestEngine()
const length = config.dataSizes[2]
const { ceilingsMs } = config

function ceilings(maxMs: number, reason: string): Budget[] {
  return (['p50', 'p95', 'p99'] as const).map((statistic) => ({
    kind: 'ceiling',
    statistic,
    maxNs: maxMs * 1e6,
    reason,
  }))
}

/** Closed trades of both sides, or it is no proof. @throws with what is missing */
function sides({ trades }: BacktestResult, atLeast: number): string {
  const long = trades.filter(({ side }) => side === 'LONG').length
  const short = trades.length - long
  if (trades.length < atLeast || long === 0 || short === 0)
    throw new Error(`${long} long and ${short} short trades closed, not ${atLeast} of both sides`)
  return `${long} long and ${short} short trades closed in a run`
}

function speedCase(name: string, unit: string, units: number, budgets: Budget[]): BenchCase {
  return {
    name: `nfr-backtest/${name}`,
    unit,
    about: `NFR7: wyckoff_all over ${length} unseen bars, at least 100 trades closed, long and short; report read`,
    budgets,
    gate: false,
    setup({ seed }): Work {
      let at = seed
      let bars: BarSeries
      let result: BacktestResult | undefined
      return {
        units,
        prepare() {
          if (result !== undefined) sides(result, 100)
          bars = generateBars({ seed: at++, length, structures: ['accumulation', 'distribution'] }).bars
        },
        run() {
          result = engine.run(bars, { strategy: 'wyckoff_all', haltCleared: true })
          return [result.trades, result.monthlyReturns, result.patternPerformance, result.campaignPerformance]
        },
        notes: () => [`${sides(result!, 100)}; the same holds for each of the ${at - seed} series`],
      }
    },
  }
}

const perBar = 1e9 / config.nfr7BarsPerSecond
const speed = speedCase('speed', 'bar', length, [
  ...ceilings(perBar / 1e6, `NFR7: at least ${config.nfr7BarsPerSecond} bars a second.`),
])
const total = speedCase(
  'total',
  'run',
  1,
  ceilings(ceilingsMs.backtestTotal, '10,000 bars in less than 5 s.'),
)

/** Each sample is one bar of a run, handed out one by one. */
function bars(
  name: string,
  about: string,
  unit: string,
  maxMs: number,
  play: (seed: number) => { timed: TimedStrategy; run: () => void; notes: () => string },
): BenchCase {
  return {
    name: `nfr-backtest/${name}`,
    unit,
    about,
    budgets: ceilings(maxMs, `At most ${maxMs} ms per ${unit}.`),
    gate: false,
    setup({ seed }): Work {
      const { timed, run, notes } = play(seed)
      let samples: number[] = []
      return {
        units: 1,
        timesItself: true,
        prepare() {
          if (samples.length > 0) return
          run()
          samples = timed.takeNs()
        },
        run: () => samples.pop()!,
        notes: () => [notes()],
      }
    },
  }
}

const orders = bars(
  'orders',
  'one market order at each of 1,000 bars: placed, filled at the next open with slippage, commission and the cap on volume, the account marked',
  'order',
  ceilingsMs.orderSimulation,
  (seed) => {
    const timed = timedStrategy('an order a bar', () => (bar, broker) => {
      if (broker.position === 0) broker.enter({ side: bar % 4 < 2 ? 'LONG' : 'SHORT', quantity: 10 })
      else broker.exit()
    })
    const next = unseenBars(config.dataSizes[1], seed)
    let last: BacktestResult | undefined
    return {
      timed,
      run: () => void (last = engine.run(next(), { strategy: timed.strategy })),
      notes: () =>
        `${last!.orders.filled} orders filled in a run of ${config.dataSizes[1]} bars; ${sides(last!, 100)}`,
    }
  },
)

const positions = bars(
  'positions',
  '100 bars with ten positions in ten symbols on one account: each marked and its stop held against each bar',
  'bar',
  ceilingsMs.positionTracking,
  (seed) => {
    const timed = timedStrategy('ten held', () => (bar, broker) => {
      if (bar === 0) broker.enter({ side: 'LONG', quantity: 1, stop: 1e-3 })
    })
    let next = seed
    let open = 0
    return {
      timed,
      run() {
        const series = Array.from(
          { length: 10 },
          (_, k) => generateBars({ seed: next++, length: 102, symbol: `P${k}` }).bars,
        )
        const { openPositions } = engine.runPortfolio(series, {
          strategy: timed.strategy,
          maxOpenPositions: 10,
        })
        open = openPositions.length
        if (open !== 10) throw new Error(`${open} positions are open, not 10`)
      },
      notes: () => `${open} positions open in each run`,
    }
  },
)

/** 100 round trips of two bars, long and short in turn, with stops too far away to be met. */
const hundredTrades: Strategy = {
  name: 'hundred trades',
  start: ({ bars }) => ({
    onBar(bar, broker) {
      if (bar >= 400) return
      const close = bars.close[bar]
      if (bar % 8 === 0) broker.enter({ side: 'LONG', quantity: 10, stop: close * 0.5 })
      else if (bar % 8 === 4) broker.enter({ side: 'SHORT', quantity: 10, stop: close * 2 })
      else if (bar % 4 === 2) broker.exit()
    },
  }),
}

const metrics: BenchCase = {
  name: 'nfr-backtest/metrics',
  unit: 'report',
  about:
    'metrics, drawdowns, months, performance by pattern and campaign and look-ahead check of 100 closed trades',
  budgets: ceilings(ceilingsMs.metricsOf100Trades, 'At most 50 ms from 100 trades.'),
  gate: false,
  setup({ seed }): Work {
    const next = unseenBars(420, seed)
    const resolved = resolveConfig({}, hundredTrades.name)
    let simulation: Simulation
    let count = 0
    return {
      units: 1,
      prepare() {
        const series: BarSeries = next()
        simulation = new Simulation(new Account(resolved, [series]), hundredTrades, 0, series.length)
        simulation.play(undefined)
      },
      run() {
        const report = reportOf({ symbol: 'NFR' }, simulation, 420)
        count = report.trades.length
        return [
          report.monthlyReturns,
          report.patternPerformance,
          report.campaignPerformance,
          report.lookAheadCheck,
        ]
      },
      notes() {
        if (count !== 100) throw new Error(`${count} trades were reported, not 100`)
        return [`${count} trades in each report`]
      },
    }
  },
}

const windows: BenchCase = {
  name: 'nfr-backtest/walk-forward',
  unit: 'run',
  about: 'walk-forward of wyckoff_all over 10,000 hourly bars: four windows of seven months and three',
  budgets: ceilings(ceilingsMs.walkForward, 'At most 30 s for four windows.'),
  gate: false,
  setup({ seed }): Work {
    let next = seed
    let bars: BarSeries
    let seen = ''
    return {
      units: 1,
      prepare: () => void ({ bars } = generateBars({ seed: next++, length, timeframe: '1h' })),
      run() {
        const { windows } = walkForward(
          engine,
          bars,
          { strategy: 'wyckoff_all', haltCleared: true },
          { trainMonths: 7, validateMonths: 3, stepMonths: 1 },
        )
        const traded = windows.reduce(
          (sum, { train, validate }) => sum + train.metrics.totalTrades + validate.metrics.totalTrades,
          0,
        )
        if (windows.length !== 4 || traded === 0)
          throw new Error(`${windows.length} windows with ${traded} trades, not four that trade`)
        seen = `${windows.length} windows, ${traded} trades closed`
      },
      notes: () => [seen],
    }
  },
}

export default [speed, total, orders, positions, metrics, windows]
