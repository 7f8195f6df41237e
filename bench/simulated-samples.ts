import type { GateRoundsOptions, Sample } from './gate-rounds.ts'

/** How a process's p25 scatters around the true time, as shares of it. */
export interface Noise {
  /** Standard deviation of the logarithm. */
  readonly spread: number
  /** How often a process falls into a slow state for its whole life, and by how much at most. */
  readonly slowShare: number
  readonly slowBy: number
}

/**
 * A `sample` for `runGateRounds` that starts no process: 1,000 ns on base, `1 + changes[name]` times that on head,
 * scattered by the seeded noise. Names that are not in `changes` are unchanged; one whose change is NaN throws.
 */
export function simulatedSampler(
  changes: Readonly<Record<string, number>>,
  noise: Noise,
  random: () => number,
): GateRoundsOptions['sample'] {
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
  return (side, name): Promise<Sample> => {
    const change = side === 'head' ? (changes[name] ?? 0) : 0
    if (Number.isNaN(change)) return Promise.reject(new Error(`${name} gave no number`))
    const slow = random() < noise.slowShare ? random() * noise.slowBy : 0
    const p25 = 1_000 * (1 + change) * Math.exp(noise.spread * normal()) * (1 + slow)
    return Promise.resolve({ p25, p50: p25 * 1.02, p95: p25 * 1.2, p99: p25 * 1.5 })
  }
}
