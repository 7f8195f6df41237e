import type { PortfolioCampaign, PortfolioPosition } from '../risk.ts'
import type { Broker, EntryOrder, EntryTag, ExitOrder, Target } from '../strategy.ts'
import type { Account } from './account.ts'
import { type Book, noTargets, type PendingOrder } from './book.ts'
import { BacktestError } from './errors.ts'
import { emptyTag, exitReasons } from './trade-log.ts'

const wholePosition: ExitOrder = {}
/** Orders of one symbol that may wait at once: each is looked at on every bar. */
const maxPending = 1000

const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null

/** Takes a strategy's orders for one symbol, refusing nonsense with the field and the bar. */
export class Desk implements Broker {
  private readonly account: Account
  private readonly book: Book
  /** The bar being decided on; the engine sets it. */
  bar = -1
  /** Entries ordered, whatever became of them. */
  entered = 0
  private countedBar = -1
  private count = 0

  constructor(account: Account, book: Book) {
    this.account = account
    this.book = book
  }

  get position(): number {
    return this.book.signed
  }

  get averageEntry(): number | null {
    return this.book.averageEntry
  }

  get cash(): number {
    return this.account.cash
  }

  get equity(): number {
    // The mark of this symbol is due when somebody asks; of others it stands.
    this.book.lastPrice = this.book.close[this.bar]!
    return this.account.value
  }

  get pendingOrders(): number {
    return this.book.orders.length
  }

  enter(order: EntryOrder): number {
    const { account, book, bar } = this
    if (!isObject(order)) this.refuse('', 'must be an object', order)
    const { side, type = 'market', targets = noTargets, trailing = account.config.trailingStop } = order
    if (side !== 'LONG' && side !== 'SHORT') this.refuse('side', `must be LONG or SHORT`, side)
    const price = this.checkType(type, order.price)
    const stop = order.stop === undefined ? NaN : this.positive('stop', order.stop)
    if (!Array.isArray(targets)) this.refuse('targets', 'must be a list', targets)
    if (order.target !== undefined && targets.length > 0)
      this.refuse('target', 'use target or targets', targets)
    const quantity =
      order.quantity === undefined
        ? account.floorToLot((account.config.positionFrac * this.equity) / book.close[bar])
        : order.quantity === 'max'
          ? Infinity
          : this.positive('quantity', order.quantity)
    const { validBars } = order
    if (validBars !== undefined && (!Number.isInteger(validBars) || validBars < 1)) {
      this.refuse('validBars', 'must be a whole number of at least 1', validBars)
    }
    const scaled =
      order.target === undefined
        ? targets === noTargets
          ? noTargets
          : this.checkTargets(side, targets)
        : [{ price: this.positive('target', order.target), frac: 1 }]
    const tag = order.tag === undefined ? emptyTag : this.checkTag(order.tag)
    const id = this.submit()
    const pending = book.takeOrder()
    pending.id = id
    pending.entry = true
    pending.type = type
    pending.market = type === 'market'
    pending.side = side === 'LONG' ? 1 : -1
    pending.remaining = quantity
    pending.filled = 0
    pending.price = price
    pending.stop = stop
    pending.targets = scaled
    pending.ratchetStop = order.ratchetStop ?? false
    pending.trailing = trailing && !Number.isNaN(stop)
    pending.lastBar = validBars === undefined ? Infinity : bar + validBars
    pending.signalBar = bar
    pending.tag = tag
    this.entered++
    this.queue(pending)
    if (!(quantity > 0)) {
      account.drop(book, pending, bar, 'REJECTED', 'less than one lot')
      book.dropFilledOrders()
    }
    return id
  }

  exit(order: ExitOrder = wholePosition): number {
    if (!isObject(order)) this.refuse('', 'must be an object', order)
    const { type = 'market', quantity, frac = 1, reason = 'STRATEGY' } = order
    if (reason !== 'STRATEGY' && !exitReasons.includes(reason))
      this.refuse('reason', `must be one of ${exitReasons.join(', ')}`, reason)
    if (!(frac > 0 && frac <= 1)) this.refuse('frac', 'must be above 0 and at most 1', frac)
    const price = this.checkType(type, order.price)
    const remaining = quantity === undefined ? Infinity : this.positive('quantity', quantity)
    const { book } = this
    const id = this.submit()
    const pending = book.takeOrder()
    pending.id = id
    pending.entry = false
    pending.type = type
    pending.market = type === 'market'
    pending.side = 0
    pending.remaining = remaining
    pending.frac = frac
    pending.price = price
    pending.lastBar = Infinity
    pending.reason = reason
    pending.positionId = book.side === 0 ? 0 : book.positionId
    this.queue(pending)
    return id
  }

  cancel(orderId: number): boolean {
    const { book } = this
    const order = book.orders.find(({ id }) => id === orderId)
    if (order === undefined) return false
    this.account.drop(book, order, this.bar, 'CANCELLED', 'by the strategy')
    book.dropFilledOrders()
    return true
  }

  moveStop(price: number): void {
    this.positive('stop', price)
    for (const lot of this.book.lots) lot.stop = price
    this.stopsMoved()
  }

  tightenStop(price: number): void {
    this.positive('stop', price)
    const { book } = this
    for (const lot of book.lots) {
      // Negated, so that an entry without a stop (NaN) gets one.
      if (!(book.side * (lot.stop - price) >= 0)) lot.stop = price
    }
    this.stopsMoved()
  }

  private stopsMoved(): void {
    this.account.changes++
    this.book.refresh()
  }

  positions(): PortfolioPosition[] {
    return this.account.positions()
  }

  campaigns(asked?: string): readonly PortfolioCampaign[] {
    return this.account.campaigns.list(asked)
  }

  private submit(): number {
    if (this.countedBar !== this.bar) {
      this.countedBar = this.bar
      this.count = 0
    }
    const { maxOrdersPerBar } = this.account.config
    if (++this.count > maxOrdersPerBar) {
      throw new BacktestError('strategy', this.bar, `ordered more than ${maxOrdersPerBar} times in one bar`)
    }
    if (this.book.orders.length >= maxPending) {
      throw new BacktestError('strategy', this.bar, `has ${maxPending} orders waiting; cancel some first`)
    }
    return this.account.nextOrderId()
  }

  private queue(order: PendingOrder): void {
    const { account, book } = this
    account.orders.submitted++
    book.orders.push(order)
    book.busy = true
    if (account.facts?.wants('order')) {
      const side = order.side === 0 ? 'exit' : order.side === 1 ? 'LONG' : 'SHORT'
      account.tell(book, this.bar, 'order', { status: 'PENDING', type: order.type, side })
    }
  }

  private checkType(type: 'market' | 'limit' | 'stop', price: number | undefined): number {
    if (type === 'market') {
      if (price !== undefined) this.refuse('price', 'must be left out of a market order', price)
      return NaN
    }
    if (type !== 'limit' && type !== 'stop') this.refuse('type', 'must be market, limit or stop', type)
    return this.positive('price', price)
  }

  private checkTargets(side: 'LONG' | 'SHORT', targets: readonly Target[]): readonly Target[] {
    let [sum, last] = [0, NaN]
    for (const [index, target] of targets.entries()) {
      if (!isObject(target)) this.refuse(`targets.${index}`, 'must be an object', target)
      const { price, frac } = target
      this.positive(`targets.${index}.price`, price)
      sum += this.positive(`targets.${index}.frac`, frac)
      if (side === 'LONG' ? price <= last : price >= last) {
        this.refuse(`targets.${index}.price`, 'must lie beyond the target before it', price)
      }
      last = price
    }
    if (sum > 1 + 1e-9) this.refuse('targets', 'must not close more than all of the entry', sum)
    return targets
  }

  private checkTag(tag: EntryTag): EntryTag {
    if (!isObject(tag)) this.refuse('tag', 'must be an object', tag)
    const { confirmedBar } = tag
    if (confirmedBar !== undefined && !Number.isInteger(confirmedBar)) {
      this.refuse('tag.confirmedBar', 'must be the index of a bar', confirmedBar)
    }
    return tag
  }

  private positive(field: string, value: unknown): number {
    if (typeof value === 'number' && value > 0 && value < Infinity) return value
    return this.refuse(field, 'must be a finite number above 0', value)
  }

  private refuse(field: string, rule: string, value: unknown): never {
    const { account, book } = this
    const where = account.books.length > 1 ? `${book.bars.symbol}: ` : ''
    throw new BacktestError(
      field === '' ? 'order' : `order.${field}`,
      this.bar,
      `${where}${rule}, got ${String(value)}`,
    )
  }
}
