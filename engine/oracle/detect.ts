import type { BarSeries } from '../bar-series.ts'
import { above, atLeast, atMost, below } from './compare.ts'
import { mean } from './candidates.ts'
import type { Pierce, Range, Spring } from './range.ts'
import type { Rules } from './rules.ts'
import { lpsConfidence, sosConfidence, springConfidence } from './scores.ts'
import { down, over, up } from './view.ts'
import type { View } from './view.ts'

/** 7.1: how long phase B has to last. */
function shortestB(v: View, t: number): number {
  const moves: number[] = []
  for (let i = Math.max(1, t - 19); i <= t; i++)
    moves.push(Math.abs(v.close(i) - v.close(i - 1)) / Math.abs(v.close(i)))
  return above(mean(moves), 0.03) ? 8 : 10
}

export const iceOf = (range: Range, v: View) =>
  v.sign === 1 ? range.shape.ice.price : -range.shape.creek.price
export const creekOf = (range: Range, v: View) =>
  v.sign === 1 ? range.shape.creek.price : -range.shape.ice.price

/** 8.1.1 and 8.1.2 at bar `t`: opens, follows and closes the candidate. Answers with the Spring it confirms. */
export function springAt(range: Range, v: View, rules: Rules, t: number): Spring | null {
  const open = range.candidate
  if (open === null) {
    const ratio = v.ratio(t)
    const ice = iceOf(range, v)
    if (t < 20 || ratio === null || !below(v.low(t), ice) || !below(ratio, rules.springRatio)) return null
    const early = range.phase === 'B' && t - range.phaseBar < shortestB(v, t)
    const tests = range.beginning?.tests ?? []
    if (range.phase !== 'C' && (range.phase !== 'B' || (early && tests.length < 2))) return null
    if (above(-over(v.low(t), ice), 0.05)) return null
    range.candidate = { bar: t, ice, iceStrength: range.shape.ice.strength, ratio, early }
    return null
  }

  let low = v.low(open.bar)
  for (let i = open.bar; i <= t; i++) low = Math.min(low, v.low(i))
  const penetration = -over(low, open.ice)
  const recovered = above(v.close(t), open.ice)
  if (above(penetration, 0.05) || recovered || t === open.bar + 5) range.candidate = null
  if (above(penetration, 0.05) || !recovered) return null
  if (range.phase !== 'B' && range.phase !== 'C') return null

  const earlier = (range.beginning?.tests ?? []).filter((test) => test.bar < open.bar).slice(-2)
  const spring: Spring = {
    bar: open.bar,
    confirmed: t,
    confidence: 0,
    ratio: open.ratio,
    low,
    tested: false,
    ice: open.ice,
    iceStrength: open.iceStrength,
    penetration,
    stMean: earlier.length === 0 ? null : mean(earlier.map((test) => test.ratio)),
    riskFactor: open.early ? 0.75 : 1,
  }
  spring.confidence = confidenceOf(spring, false)
  if (open.early && !(spring.confidence > 85)) return null
  return spring
}

export const confidenceOf = (s: Spring, tested: boolean) =>
  springConfidence({ ...s, recoveryBars: s.confirmed - s.bar, tested })

/** 8.1.4: whether bar `t` is the Test of a confirmed Spring. */
export function isTest(s: Spring, v: View, t: number): boolean {
  const ratio = v.ratio(t)
  return (
    t > s.confirmed &&
    t >= s.bar + 3 &&
    t <= s.bar + 15 &&
    ratio !== null &&
    atLeast(v.low(t), s.low) &&
    atMost(v.low(t), up(s.low, 0.03)) &&
    below(ratio, s.ratio)
  )
}

/** 8.2 at bar `t`, in the range's view: the confidence of an SOS (SOW), or null when the bar is none. */
export function breakoutAt(range: Range, v: View, rules: Rules, t: number): number | null {
  const ratio = v.ratio(t)
  const spread = v.spreadRatio(t)
  const creek = creekOf(range, v)
  if (t < 25 || ratio === null || spread === null) return null
  if (!atLeast(v.close(t), up(creek, 0.01)) || !atLeast(ratio, rules.sosRatio)) return null
  if (!atLeast(spread, 1.2) || !atLeast(v.closePosition(t), 0.5)) return null
  return sosConfidence({
    ratio,
    spread,
    close: v.closePosition(t),
    breakout: over(v.close(t), creek),
    age: t - range.start,
    phaseC: range.before.phase === 'C' ? range.before.confidence : null,
  })
}

/** 8.3 at bar `t`: the LPS (LPSY) of the breakout, with its low `k`, or null. */
export function pullbackAt(
  bars: BarSeries,
  range: Range,
  v: View,
  t: number,
): { bar: number; confidence: number; ratio: number } | null {
  const sos = range.breakout
  if (sos === null || sos.done || t < sos.bar + 3 || t > sos.bar + 10) return null
  let k = sos.bar + 1
  for (let i = k; i <= t; i++) if (v.low(i) < v.low(k)) k = i
  const creek = creekOf(range, v)
  const ratio = v.ratio(k)
  if (t < k + 1 || t > k + 3 || ratio === null || !below(ratio, 1)) return null
  if (!atLeast(v.close(t), up(v.low(k), 0.01))) return null
  if (!atLeast(v.low(k), down(creek, 0.02)) || !atMost(v.low(k), up(creek, 0.03))) return null

  const inside = Array.from({ length: range.shape.duration }, (_, n) => range.shape.start + n)
  const volume = bars.volume[k] / mean(inside.map((i) => bars.volume[i]))
  const spread = (v.high(k) - v.low(k)) / mean(inside.map((i) => v.high(i) - v.low(i)))
  const pullback = Array.from({ length: k - sos.bar }, (_, n) => bars.volume[sos.bar + 1 + n])
  const confidence = lpsConfidence({
    sos: sos.confidence,
    distance: over(v.low(k), creek),
    volume,
    spread,
    slope: slope(pullback) / mean(pullback),
  })
  return { bar: k, confidence, ratio }
}

/** Least-squares slope per bar; 0 for fewer than two. */
function slope(values: readonly number[]): number {
  const n = values.length
  if (n < 2) return 0
  const centre = (n - 1) / 2
  const m = mean(values)
  let numerator = 0
  let denominator = 0
  for (let i = 0; i < n; i++) {
    numerator += (i - centre) * (values[i] - m)
    denominator += (i - centre) ** 2
  }
  return numerator / denominator
}

/** 8.4 at bar `t`, in real prices: keeps eligible pierces, answers with the one whose failure this bar is. */
export function upthrustAt(
  bars: BarSeries,
  range: Range,
  v: View,
  rules: Rules,
  t: number,
  { phase, confidence }: Range['before'],
): { pierce: Pierce; breakout: number; ratio: number; high: number; barsToFailure: number } | null {
  const creek = range.shape.creek.price
  const ratio = v.ratio(t)
  const breakout = (bars.high[t] - creek) / creek
  const eligible =
    range.bias === 1
      ? phase === 'D' || phase === 'E'
      : phase === 'C' || phase === 'D' || phase === 'E' || (phase === 'B' && t - range.phaseBar >= 10)
  if (
    t >= 20 &&
    eligible &&
    ratio !== null &&
    v.spreadRatio(t) !== null &&
    above(ratio, rules.utadRatio) &&
    above(bars.high[t], creek) &&
    atLeast(breakout, rules.utadLow) &&
    atMost(breakout, rules.utadHigh)
  )
    range.pierces.push({
      bar: t,
      creek,
      creekStrength: range.shape.creek.strength,
      phase,
      phaseConfidence: confidence,
    })

  range.pierces = range.pierces.filter((pierce) => pierce.bar >= t - 3)
  const failing = range.pierces.filter((pierce) => below(bars.close[t], pierce.creek))
  if (failing.length === 0) return null
  range.pierces = range.pierces.filter((pierce) => !failing.includes(pierce))
  let pierce = failing[0]
  for (const each of failing) if (bars.high[each.bar] > bars.high[pierce.bar]) pierce = each
  let high = 0
  for (let i = pierce.bar; i <= t; i++) high = Math.max(high, bars.high[i])
  return {
    pierce,
    breakout: (bars.high[pierce.bar] - pierce.creek) / pierce.creek,
    ratio: v.ratio(pierce.bar) ?? 0,
    high,
    barsToFailure: Math.max(1, t - pierce.bar),
  }
}
