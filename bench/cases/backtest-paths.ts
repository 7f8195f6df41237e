import {
  buyAndHold,
  createBacktestEngine,
  createSignalEngine,
  smaCross,
  type BacktestEngine,
  type BarSeries,
  type Strategy,
} from '@tapescope/engine'
import type { BenchCase, Rival } from '../case.ts'
import { run as runProcess } from '../child.ts'
import { config } from '../config.ts'
import { median } from '../statistics.ts'
import { unseenBars } from '../unseen-bars.ts'

let made: BacktestEngine | undefined
/** Made when first asked for: the first run of a process includes it. */
const engine = (): BacktestEngine => (made ??= createBacktestEngine())
const free = {
  positionFrac: 0.1,
  commission: { model: 'FIXED', amount: 0 },
  slippage: { model: 'FIXED_PERCENTAGE', frac: 0 },
} as const
const length = 100_000

/** CPU of the thread that runs, in ns: what its caller waits for on a quiet machine, and what others disturb least. */
function cpuNs(work: () => unknown): number {
  const before = process.threadCpuUsage()
  work()
  const { user, system } = process.threadCpuUsage(before)
  return (user + system) * 1_000
}

const sma = (bars: BarSeries) => engine().run(bars, { ...free, strategy: smaCross() })

/** Signals that are known beforehand: in at one of every 200 bars, out 50 bars later. */
function knownSignals(): Strategy {
  const wakeBars = Int32Array.from({ length: length / 100 }, (_, k) => (k >> 1) * 200 + (k & 1) * 50)
  return {
    name: 'known_signals',
    start: () => ({
      wakeBars,
      onBar(_bar, broker) {
        if (broker.position === 0) broker.enter({ side: 'LONG' })
        else broker.exit()
      },
    }),
  }
}

/** Holds all the time like buy-and-hold, but closes and opens again 500 times. */
function reentering(): Strategy {
  const wakeBars = Int32Array.from({ length: 501 }, (_, k) => Math.floor((k * length) / 502))
  return {
    name: 'reentering',
    start: () => ({
      wakeBars,
      onBar(_bar, broker) {
        if (broker.position !== 0) broker.exit()
        broker.enter({ side: 'LONG', quantity: 'max' })
      },
    }),
  }
}

/** A case over 100,000 unseen bars, new ones for each iteration of the subject. */
function pathCase(
  about: Pick<BenchCase, 'name' | 'about' | 'budgets'> & Partial<BenchCase>,
  subject: (bars: BarSeries) => unknown,
  rivals: Record<string, (bars: BarSeries) => unknown> = {},
  verify: (bars: BarSeries) => void = () => {},
): BenchCase {
  return {
    unit: 'bar',
    kernel: true,
    ...about,
    setup({ seed, rivals: wanted }) {
      const next = unseenBars(length, seed)
      let bars = next()
      const others = Object.entries(rivals).map(([name, run]): Rival => {
        let theirs = next()
        return { name, units: length, prepare: () => void (theirs = next()), run: () => run(theirs) }
      })
      return {
        units: length,
        prepare: () => void (bars = next()),
        run: () => subject(bars),
        rivals: wanted ? others : [],
        verify: () => verify(bars),
      }
    },
  }
}

const sparse = pathCase(
  {
    name: 'backtest-paths/sparse',
    about: 'Signals known beforehand, 1 bar in 100: flat stretches filled, held ones marked',
    budgets: [
      { kind: 'ceiling', maxNs: 16, reason: 'Four times the 4 ns of a quiet machine.' },
      { kind: 'ratio', rival: 'bar by bar', max: 0.35, reason: 'What is skipped must pay.' },
      { kind: 'allocation', maxBytes: 16, reason: 'A run keeps next to nothing per bar beyond the columns.' },
    ],
  },
  (bars) => engine().run(bars, { ...free, strategy: knownSignals() }),
  { 'bar by bar': sma },
  (bars) => {
    const { length: trades } = engine().run(bars, { ...free, strategy: knownSignals() }).trades
    if (trades !== 500) throw new Error(`${trades} trades, not 500`)
  },
)

const closing = pathCase(
  {
    name: 'backtest-paths/500-trades',
    about: 'Always invested, closed and opened again 500 times',
    budgets: [
      {
        kind: 'ratio',
        rival: 'buy and hold',
        max: 1.3,
        reason: 'The predecessor crashed on its first closed trade and grew quadratically.',
      },
    ],
  },
  (bars) => engine().run(bars, { ...free, strategy: reentering() }),
  { 'buy and hold': (bars) => engine().run(bars, { ...free, strategy: buyAndHold() }) },
  (bars) => {
    const { trades, openPositions } = engine().run(bars, { ...free, strategy: reentering() })
    if (trades.length !== 500 || openPositions.length !== 1)
      throw new Error(`${trades.length} trades closed and ${openPositions.length} open, not 500 and 1`)
  },
)

const memory = pathCase(
  {
    name: 'backtest-paths/memory',
    about: 'Buy and hold: what a run allocates per bar',
    gate: false,
    budgets: [{ kind: 'allocation', maxBytes: 1, reason: 'None per bar.' }],
  },
  (bars) => engine().run(bars, { ...free, strategy: buyAndHold() }),
)

const memoryOfTrades = pathCase(
  {
    name: 'backtest-paths/memory-sma',
    about:
      'SMA cross, a trade every 43 bars: what a run allocates per bar, logs of trades and equity included',
    gate: false,
    budgets: [
      { kind: 'allocation', maxBytes: 8, reason: 'Orders and entries are used again.' },
      {
        kind: 'allocation',
        maxBytes: 16,
        columns: true,
        reason: 'Objects and columns beyond those of the bars.',
      },
    ],
  },
  sma,
)

const symbols = 10

/** The series with the times of the first: symbols of one market have their bars at the same instants. */
const inStep = (series: readonly BarSeries[]): BarSeries[] =>
  series.map((bars) => ({ ...bars, time: series[0].time }))

/** Ten symbols of 10,000 bars each on one account, against the same ten run alone. */
const portfolio: BenchCase = {
  name: 'backtest-paths/portfolio',
  unit: 'bar',
  about: 'SMA cross of ten symbols on one account, 10,000 bars each',
  kernel: true,
  budgets: [
    {
      kind: 'ratio',
      rival: 'one by one',
      max: 8,
      reason: 'Merging times and marking all symbols at each must not cost a multiple that grows.',
    },
  ],
  setup({ seed }) {
    const next = unseenBars(length / symbols, seed)
    const draw = (): BarSeries[] =>
      inStep(Array.from({ length: symbols }, (_, k) => ({ ...next(), symbol: `S${k}` })))
    let [together, alone] = [draw(), draw()]
    return {
      units: length,
      prepare: () => void (together = draw()),
      run: () =>
        engine().runPortfolio(together, { ...free, maxOpenPositions: symbols, strategy: smaCross() }),
      rivals: [
        {
          name: 'one by one',
          units: length,
          prepare: () => void (alone = draw()),
          run: () => alone.map(sma),
        },
      ],
      verify() {
        const { metrics } = engine().runPortfolio(together, {
          ...free,
          maxOpenPositions: symbols,
          strategy: smaCross(),
        })
        if (metrics.totalTrades < 1000) throw new Error(`only ${metrics.totalTrades} trades`)
      },
    }
  },
}

const signals = createSignalEngine()

const wyckoff = pathCase(
  {
    name: 'backtest-paths/wyckoff',
    about: 'Wyckoff signals judged bar by bar against the account, traded, reported',
    kernel: false,
    budgets: [
      {
        kind: 'ratio',
        rival: 'signals bar by bar',
        max: 1.2,
        reason: 'Account, fills and report may cost a fifth of what the signals cost.',
      },
    ],
  },
  (bars) => engine().run(bars, { strategy: 'wyckoff_all', haltCleared: true, maxOpenPositions: 100 }),
  {
    'signals bar by bar': (bars) => {
      const session = signals.open(bars)
      const { time, open, high, low, close, volume } = bars
      for (let i = 0; i < length; i++)
        session.push({
          time: time[i],
          open: open[i],
          high: high[i],
          low: low[i],
          close: close[i],
          volume: volume[i],
        })
      session.close()
    },
    'signals in blocks': (bars) => signals.generate(bars),
  },
)

/** Per bar, ten times the bars must not cost more. */
const growth: BenchCase = {
  name: 'backtest-paths/growth',
  unit: 'bar',
  about: 'SMA cross over a million bars against a hundred thousand, in CPU time',
  gate: false,
  quick: false,
  budgets: [{ kind: 'ratio', rival: '100k bars', max: 1.3, reason: 'Work per bar does not grow.' }],
  setup({ seed }) {
    const [many, few] = [unseenBars(1_000_000, seed), unseenBars(length, seed + 1_000)]
    // Ten of them, as the CPU time of a thread moves in steps of a millisecond.
    const tenOf = (): BarSeries[] => Array.from({ length: 10 }, few)
    let [million, thousands] = [many(), tenOf()]
    return {
      units: 1_000_000,
      timesItself: true,
      prepare: () => void (million = many()),
      run: () => cpuNs(() => sma(million)),
      rivals: [
        {
          name: '100k bars',
          units: 10 * length,
          timesItself: true,
          prepare: () => void (thousands = tenOf()),
          run: () => cpuNs(() => thousands.map(sma)),
        },
      ],
    }
  },
}

const coldBars = 1_000_000

/** The first run of a process, before anything is compiled, its engine made: each iteration is a process of its own. */
const cold: BenchCase = {
  name: 'backtest-paths/cold',
  unit: 'bar',
  about: 'The first engine and SMA cross of a fresh process, over a million bars, in CPU time of its thread',
  gate: false,
  quick: false,
  budgets: [
    {
      kind: 'ceiling',
      maxNs: 90,
      reason: 'Twice the 45 ns of a quiet machine: caches are shared, time is not.',
    },
    {
      kind: 'ratio',
      rival: 'second run',
      max: 3,
      reason: 'A cold loop over many bars must not stay in slow code; 17 ns more are for its compilation.',
    },
  ],
  setup({ seed }) {
    let next = seed
    const wholeProcess: number[] = []
    const first = async (which: 0 | 1): Promise<number> => {
      const args = [import.meta.filename, '--cold', String(next++)]
      const output = await runProcess(process.execPath, args, { timeoutSeconds: config.limitSeconds })
      const times = JSON.parse(output) as [number, number, number]
      if (which === 0) wholeProcess.push(times[2] / coldBars)
      return times[which]
    }
    return {
      notes: () => [
        `With the compiler and the collector beside it, ${median(wholeProcess).toFixed(1)} ns of CPU per bar.`,
      ],
      units: coldBars,
      timesItself: true,
      run: () => first(0),
      rivals: [{ name: 'second run', units: coldBars, timesItself: true, run: () => first(1) }],
    }
  },
}

if (import.meta.main && process.argv[2] === '--cold') {
  const next = unseenBars(coldBars, Number(process.argv[3]))
  const series = [next(), next()]
  const before = process.cpuUsage()
  const cold = cpuNs(() => sma(series[0]))
  const { user, system } = process.cpuUsage(before)
  console.log(JSON.stringify([cold, cpuNs(() => sma(series[1])), (user + system) * 1_000]))
}

export default [sparse, closing, memory, memoryOfTrades, portfolio, wyckoff, growth, cold]
