import { describe, expect, it } from 'vitest'
import { campaignCap, campaignId, scaledTargets } from './campaign.ts'
import { assessRisk, defaultLimits, openRisk, sosRiskShare } from './risk.ts'
import type { Portfolio, PortfolioPosition, RiskRequest } from './risk.ts'

const request: RiskRequest = {
  symbol: 'X',
  side: 'LONG',
  type: 'SPRING',
  entryPrice: 100,
  stopLoss: 95,
  volumeRatio: 0.5,
  shortPhaseB: false,
  confidence: 80,
  campaignId: 'X-1d-20200101',
}
const empty: Portfolio = { equity: 100_000, positions: [], campaigns: [] }
const position = (extra: Partial<PortfolioPosition> = {}): PortfolioPosition => ({
  symbol: 'Y',
  side: 'LONG',
  quantity: 100,
  entryPrice: 50,
  stop: 40,
  campaignId: null,
  ...extra,
})

describe('assessRisk', () => {
  it('sizes by whole shares from the risk of the pattern', () => {
    expect(assessRisk(request, empty)).toEqual({
      positionSize: 100,
      riskFrac: 0.005,
      riskAmount: 500,
      notionalValue: 10_000,
      heatAfter: 0.005,
      campaignRiskAfter: 0.005,
      correlatedRiskAfter: 0.005,
      campaignAllocation: 0.4,
      failures: [],
      warnings: [],
    })
    expect(assessRisk({ ...request, entryPrice: 100, stopLoss: 93 }, empty).positionSize).toBe(71)
    expect(assessRisk({ ...request, shortPhaseB: true }, empty).positionSize).toBe(75)
  })

  it('treats shorts like longs', () => {
    const short = { ...request, side: 'SHORT', type: 'UTAD', stopLoss: 105 } as const
    expect(assessRisk(short, empty)).toMatchObject({ positionSize: 100, failures: [], campaignAllocation: 1 })
  })

  it.each([
    [2.5, 1],
    [2.3, 0.95],
    [2, 0.9],
    [1.7, 0.85],
    [1.5, 0.75],
    [1.1, 0.75],
  ])('scales an SOS of volume ratio %d to %d', (ratio, share) => {
    expect(sosRiskShare(ratio)).toBe(share)
    const sos = assessRisk({ ...request, type: 'SOS', volumeRatio: ratio, stopLoss: 90 }, empty)
    expect(sos.riskFrac).toBeCloseTo(0.008 * share, 12)
  })

  it('fails each limit by name and warns near it', () => {
    const failed = (portfolio: Partial<Portfolio>, change: Partial<RiskRequest> = {}) =>
      assessRisk({ ...request, ...change }, { ...empty, ...portfolio }).failures.join('; ')
    expect(failed({ equity: 0 })).toContain('equity 0')
    expect(failed({ equity: 500 })).toContain('below one share')
    expect(failed({}, { stopLoss: 98 })).toContain('position value 0.2500 is over')
    expect(failed({ positions: [position({ quantity: 960 })] })).toContain('portfolio heat')
    expect(failed({ positions: [position({ symbol: 'X', quantity: 560 })] })).toContain('correlated risk')
    expect(failed({ drawdownFrac: 0.15 })).toContain('halted')
    expect(failed({ dailyLossFrac: 0.03, haltCleared: true })).toBe('')
    const inCampaign = position({ symbol: 'X', stop: 50, campaignId: request.campaignId })
    expect(failed({ positions: [inCampaign, inCampaign, inCampaign, inCampaign, inCampaign] })).toContain(
      'campaign has 5 open positions',
    )
    const open = ['a', 'b', 'c'].map((id) => ({ id, symbol: 'X', open: true, taken: [], lastStopOut: null }))
    expect(failed({ campaigns: open })).toContain('sector X has 3 open campaigns')
    expect(assessRisk({ ...request, stopLoss: 97 }, empty).warnings).toEqual([
      'position value 0.1660 is near its limit 0.2',
    ])
  })

  it('leaves a position at breakeven out of the heat and takes what is left of the campaign', () => {
    expect(openRisk(position({ stop: 50 }))).toBe(0)
    expect(openRisk(position({ stop: 55 }))).toBe(0)
    expect(openRisk(position({ side: 'SHORT', stop: 60 }))).toBe(1000)
    expect(openRisk(position({ stop: null }))).toBe(5000)
    const held = position({ campaignId: request.campaignId, quantity: 470 })
    expect(assessRisk(request, { ...empty, positions: [held] }).riskFrac).toBeCloseTo(0.003, 12)
  })

  it('takes an override of the risk, but never more than the cap per trade', () => {
    expect(assessRisk({ ...request, riskOverride: 0.01, stopLoss: 90 }, empty).riskFrac).toBe(0.01)
    expect(assessRisk({ ...request, type: 'UTAD', riskOverride: 0.05, stopLoss: 90 }, empty).riskFrac).toBe(
      defaultLimits.perTrade.max,
    )
  })
})

describe('campaigns', () => {
  it('share their budget as method 12 says', () => {
    const share = (...args: Parameters<typeof campaignCap>) => campaignCap(...args).allocation
    expect(campaignCap('SPRING', [], 70, 0.05).cap).toBeCloseTo(0.02, 12)
    expect(share('SOS', ['SPRING'], 70, 0.05)).toBe(0.35)
    expect(share('SOS', [], 70, 0.05)).toBe(0.7)
    expect(share('LPS', ['SPRING', 'SOS'], 70, 0.05)).toBe(0.25)
    expect(share('LPS', ['SOS'], 70, 0.05)).toBe(0.6)
    expect(share('LPS', [], 75, 0.05)).toBe(1)
    expect(share('LPS', [], 74, 0.05)).toBe(0.25)
    expect(share('UTAD', [], 70, 0.05)).toBe(1)
  })

  it('are named by the UTC day of the range start', () => {
    expect(campaignId('SPX', '1d', Date.UTC(2008, 9, 9, 23, 59), 'LONG')).toBe('SPX-1d-20081009')
    expect(campaignId('SPX', '1d', Date.UTC(2000, 1, 29), 'SHORT')).toBe('SPX-1d-20000229-S')
  })

  it('drop a target that is not above 0 and give its share to the one before', () => {
    expect(scaledTargets('SPRING', 90, 100, 130, 60)).toEqual([
      { price: 100, share: 0.5 },
      { price: 130, share: 0.3 },
      { price: 145, share: 0.2 },
    ])
    expect(scaledTargets('UTAD', 4, 7, 16, null)).toEqual([
      { price: 4, share: 0.5 },
      { price: 1, share: 0.5 },
    ])
  })
})
