import {
  createBacktestEngine,
  smaCross,
  type BarSeries,
  type Broker,
  type Strategy,
  type Trade,
} from '@tapescope/engine'
import { DataFrame, type ISeries } from 'data-forge'
import { analyze, backtest, computeDrawdown, computeEquityCurve, type IBar } from 'grademark'
import type { BenchCase, Budget, Rival } from '../case.ts'
import { config } from '../config.ts'
import { hasCompiler } from '../native/compiler.ts'
import { startReference } from '../native/reference.ts'
import { unseenBars } from '../unseen-bars.ts'

const engine = createBacktestEngine()
/** Without costs, so that engines with other cost models can be held against it to the cent. */
const free = {
  positionFrac: 0.1,
  commission: { model: 'FIXED', amount: 0 },
  slippage: { model: 'FIXED_PERCENTAGE', frac: 0 },
} as const

const run = (bars: BarSeries) => engine.run(bars, { ...free, strategy: smaCross() })

interface SmaBar extends IBar {
  fast: number
  slow: number
}

/** The means as data-forge-indicators, which grademark's documentation uses, computes them: read lazily, bar by bar. */
function sma(close: ISeries<number, number>, length: number): ISeries<number, number> {
  return close
    .rollingWindow(length)
    .select((window): [number, number] => [window.getIndex().last(), window.average()])
    .withIndex(([index]) => index)
    .select(([, mean]) => mean)
}

/** The same job as the engine's from rows without indicators: means, trades, equity curve, drawdown, metrics. */
function documented(frame: DataFrame<number, SmaBar>): void {
  const close = frame.deflate((bar) => bar.close)
  const means = frame.withSeries('fast', sma(close, 10)).withSeries('slow', sma(close, 30)).skip(30)
  const trades = peer(means as DataFrame<number, SmaBar>)
  analyze(100_000, trades)
  computeEquityCurve(100_000, trades)
  computeDrawdown(100_000, trades)
}

/** Mean of the `length` closes up to and including that of bar `end`. */
function meanOf({ close }: BarSeries, end: number, length: number): number {
  let sum = 0
  for (let i = end - length + 1; i <= end; i++) sum += close[i]
  return sum / length
}

/** Ready-made signals, as grademark gets them: both averages to be compared on every bar, or the crosses themselves. */
interface Given {
  readonly bars: BarSeries
  readonly averages: Strategy
  readonly crosses: Strategy
}

function given(bars: BarSeries): Given {
  const fast = Float64Array.from(bars.close, (_, i) => (i < 29 ? NaN : meanOf(bars, i, 10)))
  const slow = Float64Array.from(bars.close, (_, i) => (i < 29 ? NaN : meanOf(bars, i, 30)))
  const above = (bar: number): boolean => fast[bar] > slow[bar]
  const wakeBars = Int32Array.from(fast.keys()).filter((i) => i > 29 && above(i) !== above(i - 1))
  const cross = (up: boolean, broker: Broker): void => {
    if (up && broker.position === 0) broker.enter({ side: 'LONG' })
    else if (!up && broker.position > 0) broker.exit()
  }
  let was = false
  const averages: Strategy = {
    name: 'averages_given',
    start: () => ({
      onBar(bar, broker) {
        if (bar < 29) return
        const now = above(bar)
        if (now !== was && bar > 29) cross(now, broker)
        was = now
      },
    }),
  }
  const crosses: Strategy = {
    name: 'crosses_given',
    start: () => ({ wakeBars, onBar: (bar, broker) => cross(above(bar), broker) }),
  }
  return { bars, averages, crosses }
}

/** grademark wants rows, and here gets its indicators, too, made outside of its time. */
function rows(bars: BarSeries): DataFrame<number, SmaBar> {
  const values: SmaBar[] = []
  for (let i = 29; i < bars.length; i++)
    values.push({
      time: new Date(bars.time[i]),
      open: bars.open[i],
      high: bars.high[i],
      low: bars.low[i],
      close: bars.close[i],
      volume: bars.volume[i],
      fast: meanOf(bars, i, 10),
      slow: meanOf(bars, i, 30),
    })
  return new DataFrame<number, SmaBar>({ values })
}

function peer(frame: DataFrame<number, SmaBar>) {
  let below = false
  return backtest<IBar, SmaBar, object, number>(
    {
      entryRule(enter, { bar }) {
        if (bar.fast > bar.slow && below) enter()
        below = bar.fast < bar.slow
      },
      exitRule(exit, { bar }) {
        below = bar.fast < bar.slow
        if (below) exit()
      },
    },
    frame,
  )
}

/**
 * grademark asks no exit on the bar of an entry, and no entry on the bar of an exit: it then acts one bar late, or not
 * at all. What both can do is a round trip of more than one bar whose signal comes at least two bars after the exit
 * before it; its delay has passed by then, as it is never more than one bar. It also closes what is open at the end.
 */
function expressible(trades: readonly Trade[]): readonly Trade[] {
  return trades.filter((trade, i) => {
    const quiet = i === 0 || trade.signalBar - trades[i - 1].exitBar >= 2
    return quiet && trade.exitBar - trade.entryBar > 1
  })
}

/** With its signals ready-made the engine makes the trades that it makes by itself. */
function sameAsGiven(bars: BarSeries): void {
  const { averages, crosses } = given(bars)
  const own = run(bars).trades.map(({ entryBar, exitBar, realizedPnl }) =>
    [entryBar, exitBar, realizedPnl].join(),
  )
  for (const strategy of [averages, crosses]) {
    const theirs = engine.run(bars, { ...free, strategy }).trades
    const same = theirs.filter(
      ({ entryBar, exitBar, realizedPnl }, i) => own[i] === [entryBar, exitBar, realizedPnl].join(),
    )
    if (own.length === 0 || own.length !== theirs.length || same.length !== own.length)
      throw new Error(`${strategy.name}: ${same.length} of ${own.length} trades are those of the SMA cross`)
  }
}

/** Every round trip that both engines can express must be the same: times and prices; and most must be of that kind. */
function sameTrades(bars: BarSeries): void {
  const all = run(bars).trades
  const ours = expressible(all)
  if (ours.length < all.length * 0.9)
    throw new Error(`only ${ours.length} of ${all.length} trades can be compared with grademark's`)
  const theirs = new Map(peer(rows(bars)).map((trade) => [trade.entryTime.getTime(), trade]))
  const different = ours.filter((trade) => {
    const other = theirs.get(trade.entryTime)
    return (
      other === undefined ||
      other.exitTime.getTime() !== trade.exitTime ||
      Math.abs(other.entryPrice - trade.entryPrice) > 0.005 ||
      Math.abs(other.exitPrice - trade.exitPrice) > 0.005
    )
  })
  if (ours.length === 0 || different.length > 0)
    throw new Error(`${different.length} of ${ours.length} trades differ from grademark's`)
}

function smaCase(length: number): BenchCase {
  const withPeer = length === 10_000
  const budgets: Budget[] = [
    {
      kind: 'ceiling',
      maxNs: 100,
      reason: 'Four times the 25 ns of a quiet machine; C decides, not the clock.',
    },
  ]
  if (hasCompiler())
    budgets.push({
      kind: 'ratio',
      rival: 'C',
      max: 4,
      reason: 'Checks, orders, fills, equity and metrics may cost 4 times tuned C.',
    })
  // Its trades alone, with the indicators made beforehand, stand beside it without a budget: another job.
  if (withPeer)
    budgets.push({
      kind: 'ratio',
      rival: 'grademark',
      max: 1 / 40,
      reason: 'At least 40 times as fast as the npm peer.',
    })
  return {
    name: `backtest/sma-${length / 1000}k`,
    unit: 'bar',
    about: `SMA cross 10/30 over ${length} unseen bars: orders, fills, equity, metrics`,
    budgets,
    gate: length <= 100_000,
    quick: length <= 100_000,
    kernel: true,
    setup({ seed, rivals }) {
      const next = unseenBars(length, seed)
      let bars = next()
      const others: Rival[] = []
      const c = rivals ? startReference() : undefined
      if (c !== undefined)
        others.push({
          name: 'C',
          units: length,
          timesItself: true,
          prepare: () => c.load(bars),
          run: async () => (await c.pass(`sma ${free.positionFrac} 252`))[0],
        })
      let frame = withPeer && rivals ? rows(bars) : undefined
      if (frame !== undefined)
        others.push(
          {
            name: 'grademark',
            units: length,
            prepare: () => void (frame = rows(bars)),
            run: () => documented(frame!),
          },
          {
            name: 'grademark, indicators given, trades only',
            units: length,
            prepare: () => void (frame = rows(bars)),
            run: () => peer(frame!),
          },
        )
      // The same of ours, with curve and metrics: what the figure before this one is to be held against.
      let ready = withPeer && rivals ? given(bars) : undefined
      const ours = (name: string, strategy: (ready: Given) => Strategy): Rival => ({
        name,
        units: length,
        prepare: () => void (ready = given(next())),
        run: () => engine.run(ready!.bars, { ...free, strategy: strategy(ready!) }),
      })
      if (ready !== undefined)
        others.push(
          ours('the engine, averages given', ({ averages }) => averages),
          ours('the engine, crosses given', ({ crosses }) => crosses),
        )
      return {
        units: length,
        prepare: () => void (bars = next()),
        run: () => run(bars),
        rivals: others,
        async verify() {
          if (withPeer && rivals) {
            sameTrades(bars)
            sameAsGiven(bars)
          }
          if (c === undefined) return
          await c.load(bars)
          const [, ...theirs] = await c.pass(`sma ${free.positionFrac} 252`)
          const { metrics, orders, riskMetrics } = run(bars)
          const ours = {
            finalEquity: metrics.finalEquity,
            totalTrades: metrics.totalTrades,
            orders: orders.submitted,
            sharpe: metrics.sharpe,
            sortino: metrics.sortino,
            maxDrawdown: metrics.maxDrawdown,
            maxDrawdownBars: metrics.maxDrawdownBars,
            winRate: metrics.winRate,
            profitFactor: metrics.profitFactor,
            meanDeployed: riskMetrics.meanCapitalDeployed,
          }
          for (const [k, [name, value]] of Object.entries(ours).entries())
            if (!(Math.abs(value! - theirs[k]) <= 1e-9 * Math.max(1, Math.abs(theirs[k]))))
              throw new Error(`${name}: ${value} by the engine, ${theirs[k]} by C`)
        },
        async close() {
          await c?.close()
        },
      }
    },
  }
}

export default config.unseenSizes.map(smaCase)
