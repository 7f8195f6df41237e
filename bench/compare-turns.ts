import { fileURLToPath } from 'node:url'
import { run } from './child.ts'
import { config } from './config.ts'
import type { Work } from './pipeline-ways.ts'
import { median, signedRankInterval, type MedianInterval } from './statistics.ts'
import type { Turns } from './telemetry-turns.ts'

export interface ComparedTurns {
  /** CPU of the process per bar, observed and not, the median over the processes. */
  readonly cpuNs: number
  readonly bareNs: number
  /** Observed against not, CPU of the whole process. */
  readonly change: MedianInterval
  /** The same of the thread that runs the engine: without the helpers of the collector and the compiler. */
  readonly thread: MedianInterval
  /** Pairs of runs in all processes. */
  readonly pairs: number
  /** What each process found, as a fraction. */
  readonly found: readonly number[]
}

export interface TurnsOptions {
  readonly processes: number
  readonly bars: number
  /** How long each process measures; at least six pairs. */
  readonly seconds: number
  readonly progress: (text: string) => void
}

/** The two sides of each pair of one process. */
export interface Pairs {
  readonly base: readonly number[]
  readonly head: readonly number[]
}

const file = fileURLToPath(new URL('telemetry-turns.ts', import.meta.url))
/** Marking begins when a run is over and the loop turns: see `collect` of the turns. */
const flags = ['--no-incremental-marking']

/**
 * A way to observe against the bare engine, in turn in one process: as the same compiled code runs both, noise between
 * processes, which is ten times of what is to be found, does not count.
 */
export async function compareTurns(work: Work, way: string, options: TurnsOptions): Promise<ComparedTurns> {
  const { processes, bars, seconds, progress } = options
  const all: Turns[] = []
  for (let number = 0; number < processes; number++) {
    progress(`${way} in turn with the bare engine, process ${number + 1} of ${processes}`)
    const named = { work, way, bars, seconds, seed: config.seed + number }
    const args = Object.entries(named).flatMap(([name, value]) => [`--${name}`, String(value)])
    const output = await run(process.execPath, [...flags, file, ...args], {
      timeoutSeconds: 120 + 5 * seconds,
    })
    all.push(JSON.parse(output) as Turns)
  }
  return {
    cpuNs: median(all.map(({ head }) => median(head))),
    bareNs: median(all.map(({ base }) => median(base))),
    change: changeOver(all),
    thread: changeOver(all.map(({ baseThread, headThread }) => ({ base: baseThread, head: headThread }))),
    pairs: all.reduce((sum, { base }) => sum + base.length, 0),
    found: all.map((pairs) => Math.expm1(centre(pairs))),
  }
}

/** Log ratio head / base of a process: the Hodges-Lehmann estimate over its pairs. */
const centre = ({ base, head }: Pairs): number =>
  signedRankInterval(
    head.map((ns, pair) => Math.log(ns / base[pair])),
    config.gate.confidence,
  ).estimate

/**
 * The change over processes, each of which gives one figure: the pairs of a process have its compiled code in common, so all
 * pairs taken together would give an interval that is too narrow.
 */
export function changeOver(processes: readonly Pairs[]): MedianInterval {
  const { estimate, lower, upper, coverage } = signedRankInterval(
    processes.map(centre),
    config.gate.confidence,
  )
  return { estimate: Math.expm1(estimate), lower: Math.expm1(lower), upper: Math.expm1(upper), coverage }
}
