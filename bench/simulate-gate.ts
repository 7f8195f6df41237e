/**
 * npm run gate:simulate: how often each rule of looks and confirmation calls a true change a regression, on seeded
 * samples and without a process. --trials N (default 3000) per figure.
 */
import { parseArgs } from 'node:util'
import { config } from './config.ts'
import { formatChange, table } from './format.ts'
import { runGateRounds, type GateRoundsOptions, type TrackOutcome } from './gate-rounds.ts'
import { simulatedSampler, type Noise } from './simulated-samples.ts'
import { medianInterval, median, seededRandom } from './statistics.ts'

type Rule = GateRoundsOptions['rule']

/** `seen` has the interval widths of the self-test of 2026-11-24 over its kernels, `text` those of its worst one. */
export const noises = {
  quiet: { spread: 0.02, slowShare: 0.1, slowBy: 0.1 },
  seen: { spread: 0.05, slowShare: 0.3, slowBy: 0.3 },
  text: { spread: 0.09, slowShare: 0.35, slowBy: 0.35 },
} as const satisfies Record<string, Noise>

const rules: Record<string, Rule> = {
  '3 looks, 20 fresh': { ...config.gate, looks: [20, 40, 60], confirmationRounds: [20] },
  '3 looks, 20-60 fresh': { ...config.gate, looks: [20, 40, 60], confirmationRounds: [20, 40, 60] },
  '4 looks, 20 fresh': { ...config.gate, looks: [20, 40, 60, 120], confirmationRounds: [20] },
  'the gate': config.gate,
}

export interface Simulated {
  readonly outcomes: Readonly<Partial<Record<TrackOutcome | 'OPEN', number>>>
  /** Rounds of a benchmark until it was decided. */
  readonly meanRounds: number
}

/** Outcomes of `trials` comparisons whose head is really slower by `change`. */
export async function simulate(
  rule: Rule,
  noise: Noise,
  change: number,
  trials: number,
  seed: number,
): Promise<Simulated> {
  const random = seededRandom(seed)
  const names = Array.from({ length: trials }, (_, index) => String(index))
  const { tracks } = await runGateRounds({
    names,
    canary: { name: 'canary', side: 'base' },
    sample: simulatedSampler(Object.fromEntries(names.map((name) => [name, change])), noise, random),
    rule,
    random,
  })
  const outcomes: Partial<Record<TrackOutcome | 'OPEN', number>> = {}
  for (const { outcome } of tracks) outcomes[outcome] = (outcomes[outcome] ?? 0) + 1
  return { outcomes, meanRounds: tracks.reduce((sum, { base }) => sum + base.length, 0) / trials }
}

/** Median width of the interval after 20 rounds, by which a noise is held against a real run. */
async function intervalWidth(noise: Noise, seed: number): Promise<number> {
  const sample = simulatedSampler({}, noise, seededRandom(seed))
  const widths: number[] = []
  for (let trial = 0; trial < 500; trial++) {
    const ratios: number[] = []
    for (let i = 0; i < 20; i++)
      ratios.push(Math.log((await sample('head', '')).p25 / (await sample('base', '')).p25))
    const { lower, upper } = medianInterval(ratios, config.gate.confidence)
    widths.push(Math.expm1(upper) - Math.expm1(lower))
  }
  return median(widths)
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { trials: { type: 'string', default: '3000' } } })
  const trials = Number(values.trials)
  if (!Number.isSafeInteger(trials) || trials < 1)
    throw new Error(`--trials must be a positive number, not ${values.trials}`)
  for (const [name, noise] of Object.entries(noises)) {
    const width = (100 * (await intervalWidth(noise, 1))).toFixed(1)
    process.stdout.write(`${name}: the interval after 20 rounds is ${width} % wide (median)\n`)
    const rows = [['rule', 'true change', 'REGRESSION', 'INCONCLUSIVE', 'PASS', 'rounds']]
    for (const [title, rule] of Object.entries(rules))
      for (const change of [0, 0.04, 0.1]) {
        const { outcomes, meanRounds } = await simulate(rule, noise, change, trials, 5)
        const counts = (['REGRESSION', 'INCONCLUSIVE', 'PASS'] as const).map((one) => outcomes[one] ?? 0)
        rows.push([title, formatChange(change), ...counts.map(String), meanRounds.toFixed(0)])
      }
    process.stdout.write(`${table(rows).join('\n')}\n\n`)
  }
}
