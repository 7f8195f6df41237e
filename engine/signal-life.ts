import type { BarSeries } from './bar-series.ts'
import { campaignMs } from './campaign.ts'
import type { Draft } from './draft.ts'
import type { Journal } from './journal.ts'
import type { LiveRange } from './live-range.ts'
import type { PortfolioCampaign, PortfolioPosition } from './risk.ts'
import type { Signal, SignalStatus } from './signal.ts'
import { exitWithin, refusedAtOpen, type SignalLevels } from './signal-fill.ts'

interface Alive extends SignalLevels {
  readonly signal: Draft<Signal>
  readonly range: LiveRange
  stop: number
  /** Why it is to be closed at the next open; null for not at all. */
  closing: string | null
}

interface Campaign {
  readonly id: string
  readonly symbol: string
  readonly startTime: number
  readonly taken: Signal['patternType'][]
  lastStopOut: number | null
}

/**
 * What becomes of signals (method 9.5): an approved one fills at the next open unless that lies beyond its stop or
 * target, then ends at its stop, at its primary target, or at the open after a breakdown, an opposite signal or 180
 * days. One that waits for review expires. Fills are without slippage: the backtest has the costs.
 */
export class SignalLife {
  private readonly journal: Journal
  private readonly alive: Alive[] = []
  private readonly campaigns = new Map<string, Campaign>()

  constructor(journal: Journal) {
    this.journal = journal
  }

  get quiet(): boolean {
    return this.alive.length === 0
  }

  add(signal: Draft<Signal>, range: LiveRange): void {
    for (const other of this.alive) if (other.signal.side !== signal.side) other.closing ??= 'opposite signal'
    const side = signal.side === 'LONG' ? 1 : -1
    this.alive.push({
      signal,
      range,
      side,
      stop: signal.stopLoss,
      target: signal.primaryTarget,
      closing: null,
    })
    const campaign = this.campaigns.get(signal.campaignId)
    if (campaign !== undefined) campaign.taken.push(signal.patternType)
    else
      this.campaigns.set(signal.campaignId, {
        id: signal.campaignId,
        symbol: signal.symbol,
        startTime: signal.confirmedTime,
        taken: [signal.patternType],
        lastStopOut: null,
      })
  }

  /** Bar `t`: fills at its open, stops before targets, then what ends with time. */
  step(bars: BarSeries, t: number): void {
    const { alive } = this
    let left = 0
    for (let k = 0; k < alive.length; k++) {
      const one = alive[k]
      this.live(one, bars, t)
      if (one.signal.exitBar === null) alive[left++] = one
    }
    if (left < alive.length) alive.length = left
  }

  /** A breakdown ends the range's positions, or on low volume only tightens their stop (method 7.4). */
  breakdown(bars: BarSeries, range: LiveRange, t: number, kind: string): void {
    const against = range.direction === 1 ? 'LONG' : 'SHORT'
    for (const one of this.alive) {
      if (one.range !== range || one.signal.side !== against) continue
      if (!kind.startsWith('FAILED')) one.closing ??= 'breakdown'
      else if (against === 'LONG') one.stop = bars.low[t] * 0.99
      else one.stop = bars.high[t] * 1.01
    }
  }

  positions(): PortfolioPosition[] {
    const positions: PortfolioPosition[] = []
    for (const { signal, stop } of this.alive)
      if (signal.status === 'APPROVED' || signal.status === 'FILLED')
        positions.push({
          symbol: signal.symbol,
          side: signal.side,
          quantity: signal.positionSize,
          entryPrice: signal.fillPrice ?? signal.entryPrice,
          stop,
          campaignId: signal.campaignId,
        })
    return positions
  }

  /** The campaigns that are open, and the one asked for if it is known. */
  campaignStates(asked: string): PortfolioCampaign[] {
    const states: PortfolioCampaign[] = []
    for (const { signal } of this.alive) this.addState(states, signal.campaignId, true)
    this.addState(states, asked, false)
    return states
  }

  private addState(states: PortfolioCampaign[], id: string, open: boolean): void {
    for (const state of states) if (state.id === id) return
    const campaign = this.campaigns.get(id)
    if (campaign === undefined) return
    const { symbol, taken, lastStopOut } = campaign
    states.push({ id, symbol, open, taken, lastStopOut })
  }

  private live(one: Alive, bars: BarSeries, t: number): void {
    const { signal } = one
    const open = bars.open[t]
    if (signal.status === 'PENDING') {
      if (one.closing !== null) this.end(one, t, 'EXPIRED', null, one.closing)
      else if (t > signal.expiresBar) this.end(one, t, 'EXPIRED', null, 'not approved in time')
      return
    }
    if (signal.status === 'APPROVED') {
      const refused = one.closing ?? refusedAtOpen(one, open)
      if (refused !== null) return this.end(one, t, 'EXPIRED', null, refused)
      signal.filledBar = t
      signal.fillPrice = open
      this.status(one, t, 'FILLED')
    } else if (one.closing !== null) return this.end(one, t, 'CLOSED', open, one.closing)
    const exit = exitWithin(one, open, bars.high[t], bars.low[t])
    if (exit !== null) {
      const stopped = exit.status === 'STOPPED'
      this.end(one, t, exit.status, exit.price, stopped ? 'stop' : 'target')
      if (stopped) this.campaigns.get(signal.campaignId)!.lastStopOut = bars.time[t]!
    } else if (bars.time[t] - this.campaigns.get(signal.campaignId)!.startTime >= campaignMs)
      one.closing ??= 'campaign time'
  }

  private end(one: Alive, t: number, status: SignalStatus, price: number | null, reason: string): void {
    const { signal } = one
    signal.exitBar = t
    signal.exitPrice = price
    signal.exitReason = reason
    this.status(one, t, status)
  }

  private status({ signal, range }: Alive, t: number, status: SignalStatus): void {
    const from = signal.status
    signal.status = status
    this.journal.signalStatus(range, signal, t, from)
  }
}
