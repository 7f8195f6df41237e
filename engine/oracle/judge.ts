import type { BarSeries } from '../bar-series.ts'
import { above, atLeast, below } from './compare.ts'
import { marketContext } from './market-context.ts'
import type { Rules } from './rules.ts'
import { overallConfidence, sosRiskMultiplier, volumeScore } from './scores.ts'

/** What a detector hands over: everything the plan and the chain look at, in real prices. */
export interface Proposal {
  type: 'SPRING' | 'SOS' | 'LPS' | 'UTAD'
  t: number
  confidence: number
  ratio: number
  phase: string
  phaseConfidence: number
  permitted: boolean
  /** Stage PHASE, prerequisites: what is missing, or a warning, or nothing. */
  prerequisites: 'FAIL' | 'WARN' | 'PASS'
  entry: number
  stop: number
  target: number
  secondary: number | null
  ice: number
  creek: number
  jump: number
  iceStrength: number
  creekStrength: number
  duration: number
  causeFactor: number
  /** Short phase B (7.1). */
  riskFactor: number
}

export interface Verdict {
  entry: number
  stop: number
  target: number
  r: number
  overall: number
  stage: 'PRECHECK' | 'VOLUME' | 'PHASE' | 'LEVELS' | 'RISK' | 'STRATEGY' | null
  warnings: number
  size: number
  riskFrac: number
  review: boolean
  priority: number
}

const baseRisk = { SPRING: 0.005, SOS: 0.008, LPS: 0.007, UTAD: 0.005 }
const rank = { SPRING: 1, LPS: 2, SOS: 3, UTAD: 4 }

/** 9.2 to 9.5, 10 and 11 on an account of 100 000 without positions. */
export function judge(bars: BarSeries, rules: Rules, p: Proposal): Verdict {
  const side = p.type === 'UTAD' ? -1 : 1
  const equity = 100_000
  let distance = Math.abs(p.entry - p.stop) / p.entry
  let stop = p.stop
  const tooWide = above(distance, 0.1)
  if (below(distance, 0.01)) {
    distance = 0.01
    stop = p.entry * (1 - side * distance)
  }
  const r = Math.abs(p.target - p.entry) / Math.abs(p.entry - stop)
  const volume = volumeScore(p.type, p.ratio)
  const overall = overallConfidence(p.confidence, p.phaseConfidence, volume)
  const capped = Math.min(95, overall)
  const verdict: Verdict = {
    entry: p.entry,
    stop,
    target: p.target,
    r,
    overall: capped,
    stage: null,
    warnings: 0,
    size: 0,
    riskFrac: 0,
    review: false,
    priority: 0,
  }
  const stopAt = (stage: Verdict['stage']): Verdict => ({ ...verdict, stage })

  // 9.4
  if (!(p.target > 0) || tooWide || overall < 70) return stopAt('PRECHECK')

  // 10.2
  if (p.phaseConfidence < 70 || !p.permitted || p.prerequisites === 'FAIL') return stopAt('PHASE')
  if (p.prerequisites === 'WARN') verdict.warnings++

  // 10.3 and 8.6.7
  const width = p.creek - p.ice
  const factor = p.duration >= 40 ? 3 : p.duration >= 25 ? 2.5 : 2
  if (
    p.iceStrength < rules.strengthMin ||
    p.creekStrength < rules.strengthMin ||
    p.ice >= p.creek ||
    p.jump <= p.creek ||
    below(width / p.ice, 0.03) ||
    p.duration < 15 ||
    p.duration > 120 ||
    Math.abs(p.causeFactor - factor) > 0.1
  )
    return stopAt('LEVELS')
  const expected = p.type === 'UTAD' ? width : p.causeFactor * width
  const move = Math.abs(p.target - p.entry)
  if (above(move, 2 * expected)) return stopAt('LEVELS')
  if (below(move, 0.8 * expected)) verdict.warnings++

  // 10.4 and 11
  if (!(side * (p.entry - stop) > 0 && side * (p.target - p.entry) > 0)) return stopAt('RISK')
  const multiplier = p.type === 'SOS' ? sosRiskMultiplier(p.ratio) : 1
  verdict.riskFrac = Math.min(baseRisk[p.type] * multiplier * p.riskFactor, 0.02)
  const shares = (equity * verdict.riskFrac) / Math.abs(p.entry - stop)
  above(shares, Math.round(shares))
  verdict.size = Math.floor(shares)
  const value = (verdict.size * p.entry) / equity
  if (verdict.size < 1 || above(value, 0.2) || below(r, 2)) return stopAt('RISK')
  if (atLeast(value, 0.16)) verdict.warnings++
  if (below(r, 3)) verdict.warnings++

  // 10.5
  const market = marketContext(bars, p.t)
  if (market.regime === null) return stopAt('STRATEGY')
  if (
    p.type === 'SPRING' &&
    atLeast(market.atrPercentile ?? 0, 95) &&
    atLeast(market.volumePercentile ?? 0, 85)
  )
    return stopAt('STRATEGY')
  const odd =
    (p.type === 'SOS' && market.regime === 'SIDEWAYS') ||
    (p.type === 'UTAD' && market.regime === 'TRENDING_UP')
  if (odd && p.confidence < 90) verdict.warnings++

  verdict.review = (capped < 80 && verdict.warnings > 0) || verdict.warnings >= 2
  const term = (value: number, weight: number) => Math.min(weight, Math.max(0, weight * value))
  verdict.priority =
    100 * (term((capped - 70) / 25, 0.4) + term((r - 2) / 3, 0.3) + term((4 - rank[p.type]) / 3, 0.3))
  return verdict
}
