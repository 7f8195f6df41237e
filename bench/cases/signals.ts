import {
  createSignalEngine,
  eventTypes,
  patternTypes,
  randomWalkBars,
  type Bar,
  type BarSeries,
  type Pattern,
  type Preset,
  type SignalResult,
  type SignalSession,
  type SignalStatus,
  type TradingRange,
} from '@tapescope/engine'
import type { BenchCase, Budget, Rival, Work } from '../case.ts'
import { config } from '../config.ts'
import { hasCompiler } from '../native/compiler.ts'
import { startReference, type Reference } from '../native/reference.ts'
import { unseenBars } from '../unseen-bars.ts'

const preset: Preset = 'standard'
const engine = createSignalEngine({ preset })

const blocks = (bars: BarSeries): SignalResult => engine.generate(bars)

/** Bars in one call of `feedBars`: one loop over a million would stay in code made for its first thousands. */
const fed = 1_024

/** The same bars one by one. */
function stream(bars: BarSeries): number {
  const session = engine.open(bars)
  let found = 0
  for (let first = 0; first < bars.length; first += fed)
    found += feedBars(session, bars, first, Math.min(first + fed, bars.length))
  session.close()
  return found
}

/**
 * Filled anew for each bar, as a feed does it. A class, and no whole number in it: else V8 would keep its numbers as
 * objects and make a new one for each.
 */
class FedBar implements Bar {
  time = 0.5
  open = 0.5
  high = 0.5
  low = 0.5
  close = 0.5
  volume = 0.5
}

const bar = new FedBar()

function feedBars(session: SignalSession, bars: BarSeries, first: number, end: number): number {
  const { time, open, high, low, close, volume } = bars
  let found = 0
  for (let i = first; i < end; i++) {
    bar.time = time[i]
    bar.open = open[i]
    bar.high = high[i]
    bar.low = low[i]
    bar.close = close[i]
    bar.volume = volume[i]
    found += session.push(bar).signals.length
  }
  return found
}

const rangeStatuses: readonly TradingRange['status'][] = ['ACTIVE', 'BREAKOUT', 'COMPLETED', 'ARCHIVED']
const biases: readonly TradingRange['bias'][] = ['DISTRIBUTION', 'UNDETERMINED', 'ACCUMULATION']
const patternStatuses: readonly Pattern['status'][] = [
  'awaiting_test',
  'pending_lps',
  'followed_by_lps',
  'low_confidence',
  'lapsed',
  'candidate',
  'rejected',
  'signalled',
]
const signalStatuses: readonly SignalStatus[] = [
  'PENDING',
  'APPROVED',
  'FILLED',
  'STOPPED',
  'TARGET_HIT',
  'CLOSED',
  'EXPIRED',
]

/** The two numbers of `signals_digest` in bench/native/signals.c, from the engine's result. */
export function digest(result: SignalResult): readonly [prices: number, decisions: number] {
  let prices = 0
  let decisions = 0
  for (const r of result.ranges) {
    prices += r.ice.price + r.creek.price
    decisions +=
      ((r.startBar % 1000) + 1) * ((r.activeBar % 997) + 1) * (r.quality + 1) * (r.version + 1) +
      r.endBar +
      3 * rangeStatuses.indexOf(r.status) +
      7 * r.statusBar +
      11 * biases.indexOf(r.bias)
  }
  for (const s of result.signals) {
    prices += s.entryPrice + s.stopLoss + s.primaryTarget + s.rMultiple
    decisions +=
      ((s.confirmedBar % 1000) + 1) * (s.positionSize + 1) * (s.confidenceScore + 1) +
      13 * signalStatuses.indexOf(s.status) +
      (s.exitBar ?? -1)
  }
  for (const e of result.events)
    decisions +=
      ((e.bar % 1000) + 1) *
      ((e.confirmedBar % 997) + 1) *
      (e.confidence + 1) *
      (eventTypes.indexOf(e.type) + 1)
  for (const p of result.patterns)
    decisions +=
      ((p.bar % 1000) + 1) *
        ((p.confirmedBar % 997) + 1) *
        (p.confidence + 1) *
        (patternTypes.indexOf(p.type) + 1) +
      (p.phaseConfidence + 1) * ('ABCDE'.indexOf(p.phase) + 2) * (patternStatuses.indexOf(p.status) + 1)
  const { highs, lows } = result.pivots
  decisions += result.rejected.length + 5 * highs.length + 7 * lows.length
  return [prices, decisions]
}

/** Every decision and every price to the last digit, or it is not the same work. */
async function sameAsC(c: Reference, bars: BarSeries): Promise<void> {
  await c.load(bars)
  const [, prices, decisions] = await c.pass(`signals ${preset}`)
  const ours = digest(blocks(bars))
  if (prices !== ours[0] || decisions !== ours[1])
    throw new Error(`C gives ${prices} and ${decisions}, the engine ${ours.join(' and ')}`)
}

const againstC: Budget[] = hasCompiler()
  ? [{ kind: 'ratio', rival: 'C', max: 2, reason: 'The whole pipeline may cost twice C of the same rules.' }]
  : []

interface Feed {
  readonly name: string
  readonly length: number
  readonly way: 'blocks' | 'stream'
  readonly material: 'planted' | 'walk'
  readonly maxNs: number
}

const about = {
  planted: 'bars with 8 signals in 1,000',
  walk: 'bars of a random walk',
  blocks: 'in blocks',
  stream: 'one by one',
} as const

function unseen(material: Feed['material'], length: number, seed: number): () => BarSeries {
  let next = seed
  return material === 'planted' ? unseenBars(length, seed) : () => randomWalkBars({ seed: next++, length })
}

function feed({ name, length, way, material, maxNs }: Feed): BenchCase {
  const work = way === 'blocks' ? blocks : stream
  return {
    name: `signals/${name}`,
    unit: 'bar',
    about: `the whole pipeline over ${length} unseen ${about[material]}, ${about[way]}`,
    budgets: [
      {
        kind: 'ceiling',
        maxNs,
        reason: `What ${about[way]} may cost on a quiet machine is half of it; C decides, not the clock.`,
      },
      ...againstC,
    ],
    gate: length <= 100_000 && material === 'planted',
    quick: length <= 100_000,
    kernel: length <= 10_000,
    setup({ seed, rivals }): Work {
      const next = unseen(material, length, seed)
      let bars = next()
      const c = rivals ? startReference() : undefined
      const others: Rival[] = []
      if (c !== undefined)
        others.push({
          name: 'C',
          units: length,
          timesItself: true,
          prepare: () => c.load(bars),
          run: async () => (await c.pass(`signals ${preset}`))[0],
        })
      return {
        units: length,
        prepare: () => void (bars = next()),
        run: () => work(bars),
        rivals: others,
        async verify() {
          if (c !== undefined) await sameAsC(c, bars)
        },
        async close() {
          await c?.close()
        },
      }
    },
  }
}

/** A million bars against a tenth of them, per bar, in turn. */
function growth(way: 'blocks' | 'stream'): BenchCase {
  const work = way === 'blocks' ? blocks : stream
  return {
    name: `signals/growth-${way}`,
    unit: 'bar',
    about: `1,000,000 unseen bars ${about[way]}, against 100,000`,
    budgets: [
      {
        kind: 'ratio',
        rival: '100k',
        max: 1.3,
        reason: 'A bar late in a long series costs what an early one does.',
      },
    ],
    gate: false,
    quick: false,
    setup({ seed }): Work {
      const long = unseen('planted', 1_000_000, seed)
      const short = unseen('planted', 100_000, seed + 1_000)
      let bars = long()
      let few = short()
      return {
        units: 1_000_000,
        prepare: () => void (bars = long()),
        run: () => work(bars),
        rivals: [{ name: '100k', units: 100_000, prepare: () => void (few = short()), run: () => work(few) }],
      }
    },
  }
}

/** What a user waits for who asks about one symbol. */
const hundredBars: BenchCase = {
  name: 'signals/100-bars',
  unit: 'bar',
  about: 'the whole pipeline over 100 unseen bars of one symbol, each call timed alone',
  budgets: [
    {
      kind: 'ceiling',
      statistic: 'p99',
      maxNs: 500,
      reason: '0.05 ms for the 100 bars, 99 of 100 times, once it is warm.',
    },
  ],
  kernel: true,
  setup({ seed }): Work {
    const next = unseenBars(100, seed)
    let bars = next()
    return { units: 100, prepare: () => void (bars = next()), run: () => blocks(bars) }
  },
}

/** Pivots, clusters and measures at every bar, but nothing that could be found: no range is 3 % wide. */
function calm(way: 'blocks' | 'stream'): BenchCase {
  const work = way === 'blocks' ? blocks : stream
  return {
    name: `signals/calm-${way}`,
    unit: 'bar',
    about: `100,000 unseen bars ${about[way]} in which there is nothing to find`,
    budgets: [
      { kind: 'ceiling', maxNs: 300, reason: 'A bar without a finding may not cost more than one with.' },
      { kind: 'allocation', maxBytes: 1, reason: 'A bar that finds nothing allocates nothing on the heap.' },
    ],
    gate: false,
    setup({ seed }): Work {
      let at = seed
      const next = () =>
        randomWalkBars({ seed: at++, length: 100_000, volatility: 0.0002, volumeNoise: 0.04 })
      let bars = next()
      return { units: 100_000, prepare: () => void (bars = next()), run: () => work(bars) }
    },
  }
}

const feeds: readonly Feed[] = [
  ...config.unseenSizes.flatMap((length): Feed[] => [
    { name: `blocks-${length / 1000}k`, length, way: 'blocks', material: 'planted', maxNs: 600 },
    { name: `stream-${length / 1000}k`, length, way: 'stream', material: 'planted', maxNs: 700 },
  ]),
  { name: 'walk-blocks-1000k', length: 1_000_000, way: 'blocks', material: 'walk', maxNs: 600 },
  { name: 'walk-stream-1000k', length: 1_000_000, way: 'stream', material: 'walk', maxNs: 700 },
]

export default [
  ...feeds.map(feed),
  growth('blocks'),
  growth('stream'),
  hundredBars,
  calm('blocks'),
  calm('stream'),
]
