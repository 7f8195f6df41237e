import type { Candidate } from './candidate.ts'
import type { MarketState } from './market-context.ts'
import { causeFactor } from './range-candidate.ts'
import type { RiskAssessment } from './risk.ts'
import type { PatternType, Phase, Plan, StageResult, ValidationChain, ValidationStage } from './signal.ts'
import type { Thresholds } from './thresholds.ts'

/** Everything the five stages look at. What is null is a FAIL that names it. */
interface ValidationContext {
  readonly candidate: Candidate
  readonly plan: Plan | null
  readonly risk: RiskAssessment | null
  readonly market: MarketState | null
  /** Epoch milliseconds of the bar's open and close. */
  readonly time: number
  readonly closeTime: number
  readonly intraday: boolean
  /** Minutes after 00:00 UTC between which the market is regularly open; null for round the clock. */
  readonly session: { readonly open: number; readonly close: number } | null
  /** Epoch milliseconds of known earnings events, ascending. */
  readonly earnings: readonly number[]
  readonly lastStopOut: number | null
}

interface Verdict {
  readonly fail?: string | null
  readonly warn?: readonly string[]
  readonly metadata: StageResult['metadata']
}

const dayMs = 86_400_000
const allowedPhases: Readonly<Record<PatternType, readonly Phase[]>> = {
  SPRING: ['C'],
  SOS: ['D'],
  LPS: ['D', 'E'],
  UTAD: ['C', 'D', 'E'],
}

/** The chain of method 10: a FAIL stops it, warnings add up, an exception is a FAIL of its stage. */
export const validate = (context: ValidationContext, rules: Thresholds): ValidationChain => {
  const results: StageResult[] = []
  const warnings: string[] = []
  for (const { stage, validator, judge } of stages) {
    const verdict = judged(judge, context, rules)
    const failed = verdict.fail ?? null
    const warned = verdict.warn ?? noWarnings
    results.push({
      stage,
      status: failed !== null ? 'FAIL' : warned.length > 0 ? 'WARN' : 'PASS',
      reason: failed ?? (warned.length > 0 ? warned.join('; ') : null),
      time: context.time,
      validator,
      metadata: verdict.metadata,
    })
    if (failed !== null) return chain(context, results, warnings, stage, failed)
    for (const warning of warned) warnings.push(warning)
  }
  return chain(context, results, warnings, null, null)
}

const chain = (
  context: ValidationContext,
  results: readonly StageResult[],
  warnings: readonly string[],
  rejectionStage: ValidationStage | null,
  rejectionReason: string | null,
): ValidationChain => ({
  patternKey: context.candidate.pattern.key,
  results,
  overallStatus: rejectionStage !== null ? 'FAIL' : warnings.length > 0 ? 'WARN' : 'PASS',
  rejectionStage,
  rejectionReason,
  warnings,
})

const noWarnings: readonly string[] = []

type Judge = (context: ValidationContext, rules: Thresholds) => Verdict

const judged = (judge: Judge, context: ValidationContext, rules: Thresholds): Verdict => {
  try {
    return judge(context, rules)
  } catch (error) {
    return { fail: `stage threw: ${error instanceof Error ? error.message : String(error)}`, metadata: {} }
  }
}

const volumeStage: Judge = ({ candidate }, rules) => {
  const { pattern, testRatio } = candidate
  const ratio = pattern.volumeRatio
  return {
    fail: Number.isNaN(ratio) ? 'volume ratio is missing' : volumeFault(candidate, rules),
    metadata: { volume_ratio: Number.isNaN(ratio) ? null : ratio, test_volume_ratio: testRatio },
  }
}

const volumeFault = ({ pattern, testRatio, absorption }: Candidate, rules: Thresholds): string | null => {
  const { type, volumeRatio: ratio } = pattern
  if (type === 'SPRING') {
    if (!(ratio < rules.springVolumeMax)) return `volume ratio ${ratio} is not below ${rules.springVolumeMax}`
    return testRatio !== null && testRatio < ratio
      ? null
      : `the Test's volume ratio ${testRatio} is not below the Spring's ${ratio}`
  }
  if (type === 'SOS')
    return ratio >= rules.sosVolumeMin ? null : `volume ratio ${ratio} is below ${rules.sosVolumeMin}`
  if (type === 'UTAD')
    return ratio > rules.utadVolumeMin ? null : `volume ratio ${ratio} is not above ${rules.utadVolumeMin}`
  return ratio < rules.lpsVolumeMax || absorption
    ? null
    : `volume ratio ${ratio} is not below ${rules.lpsVolumeMax}`
}

const phaseStage: Judge = ({ candidate }, rules) => {
  const { pattern, phase, phaseConfidence, missing, remark, range } = candidate
  const metadata = { phase, phase_confidence: phaseConfidence, bias: range.bias }
  const allowed: readonly Phase[] =
    pattern.type === 'UTAD' && range.direction === 1 ? ['D', 'E'] : allowedPhases[pattern.type]
  if (phaseConfidence < rules.phaseConfidenceMin)
    return { fail: `phase confidence ${phaseConfidence} is below ${rules.phaseConfidenceMin}`, metadata }
  if (!allowed.includes(phase)) return { fail: `phase ${phase} does not permit ${pattern.type}`, metadata }
  return { fail: missing, warn: remark === null ? [] : [remark], metadata }
}

const levelsStage: Judge = ({ candidate, plan }, rules) => {
  const { ice, creek, jump, causeFactor: k, duration, pattern } = candidate
  const width = creek.price - ice.price
  const move = plan === null ? Number.NaN : Math.abs(plan.primaryTarget - plan.entryPrice)
  const cause = pattern.type === 'UTAD' ? width : k * width
  const metadata = {
    ice: ice.price,
    creek: creek.price,
    jump,
    ice_strength: ice.strength,
    creek_strength: creek.strength,
    width_frac: width / ice.price,
    duration,
    cause_factor: k,
    projected_move: plan === null ? null : move,
  }
  const fail = ((): string | null => {
    if (plan === null) return 'plan is missing'
    if (ice.strength < rules.levelStrengthMin)
      return `Ice strength ${ice.strength} is below ${rules.levelStrengthMin}`
    if (creek.strength < rules.levelStrengthMin)
      return `Creek strength ${creek.strength} is below ${rules.levelStrengthMin}`
    if (ice.price >= creek.price) return `Ice ${ice.price} is not below Creek ${creek.price}`
    if (jump <= creek.price) return `Jump ${jump} is not above Creek ${creek.price}`
    if (width / ice.price < 0.03) return `width ${(width / ice.price).toFixed(4)} is below 0.03`
    if (duration < 15 || duration > 120) return `duration ${duration} is outside 15 to 120 bars`
    if (Math.abs(k - causeFactor(duration)) > 0.1) return `cause factor ${k} does not fit ${duration} bars`
    return move > 2 * cause ? `projected move ${move} is over twice the cause ${cause}` : null
  })()
  return {
    fail,
    warn: move < 0.8 * cause ? [`projected move ${move.toFixed(4)} is under 0.8 of the cause`] : [],
    metadata,
  }
}

const riskStage: Judge = ({ plan, risk }, rules) => {
  if (plan === null) return { fail: 'plan is missing', metadata: {} }
  if (risk === null) return { fail: 'portfolio is missing', metadata: {} }
  const metadata = {
    position_size: risk.positionSize,
    risk_amount: risk.riskAmount,
    r_multiple: plan.rMultiple,
    notional_value: risk.notionalValue,
    heat_after: risk.heatAfter,
    campaign_risk_after: risk.campaignRiskAfter,
    correlated_risk_after: risk.correlatedRiskAfter,
  }
  const side = plan.side === 'LONG' ? 1 : -1
  const ordered =
    side * (plan.entryPrice - plan.stopLoss) > 0 && side * (plan.primaryTarget - plan.entryPrice) > 0
  if (!ordered) return { fail: `plan order is wrong for a ${plan.side}`, metadata }
  if (risk.failures.length > 0) return { fail: risk.failures.join('; '), metadata }
  const { rMultiple } = plan
  if (rMultiple < rules.rMultipleMin)
    return { fail: `R ${rMultiple.toFixed(3)} is below ${rules.rMultipleMin}`, metadata }
  const warn = [...risk.warnings]
  if (rMultiple < rules.rMultipleIdeal)
    warn.push(`R ${rMultiple.toFixed(3)} is below ${rules.rMultipleIdeal}`)
  return { warn, metadata }
}

const strategyStage: Judge = (context) => {
  const { market, candidate, closeTime, earnings, lastStopOut } = context
  if (market === null) return { fail: 'market context is missing', metadata: {} }
  const { type, confidence } = candidate.pattern
  const { regime, adx, atrPercentile, volumePercentile } = market
  const metadata = { regime, adx, atr_percentile: atrPercentile, volume_percentile: volumePercentile }
  const fail = ((): string | null => {
    if (type === 'SPRING' && atrPercentile !== null && atrPercentile >= 95 && volumePercentile >= 85)
      return `ATR percentile ${atrPercentile.toFixed(1)} and volume percentile ${volumePercentile.toFixed(1)}`
    if (earnings.some((time) => time >= closeTime && time - closeTime <= dayMs))
      return 'an earnings event follows within 24 hours'
    if (lastStopOut !== null && closeTime - lastStopOut <= 5 * dayMs)
      return 'the campaign was stopped out within 5 days'
    return null
  })()
  const warn: string[] = []
  if (type === 'SOS' && regime === 'SIDEWAYS' && adx !== null && adx < 25)
    warn.push(`the market is sideways with ADX ${adx.toFixed(1)}`)
  if (type === 'UTAD' && regime === 'TRENDING_UP') warn.push('the market is trending up')
  const hours = outsideHours(context)
  if (hours !== null) warn.push(hours)
  return { fail, warn: confidence >= 90 ? [] : warn, metadata }
}

const outsideHours = ({ intraday, session, closeTime }: ValidationContext): string | null => {
  if (!intraday || session === null) return null
  const minute = Math.floor((closeTime % dayMs) / 60_000)
  if (minute < session.open || minute > session.close) return 'outside regular hours'
  return minute >= session.close - 60 ? 'in the last trading hour' : null
}

const stages: readonly { stage: ValidationStage; validator: string; judge: Judge }[] = [
  { stage: 'VOLUME', validator: 'tapescope.volume', judge: volumeStage },
  { stage: 'PHASE', validator: 'tapescope.phase', judge: phaseStage },
  { stage: 'LEVELS', validator: 'tapescope.levels', judge: levelsStage },
  { stage: 'RISK', validator: 'tapescope.risk', judge: riskStage },
  { stage: 'STRATEGY', validator: 'tapescope.strategy', judge: strategyStage },
]
