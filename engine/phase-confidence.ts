import type { BarSeries } from './bar-series.ts'
import type { LiveRange } from './live-range.ts'
import { inA, inB, inC, inD } from './live-range.ts'

/** What a breakout straight out of phase B takes off pattern and phase confidence (method 8.5). */
export const fromBDeduction = 5

/** Confidence 0-100 of the phase a range is in at the close of `t` (method 7.2); 0 without a phase. */
export const phaseConfidence = (range: LiveRange, t: number): number => {
  switch (range.phase) {
    case 0:
      return 0
    case inA:
      return 40 + quality(climaxScores(range), 2) + rallySequence(range) + contextA(range)
    case inB: {
      const several = range.tests >= 2
      return (
        20 +
        (several ? 20 : 10) +
        quality(climaxScores(range) + testScores(range), 2 + range.tests) +
        (several ? 20 : 15) +
        contextB(range, t)
      )
    }
    case inC: {
      const sum = climaxScores(range) + testScores(range) + range.phaseC!.confidence
      return 40 + quality(sum, 3 + range.tests) + 20 + 10
    }
    case inD: {
      const { confidence, fromB } = range.breakout!
      const full = !fromB && (range.direction === -1 || range.tested !== null)
      return 40 + quality(confidence, 1) + (full ? 20 : 15) + 10 - (fromB ? fromBDeduction : 0)
    }
    default: {
      const { confidence, fromB } = range.breakout!
      return 40 + quality(confidence + range.pullbackConfidence, 2) + 30 - (fromB ? fromBDeduction : 0)
    }
  }
}

/** floor(mean × 0.30), in whole numbers. */
const quality = (sum: number, count: number): number => Math.floor((3 * sum) / (10 * count))

const climaxScores = (range: LiveRange): number => range.zone!.confidence + range.zone!.rallyConfidence

const testScores = (range: LiveRange): number => {
  let sum = 0
  for (let k = 0; k < range.tests; k++) sum += range.zone!.tests[k].confidence
  return sum
}

const rallySequence = ({ zone }: LiveRange): number => 10 + (zone!.rallyBar - zone!.last <= 5 ? 10 : 5)

const contextA = ({ zone, direction, far, near }: LiveRange): number => {
  const climaxNear = Math.abs(zone!.extreme - far.price) / far.price <= 0.02 ? 5 : 0
  const rally = zone!.rallyPrice
  const inside = direction * (near.price - rally) > 0
  const almost = direction * (near.price * (1 + direction * 0.02) - rally) > 0
  return climaxNear + (inside ? 5 : almost ? 3 : 0)
}

const contextB = (range: LiveRange, t: number): number => {
  const { direction, far, near, tests } = range
  let inside = 0
  for (let k = 0; k < tests; k++) {
    const { price } = range.zone!.tests[k]
    if (
      direction * (price - far.price * (1 - direction * 0.02)) >= 0 &&
      direction * (near.price - price) >= 0
    )
      inside++
  }
  const length = t - range.bBegan
  return (inside === tests ? 5 : inside / tests >= 0.7 ? 3 : 0) + (length >= 10 && length <= 40 ? 5 : 0)
}

/** Advisory sub-state of phases C and E at the close of `t` (method 7.3); null in other phases. */
export const subState = (range: LiveRange, bars: BarSeries, t: number): string | null => {
  if (range.phase === inC) {
    if (range.tested !== null && t - range.tested.testBar < 5) return 'TEST'
    const age = t - range.phaseC!.confirmed
    return age < 3 ? 'SPRING' : age > 5 ? 'READY' : null
  }
  return range.phase <= inD ? null : subStateOfE(range.phaseBar, range.direction, bars, t)
}

/** Sub-states of phase E (method 7.3), in which a trend that tires calls for exits. */
type SubStateOfE = 'EARLY' | 'MATURE' | 'LATE' | 'EXHAUSTION'

/** For a phase E that began at bar `began`; `direction` is +1 after an accumulation, -1 after a distribution. */
export const subStateOfE = (began: number, direction: number, bars: BarSeries, t: number): SubStateOfE => {
  const age = t - began
  if (age < 10) return 'EARLY'
  const count = Math.min(20, age + 1)
  const first = t - count + 1
  const slope = direction * relativeSlope(bars.close, first, t)
  if (slope >= 0.002) return 'MATURE'
  const half = first + (count >> 1)
  const fading = mean(bars.volume, half, t) < 0.8 * mean(bars.volume, first, half - 1)
  return fading && slope < 0.001 ? 'EXHAUSTION' : 'LATE'
}

/** Least-squares slope per bar of `values` from `first` to `last`, divided by their mean; 0 for one bar. */
export const relativeSlope = (values: Float64Array, first: number, last: number): number => {
  const n = last - first + 1
  if (n < 2) return 0
  const middle = (n - 1) / 2
  let sum = 0
  let moment = 0
  for (let k = 0; k < n; k++) {
    sum += values[first + k]
    moment += (k - middle) * values[first + k]
  }
  return sum === 0 ? 0 : moment / ((n * (n * n - 1)) / 12) / (sum / n)
}

export const mean = (values: Float64Array, first: number, last: number): number => {
  let sum = 0
  for (let k = first; k <= last; k++) sum += values[k]
  return sum / (last - first + 1)
}
