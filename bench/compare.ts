import { median, medianInterval, type MedianInterval } from './statistics.ts'

/** Bounds of the decision, as fractions of the median ratio head / base minus 1. */
export interface GateRule {
  readonly confidence: number
  readonly fail: { readonly lowerAbove: number; readonly estimateAbove: number }
  readonly pass: { readonly upperBelow: number; readonly estimateBelow: number }
  readonly improved: { readonly upperBelow: number; readonly estimateBelow: number }
}

export type Judgement = 'FAIL' | 'PASS' | 'IMPROVED' | 'OPEN'

/**
 * Change of the median: exp(median of ln(head / base)) - 1 over the pairs, with its exact order-statistic interval.
 * Throws when the sides have not the same number of samples, or one is not a positive number.
 */
export function change(base: readonly number[], head: readonly number[], confidence: number): MedianInterval {
  if (base.length !== head.length || base.length === 0)
    throw new Error(`a comparison needs pairs: base has ${base.length} samples, head ${head.length}`)
  const logRatios = base.map((value, index) => Math.log(head[index] / value))
  if (!logRatios.every(Number.isFinite)) throw new Error('a sample is not a positive time')
  const { estimate, lower, upper, coverage } = medianInterval(logRatios, confidence)
  return { estimate: Math.expm1(estimate), lower: Math.expm1(lower), upper: Math.expm1(upper), coverage }
}

/** What the rule says of a change after one look. IMPROVED goes before PASS, whose rule it meets too. */
export function judge({ estimate, lower, upper }: MedianInterval, rule: GateRule): Judgement {
  if (lower > rule.fail.lowerAbove && estimate > rule.fail.estimateAbove) return 'FAIL'
  if (upper < rule.improved.upperBelow && estimate < rule.improved.estimateBelow) return 'IMPROVED'
  if (upper < rule.pass.upperBelow && estimate < rule.pass.estimateBelow) return 'PASS'
  return 'OPEN'
}

/** Medians over the processes of one side, for the tables. */
export function typical(samples: readonly { p25: number; p50: number; p95: number; p99: number }[]): {
  p25: number
  p50: number
  p95: number
  p99: number
} {
  return {
    p25: median(samples.map(({ p25 }) => p25)),
    p50: median(samples.map(({ p50 }) => p50)),
    p95: median(samples.map(({ p95 }) => p95)),
    p99: median(samples.map(({ p99 }) => p99)),
  }
}
