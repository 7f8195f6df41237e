import type { BarSeries } from './bar-series.ts'
import { timeframeMs } from './resample.ts'
import { campaignId } from './campaign.ts'
import type { Candidate } from './candidate.ts'
import type { Draft } from './draft.ts'
import type { Journal } from './journal.ts'
import { MarketContext } from './market-context.ts'
import { planOf } from './plan.ts'
import { assessRisk } from './risk.ts'
import type { Portfolio } from './risk.ts'
import type { PatternType, Plan, RejectionStage, Signal, ValidationChain } from './signal.ts'
import { SignalLife } from './signal-life.ts'
import type { SignalSettings } from './signal-options.ts'
import { validate } from './validation.ts'
import { volumeAt } from './volume-analysis.ts'
import type { VolumeAnalysis } from './volume-analysis.ts'

const acceptedMost = 95
const rank: Readonly<Record<PatternType, number>> = { SPRING: 1, LPS: 2, SOS: 3, UTAD: 4 }

/** Turns candidates into signals or rejections: plan, confidence, validation, size (method 9 to 12). */
export class SignalDesk {
  readonly life: SignalLife
  private readonly settings: SignalSettings
  private readonly journal: Journal
  private readonly volume: VolumeAnalysis
  private readonly market = new MarketContext()
  private readonly signalled = new Set<string>()

  constructor(settings: SignalSettings, journal: Journal, volume: VolumeAnalysis) {
    this.settings = settings
    this.journal = journal
    this.volume = volume
    this.life = new SignalLife(journal)
  }

  judge(bars: BarSeries, candidate: Candidate): void {
    const { pattern, bar } = candidate
    const { thresholds } = this.settings
    if (this.signalled.has(pattern.key))
      return this.reject(bars, candidate, 'PRECHECK', 'pattern already signalled', null)
    const planned = planOf(candidate)
    if ('fault' in planned) return this.reject(bars, candidate, 'PRECHECK', planned.fault, null)
    const { plan } = planned
    pattern.plan = plan
    pattern.invalidationLevel = plan.stopLoss
    const parts = confidenceParts(candidate)
    if (parts.overall < thresholds.signalConfidenceMin)
      return this.reject(bars, candidate, 'PRECHECK', `confidence ${parts.overall} is below 70`, null)

    const campaign = campaignId(bars.symbol, bars.timeframe, bars.time[candidate.range.first], plan.side)
    const portfolio = this.portfolio(bar, campaign)
    const risk = assessRisk(
      {
        symbol: bars.symbol,
        side: plan.side,
        type: pattern.type,
        entryPrice: plan.entryPrice,
        stopLoss: plan.stopLoss,
        volumeRatio: pattern.volumeRatio,
        shortPhaseB: candidate.shortPhaseB,
        confidence: parts.overall,
        campaignId: campaign,
        riskOverride: this.settings.riskPerTrade,
      },
      portfolio,
      this.settings.limits,
      this.settings.sectorOf,
    )
    const step = timeframeMs(bars.timeframe)
    const chain = validate(
      {
        candidate,
        plan,
        risk,
        market: this.market.at(bars, bar),
        time: bars.time[bar],
        closeTime: bars.time[bar] + step,
        intraday: step < 86_400_000,
        session: this.settings.session,
        earnings: this.settings.earningsOf(bars.symbol),
        lastStopOut: portfolio.campaigns.find(({ id }) => id === campaign)?.lastStopOut ?? null,
      },
      thresholds,
    )
    if (chain.rejectionStage !== null)
      return this.reject(bars, candidate, chain.rejectionStage, chain.rejectionReason!, chain)

    const score = Math.min(acceptedMost, parts.overall)
    const review = chain.warnings.length >= 2 || (score < 80 && chain.warnings.length > 0)
    const signal: Draft<Signal> = {
      key: pattern.key,
      symbol: bars.symbol,
      assetClass: 'STOCK',
      timeframe: bars.timeframe,
      patternType: pattern.type,
      side: plan.side,
      pattern,
      phase: candidate.phase,
      confirmedBar: bar,
      confirmedTime: bars.time[bar],
      entryPrice: plan.entryPrice,
      stopLoss: plan.stopLoss,
      primaryTarget: plan.primaryTarget,
      secondaryTargets: plan.secondaryTargets,
      plan,
      positionSize: risk.positionSize,
      notionalValue: risk.notionalValue,
      riskAmount: risk.riskAmount,
      riskFrac: risk.riskFrac,
      rMultiple: plan.rMultiple,
      confidenceScore: score,
      confidenceComponents: { ...parts, overall: score },
      campaignId: campaign,
      campaignAllocation: risk.campaignAllocation,
      validationChain: chain,
      requiresReview: review,
      rejectionReasons: [],
      volumeAnalysis: volumeAt(this.volume, pattern.bar),
      priority: priorityOf(score, plan, pattern.type),
      expiresBar: bar + this.settings.expiryBars,
      schemaVersion: 1,
      status: review ? 'PENDING' : 'APPROVED',
      filledBar: null,
      fillPrice: null,
      exitBar: null,
      exitPrice: null,
      exitReason: null,
    }
    this.accept(signal, candidate)
  }

  private accept(signal: Draft<Signal>, { pattern, range, bar }: Candidate): void {
    const { journal } = this
    pattern.status = 'signalled'
    this.signalled.add(pattern.key)
    this.life.add(signal, range)
    journal.signal(range, signal, bar)
  }

  private reject(
    bars: BarSeries,
    { pattern, range, bar }: Candidate,
    stage: RejectionStage,
    reason: string,
    chain: ValidationChain | null,
  ): void {
    pattern.status = 'rejected'
    pattern.rejectionStage = stage
    pattern.rejectionReason = reason
    this.journal.rejection(range, {
      key: pattern.key,
      pattern,
      patternType: pattern.type,
      bar,
      time: bars.time[bar],
      stage,
      reason,
      chain,
    })
  }

  /**
   * The account a candidate is judged against. An account that is asked anew each time is the whole truth; a fixed
   * one is joined by the positions that this run's own signals would hold, where it does not hold them itself.
   */
  private portfolio(bar: number, campaign: string): Portfolio {
    const { account } = this.settings
    if (typeof account === 'function') return account(bar, campaign)
    const positions = this.life.positions()
    const campaigns = this.life.campaignStates(campaign)
    if (account.positions.length === 0 && account.campaigns.length === 0)
      return { ...account, positions, campaigns }
    const held = new Set(account.positions.map(({ campaignId }) => campaignId))
    const known = new Map(account.campaigns.map((campaign) => [campaign.id, campaign]))
    return {
      ...account,
      positions: [...account.positions, ...positions.filter(({ campaignId }) => !held.has(campaignId))],
      campaigns: [...account.campaigns, ...campaigns.filter(({ id }) => !known.has(id))],
    }
  }
}

/** Spec 9.3, in whole numbers so that the floor is exact. */
const confidenceParts = (candidate: Candidate): Signal['confidenceComponents'] => {
  const pattern = candidate.pattern.confidence
  const phase = candidate.phaseConfidence
  const volume = volumeScore(candidate.pattern.type, candidate.pattern.volumeRatio)
  return { pattern, phase, volume, overall: Math.floor((5 * pattern + 3 * phase + 2 * volume) / 10) }
}

const volumeScore = (type: PatternType, ratio: number): number => {
  if (type === 'SPRING') return ratio <= 0.4 ? 100 : ratio <= 0.5 ? 90 : ratio <= 0.6 ? 75 : 60
  if (type === 'SOS') return ratio >= 2 ? 100 : ratio >= 1.8 ? 90 : ratio >= 1.6 ? 75 : 60
  if (type === 'LPS') return ratio < 0.6 ? 100 : ratio < 0.9 ? 85 : 70
  return ratio >= 2.5 ? 100 : ratio >= 2 ? 90 : 80
}

const priorityOf = (confidence: number, plan: Plan, type: PatternType): number =>
  100 *
  (0.4 * unit((confidence - 70) / 25) +
    0.3 * unit((plan.rMultiple - 2) / 3) +
    0.3 * unit((4 - rank[type]) / 3))

const unit = (value: number): number => Math.min(1, Math.max(0, value))
