import { fileURLToPath } from 'node:url'
import { run } from './child.ts'
import { change } from './compare.ts'
import { config } from './config.ts'
import type { Measurement } from './runner.ts'
import { median, seededRandom, shuffled, type MedianInterval } from './statistics.ts'

export interface ComparedCase {
  readonly name: string
  /** CPU of the process per unit, the median over the processes. */
  readonly cpuNs: number
  /** Against the base, by pairs of one round: CPU of the process, and p25 of the wall times of its iterations. */
  readonly cpu: MedianInterval
  readonly wall: MedianInterval
  readonly samples: readonly Sample[]
}

interface Sample {
  readonly cpuNs: number
  readonly wallNs: number
}

export interface CompareOptions {
  readonly rounds: number
  readonly progress: (text: string) => void
}

const measureFile = fileURLToPath(new URL('measure.ts', import.meta.url))
const iterations = 5

/**
 * Cases against the first of them, each sample a fresh process, in a random order within each round: what two copies in
 * one process cannot tell. CPU time is what a shared machine disturbs least.
 */
export async function compareCases(
  names: readonly string[],
  { rounds, progress }: CompareOptions,
): Promise<ComparedCase[]> {
  const samples = new Map<string, Sample[]>(names.map((name) => [name, []]))
  const random = seededRandom(Date.now())
  for (let round = 0; round < rounds; round++) {
    for (const name of shuffled(names, random)) samples.get(name)!.push(await sample(name))
    progress(`round ${round + 1} of ${rounds}`)
  }
  const base = samples.get(names[0])!
  const compared: ComparedCase[] = []
  for (const name of names) {
    const ours = samples.get(name)!
    const against = (pick: (one: Sample) => number): MedianInterval =>
      change(base.map(pick), ours.map(pick), config.gate.confidence)
    compared.push({
      name,
      cpuNs: median(ours.map(({ cpuNs }) => cpuNs)),
      cpu: against(({ cpuNs }) => cpuNs),
      wall: against(({ wallNs }) => wallNs),
      samples: ours,
    })
  }
  return compared
}

async function sample(name: string): Promise<Sample> {
  const args = [measureFile, '--case', name, '--mode', 'process', '--iterations', String(iterations)]
  const output = await run(process.execPath, args, { timeoutSeconds: config.gate.processTimeoutSeconds * 2 })
  const { ns, processCpuNs } = JSON.parse(output) as Measurement
  return { cpuNs: processCpuNs, wallNs: ns.p25 }
}
