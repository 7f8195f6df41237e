import type { BarSeries } from '../bar-series.ts'
import type { PortfolioPosition } from '../risk.ts'
import type { ExitReason } from '../strategy.ts'
import { Book, type Lot, type PendingOrder } from './book.ts'
import { CampaignLedger } from './campaign-ledger.ts'
import type { ResolvedConfig } from './config.ts'
import { commissionOf, slippageOf } from './costs.ts'
import { OrderCounts } from './order-counts.ts'
import type { FactKind, RunFacts } from './run-facts.ts'
import { TradeLog } from './trade-log.ts'

const yearMs = 365.25 * 86_400_000
/** Quantities below this share of what they were taken from are rounding, not a position. */
const dust = 1e-12

/** Cash, positions and closed trades: the books of one run, over one or more symbols. */
export class Account {
  readonly config: ResolvedConfig
  readonly books: readonly Book[]
  readonly trades = new TradeLog()
  readonly orders = new OrderCounts()
  readonly campaigns = new CampaignLedger()
  facts: RunFacts | undefined
  cash = NaN
  /** Cash plus positions at the last mark. */
  value = NaN
  openPositions = 0
  peakPositions = 0
  /** Commission, slippage and borrow cost of everything filled so far, closed or not. */
  commissionPaid = NaN
  slippagePaid = NaN
  borrowPaid = NaN
  /** Counts the fills, so that whoever records the cash knows when it may have changed. */
  changes = 0
  /** Of a run over several symbols: the step of their common time, by which an observer knows the facts. */
  step = -1
  private lastPosition = 0
  private lastOrder = 0

  constructor(config: ResolvedConfig, series: readonly BarSeries[]) {
    this.config = config
    this.books = series.map((bars, index) => new Book(index, bars))
    // Doubles from the start, as in the sums of returns.
    this.commissionPaid = this.slippagePaid = this.borrowPaid = 0
    this.cash = config.initialCapital
    this.value = config.initialCapital
  }

  nextOrderId(): number {
    return ++this.lastOrder
  }

  /** Cash plus all positions at the last known prices. */
  worth(): number {
    let worth = this.cash
    for (const book of this.books) worth += book.signed * book.lastPrice
    return worth
  }

  positions(): PortfolioPosition[] {
    return this.books.flatMap((book) =>
      book.lots.map((lot) => ({
        symbol: book.bars.symbol,
        side: book.side === 1 ? ('LONG' as const) : ('SHORT' as const),
        quantity: lot.quantity,
        entryPrice: lot.entryPrice,
        stop: Number.isNaN(lot.stop) ? null : lot.stop,
        campaignId: lot.tag.campaign ?? null,
      })),
    )
  }

  floorToLot(quantity: number): number {
    const lot = this.config.lotSize
    return Math.floor(quantity / lot + 1e-9) * lot
  }

  /** Exits first: what they free may pay for an entry of another symbol at the same open. */
  fillExits(book: Book, bar: number): void {
    book.lastPrice = book.bars.open[bar]!
    for (const order of book.orders) {
      if (order.kind === 'enter') {
        if (order.type === 'market' && order.side === -book.side) {
          this.leave(book, bar, book.quantity, book.lastPrice, true, 'REVERSAL')
        }
        continue
      }
      this.fillExit(book, bar, order)
    }
  }

  fillEntries(book: Book, bar: number): void {
    for (const order of book.orders) if (order.kind === 'enter') this.fillEntry(book, bar, order)
    let kept = 0
    for (const order of book.orders) {
      if (order.remaining > 0 && bar >= order.lastBar) this.drop(book, order, bar, 'CANCELLED', 'lapsed')
      if (order.remaining > 0) book.orders[kept++] = order
    }
    book.orders.length = kept
  }

  /** Whatever still waits after a symbol's last bar is cancelled, never filled. */
  cancelAll(book: Book, bar: number): void {
    for (const order of book.orders) this.drop(book, order, bar, 'CANCELLED', 'end of run')
    book.orders.length = 0
  }

  /** Stops and targets of bar `bar`, the bar of entry included. Both touched: the stop is taken to be first. */
  protect(book: Book, bar: number): void {
    const { open, high, low } = book.bars
    const side = book.side
    if (side === 0) return
    const best = side === 1 ? high[bar] : low[bar]
    const worst = side === 1 ? low[bar] : high[bar]
    for (const lot of book.lots.slice()) {
      const from = lot.intrabar && lot.entryBar === bar ? NaN : open[bar]
      if (lot.leaving || side * (lot.stop - worst) >= 0) {
        // The open, when the bar opens beyond the stop. NaN compares false: the open lies before this entry.
        const reference = lot.leaving || side * (lot.stop - from) > 0 ? open[bar] : lot.stop
        lot.leaving = this.leaveLot(book, lot, bar, lot.quantity, reference, true, 'STOP') < lot.quantity
        continue
      }
      this.takeTargets(book, lot, bar, best, from)
      if (lot.trailing && lot.quantity > 0) {
        lot.best = side * (best - lot.best) > 0 ? best : lot.best
        const trailed = lot.best - side * Math.abs(lot.entryPrice - lot.initialStop)
        if (side * (trailed - lot.stop) > 0) lot.stop = trailed
      }
    }
    this.settle(book, bar)
  }

  private takeTargets(book: Book, lot: Lot, bar: number, best: number, from: number): void {
    const side = book.side
    while (lot.nextTarget < lot.targets.length) {
      const target = lot.targets[lot.nextTarget]
      if (side * (best - target.price) < 0) return
      const last = lot.nextTarget === lot.targets.length - 1
      const wanted = last
        ? lot.quantity
        : Math.min(lot.quantity, this.floorToLot(lot.initialQuantity * target.frac))
      const reference = side * (from - target.price) > 0 ? from : target.price
      if (this.leaveLot(book, lot, bar, wanted, reference, false, 'TARGET') < wanted) return
      if (lot.ratchetStop) {
        const moved = lot.nextTarget === 0 ? lot.entryPrice : lot.targets[lot.nextTarget - 1].price
        if (!(side * (moved - lot.stop) <= 0)) lot.stop = moved
      }
      lot.nextTarget++
      if (lot.quantity === 0) return
    }
  }

  /** Charges shorts for a bar that lasted `elapsedMs`, at its close. */
  borrow(book: Book, bar: number, elapsedMs: number): void {
    const perUnit = (book.bars.close[bar] * this.config.borrowRateAnnual * elapsedMs) / yearMs
    for (const lot of book.lots) lot.borrow += perUnit * lot.quantity
    this.cash -= perUnit * book.quantity
    this.borrowPaid += perUnit * book.quantity
    this.changes++
  }

  private fillExit(book: Book, bar: number, order: PendingOrder): void {
    if (book.side === 0 || (order.positionId !== 0 && order.positionId !== book.positionId)) {
      return this.drop(book, order, bar, 'CANCELLED', 'no position')
    }
    const reference = referencePrice(book, bar, order, -book.side)
    if (Number.isNaN(reference)) return undefined
    if (order.frac < 1 && order.remaining === Infinity) {
      order.remaining = Math.max(this.floorToLot(book.quantity * order.frac), this.config.lotSize)
    }
    const wanted = Math.min(order.remaining, book.quantity)
    const filled = this.leave(book, bar, wanted, reference, order.type !== 'limit', order.reason)
    if (filled === wanted) {
      order.remaining = 0
      this.orders.filled++
    } else {
      order.remaining = wanted - filled
    }
    return undefined
  }

  private fillEntry(book: Book, bar: number, order: PendingOrder): void {
    const { config } = this
    const side = order.side as 1 | -1
    const reference = referencePrice(book, bar, order, side)
    if (Number.isNaN(reference)) return undefined
    if (book.side === -side) {
      this.leave(book, bar, book.quantity, reference, true, 'REVERSAL')
      // What the bar's volume did not take has to go first; the entry waits.
      if (book.side === -side) return undefined
    }
    const market = order.type !== 'limit'
    const free = this.available(book, bar)
    if (free <= 0) return undefined
    let quantity = Math.min(order.remaining, free)
    if (quantity === Infinity) quantity = this.cash / reference
    const slip = market ? slippageOf(config.slippage, book.bars, bar, quantity) : 0
    const price = reference * (1 + side * slip)

    if (side * (price - order.stop) <= 0) return this.drop(book, order, bar, 'CANCELLED', 'past stop')
    const target = order.targets[0]
    if (target !== undefined && side * (target.price - price) <= 0) {
      return this.drop(book, order, bar, 'CANCELLED', 'past target')
    }
    book.lastPrice = reference
    const worth = this.worth()
    if (!(worth > 0)) return this.drop(book, order, bar, 'REJECTED', 'no equity')
    if (book.side === 0 && this.openPositions >= config.maxOpenPositions) {
      return this.drop(book, order, bar, 'REJECTED', 'too many positions')
    }
    if (!Number.isNaN(order.stop)) {
      const affordable = (config.limits.perTrade * worth) / Math.abs(price - order.stop) - order.filled
      if (quantity > affordable) {
        quantity = this.floorToLot(affordable)
        order.remaining = quantity
      }
    }
    if (order.remaining === Infinity) {
      quantity = this.affordable(quantity, price)
      order.remaining = quantity
    }
    if (!(quantity > 0)) return this.drop(book, order, bar, 'REJECTED', 'less than one lot')
    const commission = commissionOf(config.commission, quantity, price)
    if (side === 1 && quantity * price + commission > this.cash) {
      return this.drop(book, order, bar, 'REJECTED', 'insufficient cash')
    }
    if (side === -1 && this.shortNotional() + quantity * price > worth) {
      return this.drop(book, order, bar, 'REJECTED', 'short notional over equity')
    }
    this.open(book, bar, order, quantity, price, commission, Math.abs(price - reference) * quantity)
    return undefined
  }

  /** Largest quantity, in whole lots, that cash can pay at `price` with its commission. */
  private affordable(limit: number, price: number): number {
    const { commission, lotSize } = this.config
    let quantity = this.floorToLot(Math.min(limit, this.cash / price))
    for (let tries = 0; tries < 4 && quantity > 0; tries++) {
      const short = quantity * price + commissionOf(commission, quantity, price) - this.cash
      if (short <= 0) return quantity
      quantity = this.floorToLot(Math.min(quantity - lotSize, quantity - short / price))
    }
    return Math.max(quantity, 0)
  }

  private shortNotional(): number {
    let notional = 0
    for (const book of this.books) if (book.side === -1) notional += book.quantity * book.lastPrice
    return notional
  }

  private available(book: Book, bar: number): number {
    const cap = this.config.maxParticipation
    if (cap === null) return Infinity
    if (book.takenBar !== bar) {
      book.takenBar = bar
      book.taken = 0
    }
    return this.floorToLot(cap * book.bars.volume[bar] - book.taken)
  }

  private open(
    book: Book,
    bar: number,
    order: PendingOrder,
    quantity: number,
    price: number,
    commission: number,
    slippage: number,
  ): void {
    const side = order.side as 1 | -1
    const lot = order.filled > 0 ? book.lots.find((lot) => lot.orderId === order.id) : undefined
    if (book.side === 0) {
      book.side = side
      book.positionId = ++this.lastPosition
      this.openPositions++
      if (this.openPositions > this.peakPositions) this.peakPositions = this.openPositions
    }
    if (lot === undefined) {
      book.lots.push({
        orderId: order.id,
        quantity,
        initialQuantity: quantity,
        entryPrice: price,
        entryBar: bar,
        intrabar: price !== book.bars.open[bar] && order.type !== 'market',
        commission,
        slippage,
        borrow: 0,
        stop: order.stop,
        initialStop: order.stop,
        targets: order.targets,
        nextTarget: 0,
        ratchetStop: order.ratchetStop,
        trailing: order.trailing,
        best: price,
        leaving: false,
        signalBar: order.signalBar,
        tag: order.tag,
      })
    } else {
      const held = lot.quantity
      lot.entryPrice = (lot.entryPrice * held + price * quantity) / (held + quantity)
      lot.quantity += quantity
      lot.initialQuantity += quantity
      lot.commission += commission
      lot.slippage += slippage
    }
    const { campaign, pattern } = order.tag
    if (campaign !== undefined) this.campaigns.taken(campaign, book.bars.symbol, pattern)
    this.cash -= side * quantity * price + commission
    this.commissionPaid += commission
    this.slippagePaid += slippage
    this.changes++
    if (book.takenBar === bar) book.taken += quantity
    order.filled += quantity
    order.remaining -= quantity
    if (order.remaining <= order.filled * dust) {
      order.remaining = 0
      this.orders.filled++
    }
    book.refresh()
    if (this.facts?.wants('fill')) this.tellFill(book, bar, 'entry', side, quantity, price, order.type)
  }

  /** Closes `quantity` of a position, pro rata over its lots; answers with how much the bar took. */
  private leave(
    book: Book,
    bar: number,
    quantity: number,
    reference: number,
    market: boolean,
    reason: ExitReason,
  ): number {
    const filled = Math.min(quantity, this.available(book, bar))
    if (!(filled > 0)) return 0
    const whole = filled >= book.quantity
    const share = filled / book.quantity
    const { price, commission, slippage } = this.exitCosts(book, bar, filled, reference, market)
    for (const lot of book.lots) {
      const part = whole ? lot.quantity : lot.quantity * share
      const weight = part / filled
      this.closePart(book, lot, bar, part, price, commission * weight, slippage * weight, reason)
    }
    if (book.takenBar === bar) book.taken += filled
    this.settle(book, bar)
    return filled
  }

  private leaveLot(
    book: Book,
    lot: Lot,
    bar: number,
    quantity: number,
    reference: number,
    market: boolean,
    reason: ExitReason,
  ): number {
    const filled = Math.min(quantity, this.available(book, bar))
    if (!(filled > 0)) return 0
    const { price, commission, slippage } = this.exitCosts(book, bar, filled, reference, market)
    this.closePart(book, lot, bar, filled, price, commission, slippage, reason)
    if (book.takenBar === bar) book.taken += filled
    return filled
  }

  private exitCosts(
    book: Book,
    bar: number,
    quantity: number,
    reference: number,
    market: boolean,
  ): { price: number; commission: number; slippage: number } {
    const slip = market ? slippageOf(this.config.slippage, book.bars, bar, quantity) : 0
    const price = reference * (1 - book.side * slip)
    const commission = commissionOf(this.config.commission, quantity, price)
    this.commissionPaid += commission
    const slippage = Math.abs(price - reference) * quantity
    this.slippagePaid += slippage
    return { price, commission, slippage }
  }

  private closePart(
    book: Book,
    lot: Lot,
    bar: number,
    quantity: number,
    price: number,
    commission: number,
    slippage: number,
    reason: ExitReason,
  ): void {
    const side = book.side
    const share = quantity / lot.quantity
    this.cash += side * quantity * price - commission
    this.changes++
    this.trades.add(
      book.positionId,
      book.index,
      side,
      quantity,
      lot.entryBar,
      bar,
      lot.entryPrice,
      price,
      lot.commission * share,
      commission,
      lot.slippage * share,
      slippage,
      lot.borrow * share,
      lot.initialStop,
      reason,
      lot.signalBar,
      lot.tag,
    )
    const { campaign } = lot.tag
    if (campaign !== undefined && reason === 'STOP') this.campaigns.stoppedOut(campaign, book.bars.time[bar])
    lot.quantity -= quantity
    lot.commission -= lot.commission * share
    lot.slippage -= lot.slippage * share
    lot.borrow -= lot.borrow * share
    if (lot.quantity <= lot.initialQuantity * dust) lot.quantity = 0
    if (this.facts?.wants('fill')) this.tellFill(book, bar, 'exit', -side, quantity, price, reason)
  }

  /** Drops what is closed and brings the book's sums up to date. */
  private settle(book: Book, bar: number): void {
    let kept = 0
    for (const lot of book.lots) {
      const { campaign } = lot.tag
      if (lot.quantity > 0) book.lots[kept++] = lot
      // Several entries may end on one bar: a campaign is over when none of its entries is left.
      else if (
        campaign !== undefined &&
        !book.lots.some((other) => other.quantity > 0 && other.tag.campaign === campaign)
      )
        this.campaigns.positionClosed(campaign)
    }
    book.lots.length = kept
    const held = book.side !== 0
    book.refresh()
    if (held && book.side === 0) {
      this.openPositions--
      if (this.facts?.wants('position')) this.tell(book, bar, 'position', { change: 'closed' })
    }
  }

  drop(book: Book, order: PendingOrder, bar: number, status: 'CANCELLED' | 'REJECTED', reason: string): void {
    order.remaining = 0
    this.orders.drop(order.id, book.bars.symbol, bar, status, reason)
    if (this.facts?.wants('order')) this.tell(book, bar, 'order', { status, reason })
  }

  tell(book: Book, bar: number, kind: FactKind, attributes: Record<string, string | number | boolean>): void {
    const { facts, step } = this
    const time = book.bars.time[bar]
    if (step < 0) facts?.tell(kind, bar, time, attributes)
    else facts?.tell(kind, step, time, { symbol: book.bars.symbol, ...attributes })
  }

  private tellFill(
    book: Book,
    bar: number,
    kind: 'entry' | 'exit',
    side: number,
    quantity: number,
    price: number,
    cause: string,
  ): void {
    this.tell(book, bar, 'fill', { kind, side: side > 0 ? 'buy' : 'sell', quantity, price, cause })
  }
}

/** The price an order meets in this bar before slippage, NaN when it is not touched. `side` +1 buys. */
function referencePrice(book: Book, bar: number, order: PendingOrder, side: number): number {
  const { open, high, low } = book.bars
  const at = open[bar]
  if (order.type === 'market') return at
  const price = order.price
  if (order.type === 'limit') {
    if (side * (price - at) >= 0) return at
    return (side === 1 ? low[bar] <= price : high[bar] >= price) ? price : NaN
  }
  if (side * (at - price) >= 0) return at
  return (side === 1 ? high[bar] >= price : low[bar] <= price) ? price : NaN
}
