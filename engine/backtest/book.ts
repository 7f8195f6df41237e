import type { BarSeries } from '../bar-series.ts'
import type { EntryTag, ExitReason, Target } from '../strategy.ts'

/** An order that waits. Sides are +1 and -1; prices that are not set are NaN. */
export interface PendingOrder {
  readonly id: number
  readonly kind: 'enter' | 'exit'
  readonly type: 'market' | 'limit' | 'stop'
  /** Of the entry; 0 for an exit, which closes whatever is there. */
  readonly side: 1 | -1 | 0
  /** What is left to fill; Infinity for `max` and for a whole position. */
  remaining: number
  filled: number
  readonly frac: number
  readonly price: number
  readonly stop: number
  readonly targets: readonly Target[]
  readonly ratchetStop: boolean
  readonly trailing: boolean
  /** The last bar on which it may fill. */
  readonly lastBar: number
  readonly signalBar: number
  readonly tag: EntryTag
  readonly reason: ExitReason
  /** An exit belongs to the position that was open when it was ordered; 0 when none was. */
  readonly positionId: number
}

/** One entry of a position, with its own stop and targets. */
export interface Lot {
  orderId: number
  quantity: number
  initialQuantity: number
  entryPrice: number
  entryBar: number
  /** Filled inside its bar, not at the open: the open lies before it. */
  intrabar: boolean
  /** Entry commission, slippage and borrow cost not yet charged to a trade. */
  commission: number
  slippage: number
  borrow: number
  stop: number
  initialStop: number
  targets: readonly Target[]
  nextTarget: number
  ratchetStop: boolean
  trailing: boolean
  /** Best price since entry, for a trailing stop. */
  best: number
  /** The stop was hit but the bar's volume did not take it all: the rest leaves at the next open. */
  leaving: boolean
  signalBar: number
  tag: EntryTag
}

/** One symbol's position and orders within an account. */
export class Book {
  readonly index: number
  readonly bars: BarSeries
  readonly lots: Lot[] = []
  readonly orders: PendingOrder[] = []
  /** +1 long, -1 short, 0 flat. */
  side: 1 | -1 | 0 = 0
  quantity = NaN
  /** side x quantity. */
  signed = NaN
  positionId = 0
  lastPrice = NaN
  /** Money lost if every lot left at its stop. */
  openRisk = NaN
  /** A bar whose low is at or below, or whose high is at or above, may touch a stop or a target. */
  guardLow = -Infinity
  guardHigh = Infinity
  /** Shares of this bar's volume already taken, for `maxParticipation`. */
  takenBar = -1
  taken = 0

  constructor(index: number, bars: BarSeries) {
    this.index = index
    this.bars = bars
    this.lastPrice = bars.close[0]!
    // Doubles from the start: a field that begins as a small integer is recompiled when it stops being one.
    this.quantity = this.signed = this.openRisk = 0
  }

  get averageEntry(): number | null {
    if (this.side === 0) return null
    let cost = 0
    for (const lot of this.lots) cost += lot.quantity * lot.entryPrice
    return cost / this.quantity
  }

  /** To be called after any change of lots, stops or targets. */
  refresh(): void {
    let [quantity, risk, low, high] = [0, 0, -Infinity, Infinity]
    for (const lot of this.lots) {
      quantity += lot.quantity
      const stop = lot.stop
      const target = lot.nextTarget < lot.targets.length ? lot.targets[lot.nextTarget].price : NaN
      if (this.side === 1) {
        if (stop > low) low = stop
        if (target < high) high = target
      } else {
        if (stop < high) high = stop
        if (target > low) low = target
      }
      // A stop that moves with every bar, or a rest that must leave, needs every bar looked at.
      if (lot.trailing || lot.leaving) high = -Infinity
      const distance = this.side * (lot.entryPrice - stop)
      if (distance > 0) risk += distance * lot.quantity
    }
    if (this.lots.length === 0) this.side = 0
    this.quantity = quantity
    this.signed = this.side * quantity
    this.openRisk = risk
    this.guardLow = low
    this.guardHigh = high
  }
}
