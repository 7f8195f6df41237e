import {
  defaultLimits,
  type Pattern,
  type PatternType,
  presets,
  type RejectionStage,
  type Thresholds,
  type ValidationChain,
} from '@tapescope/engine'
import { z } from 'zod'
import { snakeCase } from './snake-case.ts'

/** The preset that the service's engine runs with: what is stored says against which thresholds it was decided. */
export const servicePreset = 'standard'

const rules = presets[servicePreset]
const json = z.record(z.string(), z.unknown())

/** One step of a decision: what was measured, against what, and how it went. */
export const decidedStage = z
  .object({
    stage: z.string(),
    verdict: z.enum(['PASS', 'WARN', 'FAIL']),
    reason: z.string().nullable(),
    measured: json,
    thresholds: json,
  })
  .meta({ id: 'DecidedStage' })

export type DecidedStage = z.output<typeof decidedStage>

/** What a detector of each type asks of a pattern. */
const detection: Readonly<Record<PatternType, readonly (keyof Thresholds)[]>> = {
  SPRING: ['springVolumeMax', 'springPenetrationMax'],
  SOS: ['sosVolumeMin', 'sosSpreadMin', 'sosClosePositionMin', 'sosBreakoutMin', 'sosFromB'],
  LPS: ['lpsVolumeMax', 'lpsAbsorption'],
  UTAD: ['utadVolumeMin', 'utadBreakoutMin', 'utadBreakoutMax'],
}

const volume: Readonly<Record<PatternType, keyof Thresholds>> = {
  SPRING: 'springVolumeMax',
  SOS: 'sosVolumeMin',
  LPS: 'lpsVolumeMax',
  UTAD: 'utadVolumeMin',
}

/** Thresholds that a stage of the validation chain holds a candidate against. */
function stageThresholds(stage: RejectionStage, type: PatternType): Record<string, unknown> {
  switch (stage) {
    case 'PRECHECK':
      return picked(['patternConfidenceMin', 'signalConfidenceMin'])
    case 'VOLUME':
      return picked([volume[type]])
    case 'PHASE':
      return picked(['phaseConfidenceMin'])
    case 'LEVELS':
      return picked(['levelStrengthMin'])
    case 'RISK': {
      const { perTrade, campaign, correlated, heat, positionValue } = defaultLimits
      return {
        ...picked(['rMultipleMin', 'rMultipleIdeal']),
        ...(snakeCase({
          perTradeMax: perTrade.max,
          campaignMax: campaign.max,
          correlatedMax: correlated.max,
          heatMax: heat.max,
          positionValueMax: positionValue.max,
        }) as object),
      }
    }
    default:
      return {}
  }
}

/** They are the same for every pattern of a type: made once, only to be read. */
const thresholds = new Map<string, Readonly<Record<string, unknown>>>()

function thresholdsOf(
  stage: RejectionStage | 'DETECTION',
  type: PatternType,
): Readonly<Record<string, unknown>> {
  const key = `${stage} ${type}`
  let known = thresholds.get(key)
  if (known === undefined) {
    known =
      stage === 'DETECTION'
        ? picked([...detection[type], 'patternConfidenceMin'])
        : stageThresholds(stage, type)
    thresholds.set(key, known)
  }
  return known
}

/** What decided a pattern: how it was found, then each stage of its candidate's chain, as far as that went. */
export function decisionOf(pattern: Pattern, chain: ValidationChain | null): DecidedStage[] {
  const { type, confidence, tier, phase, phaseConfidence, volumeRatio, spreadRatio, metadata } = pattern
  const stages: DecidedStage[] = [
    {
      stage: 'DETECTION',
      verdict: 'PASS',
      reason: null,
      measured: {
        confidence,
        tier,
        phase,
        phase_confidence: phaseConfidence,
        volume_ratio: volumeRatio,
        spread_ratio: spreadRatio,
        ...(snakeCase(metadata) as object),
      },
      thresholds: thresholdsOf('DETECTION', type),
    },
  ]
  for (const { stage, status, reason, metadata: measured } of chain?.results ?? []) {
    stages.push({ stage, verdict: status, reason, measured, thresholds: thresholdsOf(stage, type) })
  }
  const { rejectionStage: stage, rejectionReason: reason } = pattern
  // What ends before the chain, or after it, has no stage of it.
  if (stage !== null && stages.at(-1)?.verdict !== 'FAIL') {
    const measured = { confidence, phase_confidence: phaseConfidence }
    stages.push({ stage, verdict: 'FAIL', reason, measured, thresholds: thresholdsOf(stage, type) })
  }
  return stages
}

function picked(names: readonly (keyof Thresholds)[]): Record<string, unknown> {
  return snakeCase(Object.fromEntries(names.map((name) => [name, rules[name]]))) as Record<string, unknown>
}
