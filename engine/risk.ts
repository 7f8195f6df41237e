import { campaignCap } from './campaign.ts'
import type { PatternType, Side } from './signal.ts'

/** One open position. Several entries of one campaign may be given as one (averaged) or as several. */
export interface PortfolioPosition {
  readonly symbol: string
  readonly side: Side
  /** Shares, above 0. */
  readonly quantity: number
  readonly entryPrice: number
  /** The stop as it stands now; null for none, which puts the whole value at risk. */
  readonly stop: number | null
  readonly campaignId: string | null
}

/** What has been taken in a campaign so far, and when it was last stopped out. */
export interface PortfolioCampaign {
  readonly id: string
  readonly symbol: string
  readonly open: boolean
  readonly taken: readonly PatternType[]
  /** Epoch milliseconds of the last stop-out; null for none. */
  readonly lastStopOut: number | null
}

/** The account as it stands when a candidate asks. Money in account currency, fractions of equity 0-1. */
export interface Portfolio {
  readonly equity: number
  readonly positions: readonly PortfolioPosition[]
  readonly campaigns: readonly PortfolioCampaign[]
  readonly dailyLossFrac?: number
  readonly drawdownFrac?: number
  /** An operator or the config has lifted an emergency halt. */
  readonly haltCleared?: boolean
}

export interface Limit {
  readonly max: number
  readonly warnAt: number
}

/** Spec 11, all fractions of current equity. */
export interface RiskLimits {
  readonly perTrade: Limit
  readonly campaign: Limit
  readonly campaignPositions: number
  readonly correlated: Limit
  readonly sectorCampaigns: number
  readonly heat: Limit
  readonly positionValue: Limit
  readonly haltDailyLoss: number
  readonly haltDrawdown: number
}

export const defaultLimits: RiskLimits = {
  perTrade: { max: 0.02, warnAt: 0.016 },
  campaign: { max: 0.05, warnAt: 0.04 },
  campaignPositions: 5,
  correlated: { max: 0.06, warnAt: 0.048 },
  sectorCampaigns: 3,
  heat: { max: 0.1, warnAt: 0.08 },
  positionValue: { max: 0.2, warnAt: 0.16 },
  haltDailyLoss: 0.03,
  haltDrawdown: 0.15,
}

/** Risk per trade of method 8.0, as a fraction of equity. */
export const baseRisk: Readonly<Record<PatternType, number>> = {
  SPRING: 0.005,
  SOS: 0.008,
  LPS: 0.007,
  UTAD: 0.005,
}

export interface RiskRequest {
  readonly symbol: string
  readonly side: Side
  readonly type: PatternType
  readonly entryPrice: number
  readonly stopLoss: number
  /** Volume ratio of the pattern's bar; scales an SOS. */
  readonly volumeRatio: number
  /** Phase C was reached out of a short phase B: three quarters of the risk. */
  readonly shortPhaseB: boolean
  /** Overall confidence, 0-100; an LPS alone needs it to use its campaign. */
  readonly confidence: number
  readonly campaignId: string
  /** Risk per trade instead of that of method 8.0; .001 to .02. */
  readonly riskOverride?: number | null
}

export interface RiskAssessment {
  /** Whole shares; below 1 is a failure. */
  readonly positionSize: number
  readonly riskFrac: number
  readonly riskAmount: number
  readonly notionalValue: number
  readonly heatAfter: number
  readonly campaignRiskAfter: number
  readonly correlatedRiskAfter: number
  /** Share of the campaign's budget that this type may use, 0-1. */
  readonly campaignAllocation: number
  readonly failures: readonly string[]
  readonly warnings: readonly string[]
}

/** Money that a position loses if its stop is hit: nothing once the stop is at breakeven (method 11). */
export const openRisk = (position: PortfolioPosition): number => {
  const side = position.side === 'LONG' ? 1 : -1
  const lossPerShare =
    position.stop === null ? position.entryPrice : side * (position.entryPrice - position.stop)
  return Math.max(0, lossPerShare) * position.quantity
}

/** The share of the usual risk that an SOS of this volume ratio takes (method 11). */
export const sosRiskShare = (volumeRatio: number): number =>
  volumeRatio >= 2.5
    ? 1
    : volumeRatio >= 2.3
      ? 0.95
      : volumeRatio >= 2
        ? 0.9
        : volumeRatio >= 1.7
          ? 0.85
          : 0.75

/**
 * Sizes a new trade against the account and judges it by every limit of method 11. Pure: asks nothing but its
 * arguments. `sectorOf` groups symbols; an unmapped symbol is its own group.
 */
export const assessRisk = (
  request: RiskRequest,
  portfolio: Portfolio,
  limits: RiskLimits = defaultLimits,
  sectorOf: (symbol: string) => string = (symbol) => symbol,
): RiskAssessment => {
  const { equity, positions, campaigns } = portfolio
  const failures: string[] = []
  const warnings: string[] = []
  const sector = sectorOf(request.symbol)
  const campaign = campaigns.find(({ id }) => id === request.campaignId)
  let inCampaign = 0
  let campaignRisk = 0
  let sectorRisk = 0
  let allRisk = 0
  for (const position of positions) {
    const risk = openRisk(position)
    allRisk += risk
    if (sectorOf(position.symbol) === sector) sectorRisk += risk
    if (position.campaignId !== request.campaignId) continue
    inCampaign++
    campaignRisk += risk
  }

  if (!(equity > 0)) failures.push(`equity ${equity} is not above 0`)
  const budgetLeft = Math.max(0, limits.campaign.max - campaignRisk / equity)
  const { allocation, cap } = campaignCap(
    request.type,
    campaign?.taken ?? [],
    request.confidence,
    limits.campaign.max,
  )
  const wanted =
    (request.riskOverride ?? baseRisk[request.type]) *
    (request.type === 'SOS' ? sosRiskShare(request.volumeRatio) : 1) *
    (request.shortPhaseB ? 0.75 : 1)
  const riskFrac = Math.max(0, Math.min(wanted, cap, budgetLeft, limits.perTrade.max))
  const stopDistance = Math.abs(request.entryPrice - request.stopLoss)
  const size = Math.floor((equity * riskFrac) / stopDistance)
  const positionSize = Number.isFinite(size) && size > 0 ? size : 0
  const riskAmount = positionSize * stopDistance
  const notionalValue = positionSize * request.entryPrice
  const riskTaken = equity > 0 ? riskAmount / equity : 0

  if (positionSize < 1)
    failures.push(`size is below one share (risk ${riskFrac}, stop distance ${stopDistance})`)
  if (inCampaign >= limits.campaignPositions) failures.push(`campaign has ${inCampaign} open positions`)
  let openInSector = 0
  let ownIsOpen = false
  for (const { id, open, symbol } of campaigns) {
    if (!open || sectorOf(symbol) !== sector) continue
    openInSector++
    if (id === request.campaignId) ownIsOpen = true
  }
  if (!ownIsOpen && openInSector >= limits.sectorCampaigns)
    failures.push(`sector ${sector} has ${openInSector} open campaigns`)
  const halted =
    (portfolio.dailyLossFrac ?? 0) >= limits.haltDailyLoss ||
    (portfolio.drawdownFrac ?? 0) >= limits.haltDrawdown
  if (halted && !portfolio.haltCleared) failures.push('new entries are halted by a daily loss or drawdown')

  const heatAfter = allRisk / equity + riskTaken
  const campaignRiskAfter = campaignRisk / equity + riskTaken
  const correlatedRiskAfter = sectorRisk / equity + riskTaken
  const against = (name: string, value: number, limit: Limit): void => {
    if (value > limit.max) failures.push(`${name} ${fraction(value)} is over its limit ${limit.max}`)
    else if (value >= limit.warnAt) warnings.push(`${name} ${fraction(value)} is near its limit ${limit.max}`)
  }
  if (equity > 0) {
    against('risk per trade', riskTaken, limits.perTrade)
    against('campaign risk', campaignRiskAfter, limits.campaign)
    against('correlated risk', correlatedRiskAfter, limits.correlated)
    against('portfolio heat', heatAfter, limits.heat)
    against('position value', notionalValue / equity, limits.positionValue)
  }
  return {
    positionSize,
    riskFrac,
    riskAmount,
    notionalValue,
    heatAfter,
    campaignRiskAfter,
    correlatedRiskAfter,
    campaignAllocation: allocation,
    failures,
    warnings,
  }
}

const fraction = (value: number): string => value.toFixed(4)
