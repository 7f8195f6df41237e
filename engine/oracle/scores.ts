import { atLeast, atMost, below } from './compare.ts'

/** First row whose bound `value` reaches, as in "(≥ 3.0: 40, ≥ 2.5: 35, else 30)". */
function tier(value: number, rows: readonly (readonly [number, number])[], otherwise: number): number {
  return rows.find(([bound]) => atLeast(value, bound))?.[1] ?? otherwise
}

/** The same with "≤". */
function tierDown(value: number, rows: readonly (readonly [number, number])[], otherwise: number): number {
  return rows.find(([bound]) => atMost(value, bound))?.[1] ?? otherwise
}

/** The same with "<". */
function tierBelow(value: number, rows: readonly (readonly [number, number])[], otherwise: number): number {
  return rows.find(([bound]) => below(value, bound))?.[1] ?? otherwise
}

/** Section 1: `a→b` is linear between the ends, truncated. */
function linear(value: number, from: number, to: number, a: number, b: number): number {
  const exact = a + ((b - a) * (value - from)) / (to - from)
  atLeast(exact, Math.round(exact))
  return Math.trunc(exact)
}

/** 6 */
export const scConfidence = (ratio: number, spread: number, close: number) =>
  tier(
    ratio,
    [
      [3, 40],
      [2.5, 35],
    ],
    30,
  ) +
  tier(
    spread,
    [
      [2, 30],
      [1.8, 25],
    ],
    20,
  ) +
  tier(
    close,
    [
      [0.9, 30],
      [0.8, 25],
      [0.7, 20],
      [0.6, 15],
    ],
    10,
  )

/** 6 */
export const arConfidence = (rally: number, barsAfter: number, ratio: number | null) =>
  Math.min(
    100,
    50 +
      tier(
        rally,
        [
          [0.05, 30],
          [0.04, 20],
        ],
        10,
      ) +
      tierDown(
        barsAfter,
        [
          [5, 15],
          [8, 8],
        ],
        2,
      ) +
      (ratio !== null && atLeast(ratio, 1.2) ? 5 : 0),
  )

/** 6; `penetration` is 0 when the low is not under the climax's. */
export const stConfidence = (
  reduction: number,
  distance: number,
  penetration: number,
  close: number,
  spreadToClimax: number,
) =>
  Math.min(
    100,
    tier(
      reduction,
      [
        [0.6, 45],
        [0.5, 40],
        [0.4, 35],
        [0.3, 28],
      ],
      20,
    ) +
      tierDown(
        distance,
        [
          [0.005, 27],
          [0.01, 22],
          [0.015, 18],
        ],
        15,
      ) +
      (penetration === 0 ? 18 : below(penetration, 0.005) ? 15 : atMost(penetration, 0.01) ? 12 : 6) +
      tier(
        close,
        [
          [0.7, 10],
          [0.5, 5],
        ],
        0,
      ) +
      tierBelow(
        spreadToClimax,
        [
          [0.4, 5],
          [0.7, 2],
        ],
        0,
      ),
  )

/** 8.1, the lowest tier of the Ice strength reaching to the gate (8.5); `stMean` is the mean ratio of the last two STs. */
export function springConfidence(s: {
  ratio: number
  penetration: number
  recoveryBars: number
  tested: boolean
  iceStrength: number
  stMean: number | null
}): number {
  const { ratio, stMean } = s
  let against = 0
  if (stMean !== null) against = atMost(ratio, 0.8 * stMean) ? 10 : atMost(ratio, 1.2 * stMean) ? 5 : 0
  return Math.min(
    100,
    tierBelow(
      ratio,
      [
        [0.3, 40],
        [0.4, 30],
        [0.5, 20],
        [0.6, 10],
      ],
      5,
    ) +
      tierBelow(
        s.penetration,
        [
          [0.01, 20],
          [0.02, 35],
          [0.03, 25],
          [0.04, 15],
        ],
        5,
      ) +
      (s.recoveryBars === 1 ? 25 : s.recoveryBars === 2 ? 20 : s.recoveryBars === 3 ? 15 : 10) +
      (s.tested ? 20 : 0) +
      tier(
        s.iceStrength,
        [
          [80, 10],
          [70, 7],
        ],
        5,
      ) +
      against,
  )
}

/** 8.2 */
export function sosConfidence(s: {
  ratio: number
  spread: number
  close: number
  breakout: number
  age: number
  phaseC: number | null
}): number {
  const { ratio, spread, close, breakout, age, phaseC } = s
  const volume = atLeast(ratio, 2.5)
    ? 35
    : atLeast(ratio, 2.3)
      ? linear(ratio, 2.3, 2.5, 32, 35)
      : atLeast(ratio, 2)
        ? linear(ratio, 2, 2.3, 25, 32)
        : atLeast(ratio, 1.7)
          ? linear(ratio, 1.7, 2, 18, 25)
          : atLeast(ratio, 1.5)
            ? linear(ratio, 1.5, 1.7, 15, 18)
            : 15
  return Math.min(
    100,
    volume +
      (atLeast(spread, 1.5) ? 20 : linear(spread, 1.2, 1.5, 15, 20)) +
      (atLeast(close, 0.8)
        ? 20
        : atLeast(close, 0.7)
          ? linear(close, 0.7, 0.8, 15, 20)
          : linear(close, 0.5, 0.7, 5, 15)) +
      (atLeast(breakout, 0.03) ? 15 : linear(breakout, 0.01, 0.03, 10, 15)) +
      (age >= 20 ? 10 : age >= 10 ? linear(age, 10, 20, 5, 10) : 0) +
      (phaseC === null ? 0 : phaseC >= 85 ? 5 : phaseC >= 70 ? 3 : 0),
  )
}

/** 8.3 */
export function lpsConfidence(s: {
  sos: number
  distance: number
  volume: number
  spread: number
  slope: number
}): number {
  const base = Math.max(80, Math.min(100, s.sos + 15))
  const distance = atMost(s.distance, 0.01) ? 10 : atMost(s.distance, 0.02) ? 5 : 0
  const quiet = below(s.volume, 0.9)
  const poor = !atMost(s.volume, 1.1)
  const narrow = below(s.spread, 0.8)
  const wide = !atMost(s.spread, 1.2)
  const effort = quiet && narrow ? 10 : quiet && !wide ? 5 : poor && wide ? -15 : 0
  const slope = below(s.slope, -0.05) ? 5 : !atMost(s.slope, 0.05) ? -5 : 0
  return Math.min(100, Math.max(0, base + distance + effort + slope))
}

/** 8.4; the lowest tiers reach to the gates (8.5). */
export const utadConfidence = (breakout: number, ratio: number, barsToFailure: number) =>
  70 +
  (atLeast(breakout, 0.006) && atMost(breakout, 0.008) ? 10 : 5) +
  tier(ratio, [[2, 15]], 10) +
  (barsToFailure <= 2 ? 5 : 0)

/** 9.3; the lowest tier reaches down to the gate of either preset (8.5). */
export function volumeScore(type: string, ratio: number): number {
  if (type === 'SPRING')
    return tierDown(
      ratio,
      [
        [0.4, 100],
        [0.5, 90],
        [0.6, 75],
      ],
      60,
    )
  if (type === 'SOS')
    return tier(
      ratio,
      [
        [2, 100],
        [1.8, 90],
        [1.6, 75],
      ],
      60,
    )
  if (type === 'LPS')
    return tierBelow(
      ratio,
      [
        [0.6, 100],
        [0.9, 85],
      ],
      70,
    )
  return tier(
    ratio,
    [
      [2.5, 100],
      [2, 90],
    ],
    80,
  )
}

/** 9.3 in whole numbers, so that no rounding decides. */
export const overallConfidence = (pattern: number, phase: number, volume: number) =>
  Math.floor((5 * pattern + 3 * phase + 2 * volume) / 10)

/** 11 */
export const sosRiskMultiplier = (ratio: number) =>
  tier(
    ratio,
    [
      [2.5, 1],
      [2.3, 0.95],
      [2, 0.9],
      [1.7, 0.85],
    ],
    0.75,
  )
