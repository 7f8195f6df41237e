import { z } from 'zod'
import { environmentSchema } from './result.ts'

export const gateSchemaName = 'tapescope.gate/1'

const quantiles = z.object({ p25: z.number(), p50: z.number(), p95: z.number(), p99: z.number() })
/** A change is the median ratio head / base minus 1; an interval without an end is open there. */
const interval = z.object({
  estimate: z.number(),
  lower: z.number(),
  upper: z.number(),
  coverage: z.number(),
})
const samples = z.object({ base: z.array(z.number()), head: z.array(z.number()) })

const compared = z.object({
  name: z.string(),
  unit: z.string(),
  verdict: z.enum(['REGRESSION', 'IMPROVED', 'PASS', 'INCONCLUSIVE']),
  /** Paired rounds, the fresh ones of a confirmation included. */
  rounds: z.int(),
  confirmations: z.int(),
  /** Medians over the processes, ns per unit. */
  base: quantiles,
  head: quantiles,
  change: interval,
  p95Change: interval,
  /** Instructions per unit by callgrind, where it was asked. */
  instructions: z.object({ base: z.number(), head: z.number(), change: z.number() }).optional(),
  warnings: z.array(z.string()),
  /** p25 of each process, pair by pair, ns per unit. */
  samples,
})

const uncompared = z.object({
  name: z.string(),
  unit: z.string(),
  verdict: z.enum(['NEW', 'MISSING', 'BROKEN']),
  reason: z.string(),
})

/** What `npm run gate -- --json FILE` writes. */
export const gateResult = z.object({
  schema: z.literal(gateSchemaName),
  createdAt: z.iso.datetime(),
  base: z.object({ name: z.string(), commit: z.string() }),
  head: z.object({ name: z.string(), commit: z.string() }),
  verdict: z.enum(['PASS', 'REGRESSION', 'FAILED', 'TOO NOISY']),
  seed: z.number(),
  rounds: z.int(),
  seconds: z.number(),
  rule: z.object({
    looks: z.array(z.int()),
    confidence: z.number(),
    fail: z.object({ lowerAbove: z.number(), estimateAbove: z.number() }),
    pass: z.object({ upperBelow: z.number(), estimateBelow: z.number() }),
    improved: z.object({ upperBelow: z.number(), estimateBelow: z.number() }),
  }),
  canary: z.object({ name: z.string(), quiet: z.boolean(), rounds: z.int(), change: interval, samples }),
  environment: environmentSchema,
  cases: z.array(z.union([compared, uncompared])),
})

export type GateResult = z.infer<typeof gateResult>
export type ComparedCase = z.infer<typeof compared>
export type UncomparedCase = z.infer<typeof uncompared>
export type Verdict = ComparedCase['verdict'] | UncomparedCase['verdict']

export function isCompared(one: ComparedCase | UncomparedCase): one is ComparedCase {
  return 'change' in one
}

/**
 * How the whole gate ended: too noisy outranks all, for nothing was judged then; a regression outranks a missing or
 * broken benchmark. INCONCLUSIVE and NEW fail nothing.
 */
export function gateVerdict(quiet: boolean, cases: readonly { verdict: Verdict }[]): GateResult['verdict'] {
  const has = (...verdicts: Verdict[]): boolean => cases.some(({ verdict }) => verdicts.includes(verdict))
  if (!quiet) return 'TOO NOISY'
  if (has('REGRESSION')) return 'REGRESSION'
  return has('MISSING', 'BROKEN') ? 'FAILED' : 'PASS'
}

/** Exit codes of the gate; only 1 is a regression. A missing or broken benchmark fails the gate with 2, as a fault. */
export function exitCode(verdict: GateResult['verdict']): number {
  return { PASS: 0, REGRESSION: 1, FAILED: 2, 'TOO NOISY': 3 }[verdict]
}
