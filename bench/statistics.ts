/** Quantile `q` of ascending values, linear between neighbours (type 7 of Hyndman and Fan). NaN when empty. */
export function quantile(sorted: ArrayLike<number>, q: number): number {
  if (sorted.length === 0) return Number.NaN
  const position = (sorted.length - 1) * q
  const below = Math.floor(position)
  const above = Math.min(below + 1, sorted.length - 1)
  return sorted[below] + (sorted[above] - sorted[below]) * (position - below)
}

export function ascending(values: Iterable<number>): Float64Array {
  return Float64Array.from(values).sort()
}

export function median(values: Iterable<number>): number {
  return quantile(ascending(values), 0.5)
}

/** Of a median, or of the centre that it is of a symmetric distribution. */
export interface MedianInterval {
  readonly estimate: number
  readonly lower: number
  readonly upper: number
  /** Exact probability that the interval holds the median, for any continuous distribution. */
  readonly coverage: number
}

/**
 * Distribution-free interval of the median: the order statistics k and n+1-k, with the largest k whose coverage
 * 1 - 2 P(Binomial(n, 1/2) < k) is at least `confidence`. Source: David and Nagaraja, Order Statistics, 7.1.
 * With too few values (below 6 for 95 %) the ends are infinite.
 */
export function medianInterval(values: Iterable<number>, confidence: number): MedianInterval {
  const sorted = ascending(values)
  const n = sorted.length
  const estimate = quantile(sorted, 0.5)
  let probability = 0.5 ** n
  let tail = probability
  let k = 0
  let coverage = 1
  while (k < Math.floor(n / 2) && 1 - 2 * tail >= confidence) {
    k += 1
    coverage = 1 - 2 * tail
    probability = (probability * (n - k + 1)) / k
    tail += probability
  }
  if (k === 0)
    return { estimate, lower: Number.NEGATIVE_INFINITY, upper: Number.POSITIVE_INFINITY, coverage: 1 }
  return { estimate, lower: sorted[k - 1], upper: sorted[n - k], coverage }
}

/**
 * Hodges-Lehmann estimate, the median of the means of all pairs (each value with itself too), and the interval between the
 * k-th smallest and k-th largest of these means, with the largest k whose coverage 1 - 2 P(W < k) is at least
 * `confidence`; W is Wilcoxon's signed-rank statistic. Exact for independent values, each from a continuous distribution
 * symmetric about the same centre; the differences of two sides that ran in random order are. Of eight values the
 * interval of the median is all of them, this one half as wide.
 * Source: Hollander, Wolfe and Chicken, Nonparametric Statistical Methods, 3.2 and 3.3.
 * With too few values (below 6 for 95 %) the ends are infinite.
 */
export function signedRankInterval(values: Iterable<number>, confidence: number): MedianInterval {
  const sorted = ascending(values)
  const n = sorted.length
  const means: number[] = []
  for (let i = 0; i < n; i++) for (let j = i; j < n; j++) means.push((sorted[i] + sorted[j]) / 2)
  const walsh = ascending(means)
  const estimate = quantile(walsh, 0.5)
  const chances = signedRankChances(n)
  let k = 0
  let tail = 0
  while (k < walsh.length / 2 && 1 - 2 * (tail + chances[k]) >= confidence) tail += chances[k++]
  if (k === 0)
    return { estimate, lower: Number.NEGATIVE_INFINITY, upper: Number.POSITIVE_INFINITY, coverage: 1 }
  return { estimate, lower: walsh[k - 1], upper: walsh[walsh.length - k], coverage: 1 - 2 * tail }
}

/** P(W = w) for w from 0 to n(n+1)/2: each rank is in the sum or not, with even chances. */
function signedRankChances(n: number): Float64Array {
  const most = (n * (n + 1)) / 2
  const chances = new Float64Array(most + 1)
  chances[0] = 1
  for (let rank = 1; rank <= n; rank++)
    for (let w = most; w >= 0; w--) chances[w] = (chances[w] + (w >= rank ? chances[w - rank] : 0)) / 2
  return chances
}

/** Seeded generator (mulberry32): uniform in [0, 1). For shuffles and simulated samples, not for secrets. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** Fisher-Yates on a copy. */
export function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const result = [...items]
  for (let i = result.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1))
    const held = result[i]
    result[i] = result[j]!
    result[j] = held
  }
  return result
}
