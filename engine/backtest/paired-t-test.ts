export interface PairedTest {
  readonly pairs: number
  /** Mean of second less first. */
  readonly meanDifference: number
  readonly t: number
  readonly degreesOfFreedom: number
  /** Two-sided: the chance of so large a |t| if there were no difference. */
  readonly pValue: number
}

/** Student's paired t-test of second less first; null with fewer than two pairs, or when all differences are equal. */
export function pairedTTest(pairs: readonly (readonly [number, number])[]): PairedTest | null {
  const count = pairs.length
  if (count < 2) return null
  const differences = pairs.map(([first, second]) => second - first)
  const mean = differences.reduce((sum, value) => sum + value, 0) / count
  const deviation = sampleDeviation(differences, mean)
  const largest = Math.max(...differences.map(Math.abs))
  // Differences that are equal but for rounding have no deviation worth dividing by.
  if (deviation <= largest * 1e-12) return null
  const t = mean / (deviation / Math.sqrt(count))
  return {
    pairs: count,
    meanDifference: mean,
    t,
    degreesOfFreedom: count - 1,
    pValue: twoSided(t, count - 1),
  }
}

export function sampleDeviation(values: readonly number[], mean: number): number {
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1))
}

/**
 * P(|T| >= |t|) for a whole number of degrees of freedom, by the finite series of Abramowitz and Stegun, Handbook of
 * Mathematical Functions, 26.7.3 and 26.7.4.
 */
export function twoSided(t: number, degrees: number): number {
  const angle = Math.atan(Math.abs(t) / Math.sqrt(degrees))
  const [sine, cosine] = [Math.sin(angle), Math.cos(angle)]
  const odd = degrees % 2 === 1
  let term = odd ? cosine : 1
  let sum = degrees === 1 ? 0 : term
  for (let k = odd ? 3 : 2; k < degrees; k += 2) {
    term *= (cosine * cosine * (k - 1)) / k
    sum += term
  }
  const within = odd ? (2 / Math.PI) * (angle + sine * sum) : sine * sum
  return Math.min(1, Math.max(0, 1 - within))
}
