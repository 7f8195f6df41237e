import { scaledTargets } from './campaign.ts'
import type { Candidate } from './candidate.ts'
import type { Plan } from './signal.ts'

const nearestStop = 0.01
const farthestStop = 0.1

/** The plan of a candidate (method 9.2), or why there is none. */
export const planOf = (candidate: Candidate): { plan: Plan } | { fault: string } => {
  const { pattern, ice, creek, jump, drop, base } = candidate
  const long = pattern.side === 'LONG'
  const width = creek.price - ice.price
  const entryPrice = entryOf(candidate)
  let stopLoss = stopOf(candidate)
  const primaryTarget = long ? jump : ice.price
  const secondary = long ? (pattern.type === 'SPRING' ? creek.price : creek.price + width) : drop
  const side = long ? 1 : -1
  const distance = (side * (entryPrice - stopLoss)) / entryPrice
  if (![entryPrice, stopLoss, primaryTarget].every((price) => price > 0 && price < Infinity))
    return { fault: `plan is not computable from level ${base.level} and extreme ${base.extreme}` }
  if (distance > farthestStop) return { fault: `stop is ${distance.toFixed(4)} of the entry away, over 0.10` }
  if (distance > 0 && distance < nearestStop) stopLoss = entryPrice * (1 - side * nearestStop)
  if (!(side * (entryPrice - stopLoss) > 0)) return { fault: 'stop is not beyond the entry' }
  return {
    plan: {
      side: pattern.side,
      entryPrice,
      stopLoss,
      primaryTarget,
      secondaryTargets: secondary === null ? [] : [secondary],
      rMultiple: Math.abs(primaryTarget - entryPrice) / Math.abs(entryPrice - stopLoss),
      scaledTargets: scaledTargets(pattern.type, ice.price, creek.price, jump, drop),
    },
  }
}

const entryOf = ({ pattern, base }: Candidate): number => {
  if (pattern.type === 'SPRING') return base.level * 1.005
  if (pattern.type === 'LPS') return base.level * 1.01
  return base.close
}

const stopOf = ({ pattern, base }: Candidate): number => {
  if (pattern.type === 'SOS') return base.level * 0.95
  if (pattern.type === 'LPS') return base.level * 0.97
  if (pattern.type === 'UTAD') return base.extreme * 1.02
  const penetration = (base.level - base.extreme) / base.level
  return base.extreme * (1 - (penetration < 0.02 ? 0.02 : penetration < 0.03 ? 0.015 : 0.01))
}
