import { atLeast, atMost, below } from './compare.ts'
import type { Range } from './range.ts'
import { down, over, up } from './view.ts'
import type { View } from './view.ts'

/** Section 7.2, Quality: floor(mean x 0.30), in whole numbers. */
function quality(confidences: readonly number[]): number {
  const sum = confidences.reduce((a, b) => a + b, 0)
  return Math.floor((3 * sum) / (10 * confidences.length))
}

/** 7.2: confidence of the phase a range is in at the close of bar `t`; 0 without a phase. */
export function phaseConfidence(range: Range, v: View, t: number): number {
  const begin = range.beginning
  if (range.phase === 'none' || begin === null) return 0
  const { zone, rally } = begin
  const tests = begin.tests.filter((test) => test.confirmed <= t)
  const ice = v.sign === 1 ? range.shape.ice.price : -range.shape.creek.price
  const creek = v.sign === 1 ? range.shape.creek.price : -range.shape.ice.price
  const heard = [zone.confidence, ...(rally === null ? [] : [rally.confidence])]

  if (range.phase === 'A') {
    if (rally === null) return 20 + quality(heard)
    const after = rally.bar - zone.end
    const context =
      (atMost(Math.abs(over(zone.low, ice)), 0.02) ? 5 : 0) +
      (below(rally.high, creek) ? 5 : below(rally.high, up(creek, 0.02)) ? 3 : 0)
    return 40 + quality(heard) + 10 + (after <= 5 ? 10 : 5) + context
  }

  heard.push(...tests.map((test) => test.confidence))
  const [two, one] = [tests.length >= 2, tests.length === 1]
  if (range.phase === 'B') {
    const inside = tests.filter(
      (test) => atLeast(test.low, down(ice, 0.02)) && atMost(test.low, creek),
    ).length
    const share = inside / Math.max(1, tests.length)
    const long = t - range.phaseBar
    return (
      20 +
      (two ? 20 : one ? 10 : 0) +
      quality(heard) +
      10 +
      (tests.length > 0 ? 5 : 0) +
      (two ? 5 : 0) +
      (share === 1 ? 5 : atLeast(share, 0.7) ? 3 : 0) +
      (long >= 10 && long <= 40 ? 5 : 0)
    )
  }

  if (range.phase === 'C') {
    if (range.falseBreak !== null) heard.push(range.falseBreak.confidence)
    return 40 + quality(heard) + 20 + 10
  }

  const breakout = range.breakout
  if (breakout === null) return 0
  // 8.5: out of B, the missing Spring and Test cost five points.
  const penalty = breakout.fromB ? 5 : 0
  if (range.phase === 'D')
    return 40 + quality([breakout.confidence]) + (breakout.tested ? 20 : 15) + 10 - penalty
  return 40 + quality([breakout.confidence, range.lpsConfidence ?? 0]) + 20 + 10 - penalty
}
