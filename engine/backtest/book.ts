import type { BarSeries } from '../bar-series.ts'
import type { EntryTag, ExitReason, Target } from '../strategy.ts'
import { emptyTag } from './trade-log.ts'

export const noTargets: readonly Target[] = []

/**
 * An order that waits. Sides are +1 and -1; prices that are not set are NaN. Orders and lots are taken out of use and
 * filled in again, so that a run that trades on every bar leaves no garbage. What holds a fraction begins as NaN: a field
 * that begins as a small integer changes its layout when it stops being one.
 */
export class PendingOrder {
  id = 0
  /** An entry, or else an exit. */
  entry = true
  type: 'market' | 'limit' | 'stop' = 'market'
  /** Whether `type` is: what every order is asked on every bar. */
  market = true
  /** Of the entry; 0 for an exit, which closes whatever is there. */
  side: 1 | -1 | 0 = 0
  /** What is left to fill; Infinity for `max` and for a whole position. */
  remaining = NaN
  filled = NaN
  frac = NaN
  price = NaN
  stop = NaN
  targets: readonly Target[] = noTargets
  ratchetStop = false
  trailing = false
  /** The last bar on which it may fill. */
  lastBar = NaN
  signalBar = 0
  tag: EntryTag = emptyTag
  reason: ExitReason = 'STRATEGY'
  /** An exit belongs to the position that was open when it was ordered; 0 when none was. */
  positionId = 0
}

/** One entry of a position, with its own stop and targets. */
export class Lot {
  orderId = 0
  quantity = NaN
  initialQuantity = NaN
  entryPrice = NaN
  entryBar = 0
  /** Filled inside its bar, not at the open: the open lies before it. */
  intrabar = false
  /** Entry commission, slippage and borrow cost not yet charged to a trade. */
  commission = NaN
  slippage = NaN
  borrow = NaN
  stop = NaN
  initialStop = NaN
  targets: readonly Target[] = noTargets
  nextTarget = 0
  ratchetStop = false
  trailing = false
  /** Best price since entry, for a trailing stop. */
  best = NaN
  /** The stop was hit but the bar's volume did not take it all: the rest leaves at the next open. */
  leaving = false
  signalBar = 0
  tag: EntryTag = emptyTag
}

/** One symbol's position and orders within an account. */
export class Book {
  readonly index: number
  readonly bars: BarSeries
  // The columns by themselves: series come in objects of many layouts, books in one.
  readonly time: Float64Array
  readonly open: Float64Array
  readonly high: Float64Array
  readonly low: Float64Array
  readonly close: Float64Array
  readonly volume: Float64Array
  readonly lots: Lot[] = []
  readonly orders: PendingOrder[] = []
  private readonly spareLots: Lot[] = []
  private readonly spareOrders: PendingOrder[] = []
  /** +1 long, -1 short, 0 flat. */
  side: 1 | -1 | 0 = 0
  quantity = NaN
  /** side x quantity. */
  signed = NaN
  positionId = 0
  lastPrice = NaN
  /** Money lost if every lot left at its stop. */
  openRisk = NaN
  /** Whether a bar may find something to do before the strategy is asked: orders, stops, targets or a change to record. */
  busy = true
  /** A bar whose low is at or below, or whose high is at or above, may touch a stop or a target. */
  guardLow = -Infinity
  guardHigh = Infinity
  /** Shares of this bar's volume already taken, for `maxParticipation`. */
  takenBar = -1
  taken = 0

  constructor(index: number, bars: BarSeries) {
    this.index = index
    this.bars = bars
    this.time = bars.time
    this.open = bars.open
    this.high = bars.high
    this.low = bars.low
    this.close = bars.close
    this.volume = bars.volume
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

  /** Whether bar `bar` may touch a stop or a target. */
  touched(bar: number): boolean {
    return this.low[bar] <= this.guardLow || this.high[bar] >= this.guardHigh
  }

  /** An order to be filled in, every field that its kind uses. */
  takeOrder(): PendingOrder {
    return this.spareOrders.pop() ?? new PendingOrder()
  }

  /** A lot to be filled in, every field of it. */
  takeLot(): Lot {
    return this.spareLots.pop() ?? new Lot()
  }

  /** Orders that have nothing left to fill leave. */
  dropFilledOrders(): void {
    const { orders } = this
    let kept = 0
    for (let k = 0; k < orders.length; k++) {
      const order = orders[k]
      if (order.remaining > 0) orders[kept++] = order
      else this.spareOrders.push(order)
    }
    // Not by setting the length, which gives the list's memory back, to be asked for again by the next order.
    while (orders.length > kept) orders.pop()
  }

  /** Lots that are closed leave. */
  dropClosedLots(): void {
    const { lots } = this
    let kept = 0
    for (let k = 0; k < lots.length; k++) {
      const lot = lots[k]
      if (lot.quantity > 0) lots[kept++] = lot
      else this.spareLots.push(lot)
    }
    while (lots.length > kept) lots.pop()
  }

  /** To be called after any change of lots, stops or targets. */
  refresh(): void {
    const { lots } = this
    this.busy = true
    if (lots.length === 0) {
      this.side = 0
      this.quantity = this.signed = this.openRisk = 0
      this.guardLow = -Infinity
      this.guardHigh = Infinity
      return
    }
    let quantity = 0
    let risk = 0
    let low = -Infinity
    let high = Infinity
    for (let k = 0; k < lots.length; k++) {
      const lot = lots[k]
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
    this.quantity = quantity
    this.signed = this.side * quantity
    this.openRisk = risk
    this.guardLow = low
    this.guardHigh = high
  }
}
