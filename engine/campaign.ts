import { utcDay } from './parse-time.ts'
import type { PatternType, Side } from './signal.ts'

/** Longest life of a campaign (method 12). */
export const campaignMs = 180 * 86_400_000

/** `SYMBOL-TIMEFRAME-YYYYMMDD` of the UTC day on which the range starts, with `-S` for short (method 12). */
export const campaignId = (symbol: string, timeframe: string, rangeStartTime: number, side: Side): string =>
  `${symbol}-${timeframe}-${utcDay(rangeStartTime)}${side === 'SHORT' ? '-S' : ''}`

/**
 * The share of a campaign's budget that a pattern may use, given what the campaign has already taken, and that
 * share as a fraction of equity (method 12).
 */
export const campaignCap = (
  type: PatternType,
  taken: readonly PatternType[],
  confidence: number,
  budget: number,
): { allocation: number; cap: number } => {
  const allocation = allocationOf(type, taken.includes('SPRING'), taken.includes('SOS'), confidence)
  return { allocation, cap: allocation * budget }
}

const allocationOf = (type: PatternType, spring: boolean, sos: boolean, confidence: number): number => {
  if (type === 'UTAD') return 1
  if (type === 'SPRING') return 0.4
  if (type === 'SOS') return spring ? 0.35 : 0.7
  if (spring && sos) return 0.25
  if (spring || sos) return 0.6
  return confidence >= 75 ? 1 : 0.25
}

export interface ScaledTarget {
  readonly price: number
  readonly share: number
}

/**
 * Targets of a scaled exit: half, three tenths, one fifth (method 12). A target that is not above 0 is dropped and
 * its share joins the one before it.
 */
export const scaledTargets = (
  type: PatternType,
  ice: number,
  creek: number,
  jump: number,
  drop: number | null,
): ScaledTarget[] => {
  const width = creek - ice
  const far = creek + 1.5 * (jump - creek)
  const prices =
    type === 'UTAD' ? [ice, ice - width, drop ?? 0] : [type === 'SPRING' ? creek : creek + width, jump, far]
  const shares = [0.5, 0.3, 0.2]
  const targets: { price: number; share: number }[] = []
  prices.forEach((price, k) => {
    if (price > 0) targets.push({ price, share: shares[k] })
    else if (targets.length > 0) targets.at(-1)!.share += shares[k]
  })
  return targets
}
