import { fileURLToPath } from 'node:url'
import { run } from './child.ts'
import { change } from './compare.ts'
import { config } from './config.ts'
import type { Work } from './pipeline-ways.ts'
import { median, type MedianInterval } from './statistics.ts'
import type { Turns } from './telemetry-turns.ts'

export interface ComparedTurns {
  /** CPU of the process per bar, observed and not, the median over the processes. */
  readonly cpuNs: number
  readonly bareNs: number
  /** Observed against not, one figure for each process. */
  readonly change: MedianInterval
  /** Rounds in all processes; each was two runs of each side. */
  readonly rounds: number
}

interface TurnsOptions {
  readonly processes: number
  readonly bars: number
  /** How long each process measures; at least three rounds. */
  readonly seconds: number
  readonly progress: (text: string) => void
}

const file = fileURLToPath(new URL('telemetry-turns.ts', import.meta.url))

/**
 * A way to observe against the bare engine, in turn in one process: as the same compiled code runs both, noise between
 * processes, which is ten times of what is to be found, does not count. A process gives one figure, its median.
 */
export async function compareTurns(work: Work, way: string, options: TurnsOptions): Promise<ComparedTurns> {
  const { processes, bars, seconds, progress } = options
  const base: number[] = []
  const head: number[] = []
  const ratios: number[] = []
  let rounds = 0
  for (let number = 0; number < processes; number++) {
    progress(`${way} in turn with the bare engine, process ${number + 1} of ${processes}`)
    const args = [
      '--work',
      work,
      '--way',
      way,
      '--bars',
      bars,
      '--seconds',
      seconds,
      '--seed',
      config.seed + number,
    ]
    const output = await run(process.execPath, [file, ...args.map(String)], {
      timeoutSeconds: 60 + 5 * seconds,
    })
    const turns = JSON.parse(output) as Turns
    rounds += turns.base.length
    base.push(median(turns.base))
    head.push(median(turns.head))
    ratios.push(median(turns.head.map((ns, round) => ns / turns.base[round])))
  }
  return {
    cpuNs: median(head),
    bareNs: median(base),
    change: change(Array(processes).fill(1) as number[], ratios, config.gate.confidence),
    rounds,
  }
}
