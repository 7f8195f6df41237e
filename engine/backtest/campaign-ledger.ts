import type { PortfolioCampaign } from '../risk.ts'
import { patternTypes } from '../signal.ts'

/** What each campaign has taken and when it was last stopped out; kept only for entries that name a campaign. */
export class CampaignLedger {
  /** Never changed in place, so that a list that was given stays as it was without copying its entries. */
  private readonly entries: PortfolioCampaign[] = []
  private readonly places = new Map<string, number>()
  private listed: readonly PortfolioCampaign[] | null = null

  taken(id: string, symbol: string, pattern: string | undefined): void {
    let place = this.places.get(id)
    if (place === undefined) {
      place = this.entries.push({ id, symbol, open: true, taken: [], lastStopOut: null }) - 1
      this.places.set(id, place)
    }
    const { taken } = this.entries[place]
    const type = patternTypes.find((type) => type === pattern)
    const fresh = type !== undefined && !taken.includes(type)
    this.change(id, { open: true, taken: fresh ? [...taken, type] : taken })
  }

  stoppedOut(id: string, time: number): void {
    this.change(id, { lastStopOut: time })
  }

  positionClosed(id: string): void {
    this.change(id, { open: false })
  }

  private change(id: string, changed: Partial<PortfolioCampaign>): void {
    const place = this.places.get(id)
    if (place === undefined) return
    this.entries[place] = { ...this.entries[place], ...changed }
    this.listed = null
  }

  /** Open campaigns and those of the last stop-outs: all that a new candidate is judged by. */
  list(): readonly PortfolioCampaign[] {
    return (this.listed ??= this.entries.slice())
  }
}
