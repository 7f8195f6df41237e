import {
  instrumentSignalEngine,
  MetricStore,
  type EngineObserver,
  type ObserveOptions,
  type RunObserver,
} from '@tapescope/sdk'
import type { BenchCase, Budget } from '../case.ts'
import { seededRandom } from '../statistics.ts'

const bars = 1_000_000
const block = 2_048

interface Closes {
  readonly symbol: string
  readonly timeframe: string
  readonly length: number
  readonly close: Float64Array
}

/** In an array: a number that goes from function to function would be an object on the heap. */
const state = new Float64Array(1)

/** An engine that allocates nothing: what is allocated when it is observed, observation allocates. */
const engine = {
  generate(
    { close, length, symbol, timeframe }: Closes,
    { observer }: { observer?: EngineObserver } = {},
  ): number {
    const run = observer?.runStarted({
      kind: 'signals',
      symbol,
      timeframe,
      bars: length,
      stages: ['mean', 'cross'],
      attributes: {},
    })
    state[0] = close[0]
    for (let first = 0; first < length; first += block)
      playBlock(close, first, Math.min(first + block, length), run)
    run?.runEnded({ bars: length })
    return state[0]
  },
}

/** A function per block, which stays compiled; a loop in `generate` would be compiled anew while it runs. */
function playBlock(close: Float64Array, first: number, end: number, run: RunObserver | undefined): void {
  let timed = run?.blockStarted(first, end) ?? -1
  let from = first
  while (timed >= from && timed < end) {
    average(close, from, timed)
    run!.barStarted(timed)
    average(close, timed, timed + 1)
    run!.stageEnded(0)
    run!.stageEnded(1)
    from = timed + 1
    timed = run!.barEnded(timed)
  }
  average(close, from, end)
  run?.blockEnded(end)
}

function average(close: Float64Array, from: number, end: number): void {
  let mean = state[0]
  for (let bar = from; bar < end; bar++) mean += (close[bar] - mean) * 0.1
  state[0] = mean
}

function barsCase(name: string, about: string, options: ObserveOptions, allocation: Budget): BenchCase {
  return {
    name: `sdk-bars/${name}`,
    unit: 'bar',
    about: `a loop of a million bars that allocates nothing, observed: ${about}`,
    budgets: [
      {
        kind: 'extra',
        rival: 'bare',
        maxNs: 2,
        reason: 'Half a percent of the 400 ns that a bar of the whole pipeline takes.',
      },
      allocation,
    ],
    setup({ seed }) {
      const random = seededRandom(seed)
      const close = Float64Array.from({ length: bars }, () => 100 + random())
      const series = { symbol: 'SPY', timeframe: '1d', length: bars, close }
      const watched = instrumentSignalEngine(engine, { ...options, store: new MetricStore() })
      return {
        units: bars,
        run: () => watched.generate(series),
        rivals: [{ name: 'bare', units: bars, run: () => engine.generate(series) }],
        verify() {
          if (watched.generate(series) !== engine.generate(series))
            throw new Error('observed, the result is another')
        },
      }
    },
  }
}

export default [
  barsCase(
    'default',
    '1 bar in 512 timed',
    {},
    {
      kind: 'allocation',
      maxBytes: 2,
      reason:
        'A timed bar costs some 500 bytes while its timing is not compiled: numbers on the heap. The others cost none.',
    },
  ),
  barsCase(
    'untimed',
    'blocks timed, no bar alone',
    { sampleEvery: 1e9 },
    {
      kind: 'allocation',
      maxBytes: 0.1,
      reason: 'Nothing per bar; what a run leaves behind does not grow with its length.',
    },
  ),
]
