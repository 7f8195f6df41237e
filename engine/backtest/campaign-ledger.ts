import { type PatternType, patternTypes } from '../signal.ts'
import type { PortfolioCampaign } from '../risk.ts'

interface Entry {
  id: string
  symbol: string
  open: boolean
  taken: PatternType[]
  lastStopOut: number | null
}

/** What each campaign has taken and when it was last stopped out; kept only for entries that name a campaign. */
export class CampaignLedger {
  private readonly entries = new Map<string, Entry>()

  taken(id: string, symbol: string, pattern: string | undefined): void {
    let entry = this.entries.get(id)
    if (entry === undefined) {
      entry = { id, symbol, open: true, taken: [], lastStopOut: null }
      this.entries.set(id, entry)
    }
    entry.open = true
    const type = patternTypes.find((type) => type === pattern)
    if (type !== undefined && !entry.taken.includes(type)) entry.taken.push(type)
  }

  stoppedOut(id: string, time: number): void {
    const entry = this.entries.get(id)
    if (entry !== undefined) entry.lastStopOut = time
  }

  positionClosed(id: string): void {
    const entry = this.entries.get(id)
    if (entry !== undefined) entry.open = false
  }

  /** Open campaigns and those of the last stop-outs: all that a new candidate is judged by. */
  list(): PortfolioCampaign[] {
    return [...this.entries.values()].map((entry) => ({ ...entry, taken: [...entry.taken] }))
  }
}
