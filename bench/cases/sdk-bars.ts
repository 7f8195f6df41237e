import {
  instrumentSignalEngine,
  MetricStore,
  type EngineObserver,
  type ObserveOptions,
  type RunObserver,
} from '@tapescope/sdk'
import type { BenchCase } from '../case.ts'
import { seededRandom } from '../statistics.ts'

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

const million = 1_000_000

interface Observed {
  readonly bars: number
  readonly about: string
  readonly options: ObserveOptions
  /** Heap bytes of a whole run. */
  readonly runBytes: number
}

function barsCase(name: string, { bars, about, options, runBytes }: Observed): BenchCase {
  return {
    name: `sdk-bars/${name}`,
    unit: 'bar',
    about: `a loop of ${bars / million} million bars that allocates nothing, observed: ${about}`,
    budgets: [
      {
        kind: 'extra',
        rival: 'bare',
        maxNs: 2,
        reason: 'Half a percent of the 400 ns that a bar of the whole pipeline takes.',
      },
      {
        kind: 'allocation',
        maxBytes: runBytes / bars,
        reason: `A run leaves ${runBytes / 1000} kB at most, of a million bars as of four: nothing per bar.`,
      },
    ],
    setup({ seed }) {
      const random = seededRandom(seed)
      const close = Float64Array.from({ length: bars }, () => 100 + random())
      const series = { symbol: 'SPY', timeframe: '1d', length: bars, close }
      const watched = instrumentSignalEngine(engine, { ...options, store: new MetricStore() })
      // Blocks are few, so their code is compiled late; until then each reading of the clock is an object.
      for (let i = 0; i < 60; i++) watched.generate(series)
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

const timed = { about: 'some 1,000 bars timed', options: {}, runBytes: 100_000 }
const fewTimed = {
  about: '100 bars timed, as few as there are',
  options: { sampleEvery: 1e9 },
  runBytes: 30_000,
}

export default [
  barsCase('default', { ...timed, bars: million }),
  barsCase('default-4m', { ...timed, bars: 4 * million }),
  barsCase('few-timed', { ...fewTimed, bars: million }),
  barsCase('few-timed-4m', { ...fewTimed, bars: 4 * million }),
]
