import type { PortfolioCampaign } from '../risk.ts'
import { patternTypes } from '../signal.ts'

/** Closed campaigns that are remembered, those that closed last: a range that old has no more signals to give. */
const keptClosed = 1000

/** What each campaign has taken and when it was last stopped out; kept only for entries that name a campaign. */
export class CampaignLedger {
  // States are never changed in place, so that a list that was given stays as it was.
  private readonly open = new Map<string, PortfolioCampaign>()
  /** In order of closing. */
  private readonly closed = new Map<string, PortfolioCampaign>()

  taken(id: string, symbol: string, pattern: string | undefined): void {
    const known = this.open.get(id) ?? this.closed.get(id)
    const taken = known?.taken ?? []
    const type = patternTypes.find((type) => type === pattern)
    const fresh = type !== undefined && !taken.includes(type)
    this.closed.delete(id)
    this.open.set(id, {
      id,
      symbol: known?.symbol ?? symbol,
      open: true,
      taken: fresh ? [...taken, type] : taken,
      lastStopOut: known?.lastStopOut ?? null,
    })
  }

  stoppedOut(id: string, time: number): void {
    const campaigns = this.open.has(id) ? this.open : this.closed
    const campaign = campaigns.get(id)
    if (campaign !== undefined) campaigns.set(id, { ...campaign, lastStopOut: time })
  }

  positionClosed(id: string): void {
    const campaign = this.open.get(id)
    if (campaign === undefined) return
    this.open.delete(id)
    this.closed.set(id, { ...campaign, open: false })
    if (this.closed.size > keptClosed) this.closed.delete(this.closed.keys().next().value!)
  }

  /** The open campaigns, and the one asked for if it is known. */
  list(asked?: string): readonly PortfolioCampaign[] {
    const campaigns = [...this.open.values()]
    const other = asked === undefined ? undefined : this.closed.get(asked)
    if (other !== undefined) campaigns.push(other)
    return campaigns
  }
}
