import type { SpringTest } from './signal.ts'

/** Linear between the ends, truncated to an integer (method 1). */
const between = (value: number, from: number, to: number, low: number, high: number): number =>
  Math.trunc(low + ((high - low) * (value - from)) / (to - from))

interface SpringScore {
  readonly ratio: number
  readonly penetration: number
  readonly recoveryBars: number
  readonly iceStrength: number
  /** Mean volume ratio of the last two secondary tests; NaN for none. */
  readonly testsRatio: number
  readonly tested: boolean
}

/** Spec 8.1. */
export const springConfidence = (spring: SpringScore): number => {
  const { ratio, penetration, recoveryBars, iceStrength, testsRatio, tested } = spring
  const lower = (testsRatio - ratio) / testsRatio
  return Math.min(
    100,
    (ratio < 0.3 ? 40 : ratio < 0.4 ? 30 : ratio < 0.5 ? 20 : ratio < 0.6 ? 10 : 5) +
      (penetration < 0.01
        ? 20
        : penetration < 0.02
          ? 35
          : penetration < 0.03
            ? 25
            : penetration < 0.04
              ? 15
              : 5) +
      (recoveryBars === 1 ? 25 : recoveryBars === 2 ? 20 : recoveryBars === 3 ? 15 : 10) +
      (tested ? 20 : 0) +
      (iceStrength >= 80 ? 10 : iceStrength >= 70 ? 7 : 5) +
      (lower >= 0.2 ? 10 : lower >= -0.2 ? 5 : 0),
  )
}

export const springTier = (ratio: number, penetration: number): string =>
  penetration <= 0.02 && ratio < 0.3 ? 'IDEAL' : penetration <= 0.03 && ratio < 0.5 ? 'GOOD' : 'ACCEPTABLE'

export const testGrade = (
  springRatio: number,
  testRatio: number,
  springLow: number,
  testLow: number,
): SpringTest['grade'] => {
  const decrease = (springRatio - testRatio) / springRatio
  const distance = (testLow - springLow) / springLow
  if (decrease >= 0.4 && distance <= 0.01) return 'EXCELLENT'
  return decrease >= 0.2 && distance <= 0.02 ? 'GOOD' : 'ACCEPTABLE'
}

interface BreakoutScore {
  readonly ratio: number
  readonly spreadRatio: number
  /** Close position seen from the direction of the breakout. */
  readonly closePosition: number
  /** How far the close lies beyond the level, as a fraction of it. */
  readonly distance: number
  readonly rangeAge: number
  /** Confidence of phase C on the bar before; 0 when the range was not in C. */
  readonly phaseC: number
}

/** SOS, and SOW mirrored (method 8.2). */
export const breakoutConfidence = (sos: BreakoutScore): number => {
  const { ratio, spreadRatio, closePosition, distance, rangeAge, phaseC } = sos
  const volume =
    ratio >= 2.5
      ? 35
      : ratio >= 2.3
        ? between(ratio, 2.3, 2.5, 32, 35)
        : ratio >= 2
          ? between(ratio, 2, 2.3, 25, 32)
          : ratio >= 1.7
            ? between(ratio, 1.7, 2, 18, 25)
            : ratio >= 1.5
              ? between(ratio, 1.5, 1.7, 15, 18)
              : 15
  const close =
    closePosition >= 0.8
      ? 20
      : closePosition >= 0.7
        ? between(closePosition, 0.7, 0.8, 15, 20)
        : between(Math.max(0.5, closePosition), 0.5, 0.7, 5, 15)
  return Math.min(
    100,
    volume +
      (spreadRatio >= 1.5 ? 20 : between(Math.max(1.2, spreadRatio), 1.2, 1.5, 15, 20)) +
      close +
      (distance >= 0.03 ? 15 : between(Math.max(0.01, distance), 0.01, 0.03, 10, 15)) +
      (rangeAge >= 20 ? 10 : between(Math.max(10, rangeAge), 10, 20, 5, 10)) +
      (phaseC >= 85 ? 5 : phaseC >= 70 ? 3 : 0),
  )
}

export const breakoutTier = (distance: number, ratio: number): string =>
  distance >= 0.02 && ratio >= 2.5 ? 'EXCELLENT' : distance >= 0.02 && ratio >= 2 ? 'GOOD' : 'ACCEPTABLE'

interface PullbackScore {
  readonly breakoutConfidence: number
  /** How far the pullback's extreme lies beyond the level, as a fraction of it; below 0 when it dips under. */
  readonly distance: number
  /** Volume and spread of its bar, as shares of the range's means. */
  readonly volumeShare: number
  readonly spreadShare: number
  /** Slope of the pullback's volume per bar, as a share of its mean. */
  readonly volumeSlope: number
}

interface PullbackGrades {
  readonly confidence: number
  readonly distance: 'PREMIUM' | 'QUALITY' | 'ACCEPTABLE'
  readonly volume: 'EXCELLENT' | 'GOOD' | 'ACCEPTABLE' | 'POOR'
  readonly spread: 'NARROW' | 'NORMAL' | 'WIDE'
  readonly effort: 'NO_SUPPLY' | 'HEALTHY_PULLBACK' | 'SELLING_PRESSURE' | 'NEUTRAL'
}

/** LPS, and LPSY mirrored (method 8.3). */
export const pullbackGrades = (lps: PullbackScore): PullbackGrades => {
  const distance = lps.distance <= 0.01 ? 'PREMIUM' : lps.distance <= 0.02 ? 'QUALITY' : 'ACCEPTABLE'
  const { volumeShare, spreadShare, volumeSlope } = lps
  const volume =
    volumeShare < 0.6 ? 'EXCELLENT' : volumeShare < 0.9 ? 'GOOD' : volumeShare <= 1.1 ? 'ACCEPTABLE' : 'POOR'
  const spread = spreadShare < 0.8 ? 'NARROW' : spreadShare <= 1.2 ? 'NORMAL' : 'WIDE'
  const light = volume === 'EXCELLENT' || volume === 'GOOD'
  const effort =
    light && spread === 'NARROW'
      ? 'NO_SUPPLY'
      : light && spread === 'NORMAL'
        ? 'HEALTHY_PULLBACK'
        : volume === 'POOR' && spread === 'WIDE'
          ? 'SELLING_PRESSURE'
          : 'NEUTRAL'
  const points =
    { PREMIUM: 10, QUALITY: 5, ACCEPTABLE: 0 }[distance] +
    { NO_SUPPLY: 10, HEALTHY_PULLBACK: 5, SELLING_PRESSURE: -15, NEUTRAL: 0 }[effort] +
    (volumeSlope < -0.05 ? 5 : volumeSlope > 0.05 ? -5 : 0)
  const base = Math.max(80, Math.min(100, lps.breakoutConfidence + 15))
  return { confidence: Math.max(0, Math.min(100, base + points)), distance, volume, spread, effort }
}

/** Spec 8.4; the lowest tier of each table extends to its gate (method 8.5). */
export const utadConfidence = (breakout: number, ratio: number, barsToFailure: number): number =>
  70 +
  (breakout >= 0.006 && breakout <= 0.008 ? 10 : 5) +
  (ratio >= 2 ? 15 : 10) +
  (barsToFailure <= 2 ? 5 : 0)

export const utadTier = (breakout: number, ratio: number, barsToFailure: number): string => {
  if (barsToFailure > 2) return 'ACCEPTABLE'
  if (breakout >= 0.006 && breakout <= 0.008 && ratio >= 2) return 'IDEAL'
  return breakout >= 0.005 && breakout <= 0.009 && ratio >= 1.7 ? 'GOOD' : 'ACCEPTABLE'
}
