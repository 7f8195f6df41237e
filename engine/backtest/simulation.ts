import type { RunObserver } from '../observer.ts'
import type { Strategy, StrategyRun } from '../strategy.ts'
import type { Account } from './account.ts'
import { askStrategy, nonsense, startStrategy, strategyError, wakeBarsOf } from './ask-strategy.ts'
import type { Book } from './book.ts'
import { checkBars } from './check-bars.ts'
import { Desk } from './desk.ts'
import { blockPoints, EquityRecorder } from './equity.ts'
import { barsPerYear } from './metrics.ts'
import type { RunFacts } from './run-facts.ts'

/** In the order in which a bar goes through them. */
export const backtestStages = ['fills', 'stops', 'mark', 'strategy'] as const

/** One symbol, one strategy, one account: bars `first` to `end - 1`, each through the four stages. */
export class Simulation {
  readonly account: Account
  readonly recorder: EquityRecorder
  private readonly book: Book
  private readonly desk: Desk
  private readonly run: StrategyRun
  private readonly strategy: string
  private readonly first: number
  private readonly end: number
  private readonly borrows: boolean
  /** Bars at which the strategy wants to be asked; null for all. */
  private readonly wakeBars: Int32Array | null
  /** Index of the next of them. */
  private nextWake = 0
  private recordedChanges = 0

  constructor(account: Account, strategy: Strategy, first: number, end: number) {
    this.account = account
    this.book = account.books[0]!
    this.desk = new Desk(account, this.book)
    this.strategy = strategy.name
    this.run = startStrategy(strategy, {
      bars: this.book.bars,
      first,
      end,
      initialCapital: account.config.initialCapital,
    })
    this.wakeBars = wakeBarsOf(this.run, strategy.name, first, end)
    this.first = first
    this.end = end
    const { config } = account
    const { close, time, timeframe } = this.book.bars
    const perBar = config.riskFreeRate / barsPerYear[timeframe]
    const [times, closes] = [time.subarray(first, end), close.subarray(first, end)]
    this.recorder = new EquityRecorder(times, closes, config.initialCapital, perBar)
    this.borrows = account.config.borrowRateAnnual > 0
  }

  /** Signals the strategy had, by its own count or by the entries it ordered. */
  get signals(): number {
    return this.run.signalCount ?? this.desk.entered
  }

  play(facts: RunFacts | undefined): void {
    const { end } = this
    const observer = facts?.observer
    this.account.facts = facts
    checkBars(this.book.bars, 0, this.first)
    for (let from = this.first; from < end; from += blockPoints) {
      const to = Math.min(from + blockPoints, end)
      // Block by block, so that the columns come to the cache once.
      checkBars(this.book.bars, from, to)
      if (observer === undefined) this.advance(from, to)
      else this.observedBlock(observer, from, to)
    }
    if (end > this.first) this.account.cancelAll(this.book, end - 1)
    this.run.end?.()
  }

  private observedBlock(observer: RunObserver, first: number, end: number): void {
    let from = first
    let sampled = observer.blockStarted(first, end)
    while (sampled >= from && sampled < end) {
      this.advance(from, sampled)
      observer.barStarted(sampled)
      this.fills(sampled)
      observer.stageEnded(0)
      this.stops(sampled)
      observer.stageEnded(1)
      this.mark(sampled)
      this.markTo(sampled + 1)
      observer.stageEnded(2)
      this.decide(sampled)
      observer.stageEnded(3)
      from = sampled + 1
      sampled = observer.barEnded(sampled)
    }
    this.advance(from, end)
    observer.blockEnded(end)
  }

  private advance(first: number, end: number): void {
    if (this.wakeBars === null) this.everyBar(first, end)
    else this.sparse(this.wakeBars, first, end)
    this.markTo(end)
  }

  /** The stages written out: a call per stage and bar would cost more than the stages. */
  private everyBar(first: number, end: number): void {
    const { book, desk, run, strategy } = this
    let deciding = false
    let bar = first
    try {
      for (; bar < end; bar++) {
        if (book.busy) this.settle(bar)
        desk.bar = bar
        deciding = true
        const returned: unknown = run.onBar(bar, desk)
        deciding = false
        if (returned !== undefined) throw nonsense(strategy, bar, returned)
      }
    } catch (error) {
      throw deciding ? strategyError(strategy, bar, error) : error
    }
  }

  /** All that goes before the decision, and whether the next bar will have to look at it. */
  private settle(bar: number): void {
    const { book } = this
    this.fills(bar)
    this.stops(bar)
    this.mark(bar)
    book.busy =
      book.orders.length > 0 ||
      book.guardLow !== -Infinity ||
      book.guardHigh !== Infinity ||
      (this.borrows && book.side === -1)
  }

  /** Bars that neither wake the strategy nor can touch an order are marked in one go. */
  private sparse(wakeBars: Int32Array, first: number, end: number): void {
    const { book, desk, run, strategy } = this
    const { orders } = book
    const wakes = wakeBars.length
    let { nextWake } = this
    let wake = nextWake < wakes ? wakeBars[nextWake] : this.end
    for (let bar = first; bar < end; bar++) {
      if (bar < wake && orders.length === 0) {
        const until = wake < end ? wake : end
        bar = this.quiet(bar, until)
        if (bar === end) break
      }
      if (book.busy) this.settle(bar)
      if (bar !== wake) continue
      nextWake++
      wake = nextWake < wakes ? wakeBars[nextWake] : this.end
      askStrategy(run, strategy, bar, desk)
    }
    this.nextWake = nextWake
  }

  /** The first bar from `first` on that touches a stop or a target, or whose mark is due alone; `end` when none does. */
  private quiet(first: number, end: number): number {
    const { book } = this
    if (book.side === 0) return end
    if (this.borrows) return first
    const { low, high, guardLow, guardHigh } = book
    // Nothing there to be touched.
    if (guardLow === -Infinity && guardHigh === Infinity) return end
    let bar = first
    while (bar < end && low[bar] > guardLow && high[bar] < guardHigh) bar++
    return bar
  }

  private fills(bar: number): void {
    if (this.book.orders.length === 0) return
    this.account.fillExits(this.book, bar)
    this.account.fillEntries(this.book, bar)
  }

  private stops(bar: number): void {
    if (this.book.touched(bar)) this.account.protect(this.book, bar)
  }

  private mark(bar: number): void {
    if (this.borrows) this.borrow(bar)
    if (this.account.changes !== this.recordedChanges) this.recordChange(bar)
  }

  private borrow(bar: number): void {
    const { book } = this
    if (book.side !== -1 || bar === 0) return
    this.account.borrow(book, bar, book.time[bar] - book.time[bar - 1])
  }

  private recordChange(bar: number): void {
    const { account, book } = this
    this.recordedChanges = account.changes
    this.recorder.changed(bar - this.first, account, book)
  }

  /** The marks of the bars before `end` are taken together, as far as nothing changed. */
  private markTo(end: number): void {
    this.recorder.markTo(end - this.first)
    this.book.lastPrice = this.book.close[end - 1]!
  }

  private decide(bar: number): void {
    const { wakeBars } = this
    if (wakeBars !== null) {
      if (wakeBars[this.nextWake] !== bar) return
      this.nextWake++
    }
    askStrategy(this.run, this.strategy, bar, this.desk)
  }
}
