import type { BarSeries } from '../bar-series.ts'
import type { PortfolioPosition } from '../risk.ts'
import type { ExitReason } from '../strategy.ts'
import { Book, type Lot, type PendingOrder } from './book.ts'
import { CampaignLedger } from './campaign-ledger.ts'
import type { ResolvedConfig } from './config.ts'
import { commissionOf, slippageOf } from './costs.ts'
import { Fill } from './fill.ts'
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
  openPositions = 0
  peakPositions = 0
  /** Commission, slippage and borrow cost of everything filled so far, closed or not. */
  commissionPaid = NaN
  slippagePaid = NaN
  borrowPaid = NaN
  /** Counts whatever may have changed the cash, what is held or its stops, for who records them. */
  changes = 0
  /** Of a run over several symbols: the step of their common time, by which an observer knows the facts. */
  step = -1
  private lastPosition = 0
  private lastOrder = 0
  private readonly entry = new Fill()
  private readonly exit = new Fill()

  constructor(config: ResolvedConfig, series: readonly BarSeries[]) {
    this.config = config
    this.books = series.map((bars, index) => new Book(index, bars))
    // Doubles from the start, as in the sums of returns.
    this.commissionPaid = this.slippagePaid = this.borrowPaid = 0
    this.cash = config.initialCapital
  }

  nextOrderId(): number {
    return ++this.lastOrder
  }

  /** Cash plus all positions at the last known prices. */
  get value(): number {
    const { books } = this
    let value = this.cash
    for (let k = 0; k < books.length; k++) value += books[k].signed * books[k].lastPrice
    return value
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
    const { orders } = book
    book.lastPrice = book.open[bar]!
    for (let k = 0; k < orders.length; k++) {
      const order = orders[k]
      if (!order.entry) this.fillExit(book, bar, order)
      else if (order.market && order.side === -book.side) this.reverse(book, bar, book.lastPrice)
    }
  }

  fillEntries(book: Book, bar: number): void {
    const { orders } = book
    for (let k = 0; k < orders.length; k++) if (orders[k].entry) this.fillEntry(book, bar, orders[k])
    for (let k = 0; k < orders.length; k++) {
      const order = orders[k]
      if (order.remaining > 0 && bar >= order.lastBar) this.drop(book, order, bar, 'CANCELLED', 'lapsed')
    }
    book.dropFilledOrders()
  }

  /** Whatever still waits after a symbol's last bar is cancelled, never filled. */
  cancelAll(book: Book, bar: number): void {
    for (const order of book.orders) this.drop(book, order, bar, 'CANCELLED', 'end of run')
    book.orders.length = 0
  }

  /** Stops and targets of bar `bar`, which touches one, the bar of entry included. Both touched: the stop is taken to be first. */
  protect(book: Book, bar: number): void {
    const { open, high, low } = book
    const side = book.side
    if (side === 0) return
    const best = side === 1 ? high[bar] : low[bar]
    const worst = side === 1 ? low[bar] : high[bar]
    const { exit } = this
    const { lots } = book
    for (let k = 0; k < lots.length; k++) {
      const lot = lots[k]
      const from = lot.intrabar && lot.entryBar === bar ? NaN : open[bar]
      if (lot.leaving || side * (lot.stop - worst) >= 0) {
        // The open, when the bar opens beyond the stop. NaN compares false: the open lies before this entry.
        const reference = lot.leaving || side * (lot.stop - from) > 0 ? open[bar] : lot.stop
        exit.wanted = lot.quantity
        exit.reference = reference
        this.leaveLot(book, lot, bar, true, 'STOP')
        lot.leaving = lot.quantity > 0
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
    const { exit } = this
    const side = book.side
    while (lot.nextTarget < lot.targets.length) {
      const target = lot.targets[lot.nextTarget]
      if (side * (best - target.price) < 0) return
      const last = lot.nextTarget === lot.targets.length - 1
      const wanted = last
        ? lot.quantity
        : Math.min(lot.quantity, this.floorToLot(lot.initialQuantity * target.frac))
      exit.wanted = wanted
      exit.reference = side * (from - target.price) > 0 ? from : target.price
      this.leaveLot(book, lot, bar, false, 'TARGET')
      if (exit.quantity < wanted) return
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
    const perUnit = (book.close[bar] * this.config.borrowRateAnnual * elapsedMs) / yearMs
    for (const lot of book.lots) lot.borrow += perUnit * lot.quantity
    this.cash -= perUnit * book.quantity
    this.borrowPaid += perUnit * book.quantity
    this.changes++
  }

  private fillExit(book: Book, bar: number, order: PendingOrder): void {
    if (book.side === 0 || (order.positionId !== 0 && order.positionId !== book.positionId)) {
      return this.drop(book, order, bar, 'CANCELLED', 'no position')
    }
    const reference = order.market ? book.open[bar] : touchedPrice(book, bar, order, -book.side)
    if (Number.isNaN(reference)) return undefined
    if (order.frac < 1 && order.remaining === Infinity) {
      order.remaining = Math.max(this.floorToLot(book.quantity * order.frac), this.config.lotSize)
    }
    const { exit } = this
    const wanted = Math.min(order.remaining, book.quantity)
    exit.wanted = wanted
    exit.reference = reference
    this.leave(book, bar, order.type !== 'limit', order.reason)
    order.remaining = wanted - exit.quantity
    if (order.remaining === 0) this.orders.filled++
    return undefined
  }

  /** Leaves all of a position at `reference`, as the other side is entered there. */
  private reverse(book: Book, bar: number, reference: number): void {
    this.exit.wanted = book.quantity
    this.exit.reference = reference
    this.leave(book, bar, true, 'REVERSAL')
  }

  private fillEntry(book: Book, bar: number, order: PendingOrder): void {
    const { config, entry } = this
    const side = order.side as 1 | -1
    const reference = order.market ? book.open[bar] : touchedPrice(book, bar, order, side)
    if (Number.isNaN(reference)) return undefined
    if (book.side === -side) {
      this.reverse(book, bar, reference)
      // What the bar's volume did not take has to go first; the entry waits.
      if (book.side === -side) return undefined
    }
    let quantity = order.remaining
    if (config.maxParticipation !== null) {
      const free = this.available(book, bar)
      if (free <= 0) return undefined
      if (free < quantity) quantity = free
    }
    if (quantity === Infinity) quantity = this.cash / reference
    const slip = order.type === 'limit' ? 0 : slippageOf(config.slippage, book.bars, bar, quantity)
    const price = reference * (1 + side * slip)

    if (side * (price - order.stop) <= 0) return this.drop(book, order, bar, 'CANCELLED', 'past stop')
    if (order.targets.length > 0 && side * (order.targets[0].price - price) <= 0) {
      return this.drop(book, order, bar, 'CANCELLED', 'past target')
    }
    book.lastPrice = reference
    const worth = this.value
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
    entry.quantity = quantity
    entry.price = price
    entry.commission = commission
    entry.slippage = Math.abs(price - reference) * quantity
    return this.open(book, bar, order)
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

  /** What `maxParticipation` leaves of this bar's volume. */
  private available(book: Book, bar: number): number {
    const cap = this.config.maxParticipation
    if (cap === null) return Infinity
    if (book.takenBar !== bar) {
      book.takenBar = bar
      book.taken = 0
    }
    return this.floorToLot(cap * book.volume[bar] - book.taken)
  }

  /** Enters with `entry.quantity` at `entry.price`. */
  private open(book: Book, bar: number, order: PendingOrder): void {
    const { quantity, price, commission, slippage } = this.entry
    const side = order.side as 1 | -1
    if (book.side === 0) {
      book.side = side
      book.positionId = ++this.lastPosition
      this.openPositions++
      if (this.openPositions > this.peakPositions) this.peakPositions = this.openPositions
    }
    const lot = order.filled > 0 ? book.lots.find((lot) => lot.orderId === order.id) : undefined
    if (lot === undefined) {
      this.addLot(book, bar, order)
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

  private addLot(book: Book, bar: number, order: PendingOrder): void {
    const { quantity, price, commission, slippage } = this.entry
    const lot = book.takeLot()
    lot.orderId = order.id
    lot.quantity = lot.initialQuantity = quantity
    lot.entryPrice = lot.best = price
    lot.entryBar = bar
    lot.intrabar = !order.market && price !== book.open[bar]
    lot.commission = commission
    lot.slippage = slippage
    lot.borrow = 0
    lot.stop = lot.initialStop = order.stop
    lot.targets = order.targets
    lot.nextTarget = 0
    lot.ratchetStop = order.ratchetStop
    lot.trailing = order.trailing
    lot.leaving = false
    lot.signalBar = order.signalBar
    lot.tag = order.tag
    book.lots.push(lot)
  }

  /** Closes `exit.wanted` of a position at `exit.reference`, pro rata over its lots; `exit.quantity` is what the bar took. */
  private leave(book: Book, bar: number, market: boolean, reason: ExitReason): void {
    if (!this.priceExit(book, bar, market)) return
    const { exit } = this
    const whole = exit.quantity >= book.quantity
    const share = exit.quantity / book.quantity
    const { lots } = book
    for (let k = 0; k < lots.length; k++) {
      const lot = lots[k]
      exit.part = whole ? lot.quantity : lot.quantity * share
      this.closePart(book, lot, bar, reason)
    }
    if (book.takenBar === bar) book.taken += exit.quantity
    this.settle(book, bar)
  }

  /** The same for one lot alone. */
  private leaveLot(book: Book, lot: Lot, bar: number, market: boolean, reason: ExitReason): void {
    if (!this.priceExit(book, bar, market)) return
    const { exit } = this
    exit.part = exit.quantity
    this.closePart(book, lot, bar, reason)
    if (book.takenBar === bar) book.taken += exit.quantity
  }

  /** Works out how much of `exit.wanted` the bar takes and what that costs; false when it takes nothing. */
  private priceExit(book: Book, bar: number, market: boolean): boolean {
    const { config, exit } = this
    const { reference } = exit
    let quantity = exit.wanted
    if (config.maxParticipation !== null) quantity = Math.min(quantity, this.available(book, bar))
    if (!(quantity > 0)) {
      exit.quantity = 0
      return false
    }
    const slip = market ? slippageOf(config.slippage, book.bars, bar, quantity) : 0
    const price = reference * (1 - book.side * slip)
    exit.quantity = quantity
    exit.price = price
    exit.commission = commissionOf(config.commission, quantity, price)
    exit.slippage = Math.abs(price - reference) * quantity
    this.commissionPaid += exit.commission
    this.slippagePaid += exit.slippage
    return true
  }

  /** `exit.part` of a lot leaves with the exit that was priced last, and bears its share of the cost. */
  private closePart(book: Book, lot: Lot, bar: number, reason: ExitReason): void {
    const { exit } = this
    const { side } = book
    const { part, price } = exit
    const weight = part / exit.quantity
    const commission = exit.commission * weight
    const share = part / lot.quantity
    exit.partCommission = commission
    exit.partSlippage = exit.slippage * weight
    this.cash += side * part * price - commission
    this.changes++
    this.trades.add(book, lot, bar, exit, reason)
    const { campaign } = lot.tag
    if (campaign !== undefined && reason === 'STOP') this.campaigns.stoppedOut(campaign, book.time[bar])
    lot.quantity -= part
    lot.commission -= lot.commission * share
    lot.slippage -= lot.slippage * share
    lot.borrow -= lot.borrow * share
    if (lot.quantity <= lot.initialQuantity * dust) lot.quantity = 0
    if (this.facts?.wants('fill')) this.tellFill(book, bar, 'exit', -side, part, price, reason)
  }

  /** Drops what is closed and brings the book's sums up to date. */
  private settle(book: Book, bar: number): void {
    const { lots } = book
    for (let k = 0; k < lots.length; k++) {
      const { quantity, tag } = lots[k]
      if (quantity === 0 && tag.campaign !== undefined) this.leaveCampaign(lots, tag.campaign)
    }
    book.dropClosedLots()
    const held = book.side !== 0
    this.changes++
    book.refresh()
    if (held && book.side === 0) {
      this.openPositions--
      if (this.facts?.wants('position')) this.tell(book, bar, 'position', { change: 'closed' })
    }
  }

  /** Several entries may end on one bar: a campaign is over when none of its entries is left. */
  private leaveCampaign(lots: readonly Lot[], campaign: string): void {
    if (lots.some(({ quantity, tag }) => quantity > 0 && tag.campaign === campaign)) return
    this.campaigns.positionClosed(campaign)
  }

  drop(book: Book, order: PendingOrder, bar: number, status: 'CANCELLED' | 'REJECTED', reason: string): void {
    order.remaining = 0
    this.orders.drop(order.id, book.bars.symbol, bar, status, reason)
    if (this.facts?.wants('order')) this.tell(book, bar, 'order', { status, reason })
  }

  tell(book: Book, bar: number, kind: FactKind, attributes: Record<string, string | number | boolean>): void {
    const { facts, step } = this
    const time = book.time[bar]
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

/** The price a limit or stop order meets in this bar before slippage, NaN when it is not touched. `side` +1 buys. */
function touchedPrice(book: Book, bar: number, order: PendingOrder, side: number): number {
  const { open, high, low } = book
  const at = open[bar]
  const price = order.price
  if (order.type === 'limit') {
    if (side * (price - at) >= 0) return at
    return (side === 1 ? low[bar] <= price : high[bar] >= price) ? price : NaN
  }
  if (side * (at - price) >= 0) return at
  return (side === 1 ? high[bar] >= price : low[bar] <= price) ? price : NaN
}
