import type { RunObserver } from '../observer.ts'
import type { Strategy, StrategyRun } from '../strategy.ts'
import type { Account } from './account.ts'
import { askStrategy, startStrategy, wakeBarsOf } from './ask-strategy.ts'
import type { Book } from './book.ts'
import { checkBars } from './check-bars.ts'
import { Desk } from './desk.ts'
import { blockPoints, EquityRecorder } from './equity.ts'
import { mergedTimes } from './merged-times.ts'
import { barsPerYear } from './metrics.ts'
import type { RunFacts } from './run-facts.ts'

/** Bars `first` to `end - 1` of a series are traded. */
export interface Period {
  readonly first: number
  readonly end: number
}

/** One symbol of a portfolio: its book, and the strategy that trades it. */
interface Seat extends Period {
  readonly book: Book
  readonly desk: Desk
  readonly run: StrategyRun
  readonly name: string
  readonly wakeBars: Int32Array | null
  next: number
  nextWake: number
  /** Its bar at the step under way, -1 when it has none. */
  bar: number
}

/**
 * Several symbols on one account. Their bars are merged by time; at each instant all symbols that have a bar go through
 * the four stages together, in the order in which they were given: all exits before all entries, and nobody decides
 * before everything is marked. A symbol without a bar keeps its last price.
 */
export class PortfolioSimulation {
  readonly account: Account
  readonly recorder: EquityRecorder
  private readonly times: Float64Array
  private readonly seats: readonly Seat[]
  /** Seats that have a bar at the step under way. */
  private present: Seat[] = []
  private recordedChanges = 0

  constructor(account: Account, strategy: Strategy, periods: readonly Period[]) {
    this.account = account
    const { config, books } = account
    this.seats = books.flatMap((book, index) => {
      const { first, end } = periods[index]
      checkBars(book.bars, 0, end)
      if (end <= first) return []
      const context = { bars: book.bars, first, end, initialCapital: config.initialCapital }
      const name = books.length > 1 ? `${strategy.name} on ${book.bars.symbol}` : strategy.name
      const run = startStrategy({ name, start: (context) => strategy.start(context) }, context)
      const wakeBars = wakeBarsOf(run, name, first, end)
      const desk = new Desk(account, book)
      return { book, desk, run, name, wakeBars, first, end, next: first, nextWake: 0, bar: -1 }
    })
    this.times = mergedTimes(this.seats.map(({ book, first, end }) => book.time.subarray(first, end)))
    const perBar = config.riskFreeRate / barsPerYear[books[0].bars.timeframe]
    this.recorder = new EquityRecorder(this.times, null, config.initialCapital, perBar)
  }

  /** Distinct times of the bars traded. */
  get steps(): number {
    return this.times.length
  }

  get signals(): number {
    return this.seats.reduce((sum, { run, desk }) => sum + (run.signalCount ?? desk.entered), 0)
  }

  play(facts: RunFacts | undefined): void {
    const { account, steps } = this
    const observer = facts?.observer
    account.facts = facts
    for (let from = 0; from < steps; from += blockPoints) {
      const to = Math.min(from + blockPoints, steps)
      let sampled = observer === undefined ? -1 : observer.blockStarted(from, to)
      for (let step = from; step < to; step++) {
        const watched = step === sampled ? observer : undefined
        watched?.barStarted(step)
        this.step(step, watched)
        if (watched !== undefined) sampled = watched.barEnded(step)
      }
      observer?.blockEnded(to)
      this.recorder.markTo(to)
    }
    for (const { book, end, run } of this.seats) {
      account.cancelAll(book, end - 1)
      run.end?.()
    }
  }

  private step(step: number, watched: RunObserver | undefined): void {
    const { account } = this
    account.step = step
    this.seat(this.times[step])
    const { present } = this
    // Equity at the fills is at the opens of all, whatever their order.
    let waiting = false
    for (const { book, bar } of present) {
      book.lastPrice = book.open[bar]
      waiting ||= book.orders.length > 0
    }
    if (waiting) {
      for (const { book, bar } of present) if (book.orders.length > 0) account.fillExits(book, bar)
      for (const { book, bar } of present) if (book.orders.length > 0) account.fillEntries(book, bar)
    }
    watched?.stageEnded(0)
    for (const { book, bar } of present) if (book.touched(bar)) account.protect(book, bar)
    watched?.stageEnded(1)
    this.mark(step)
    watched?.stageEnded(2)
    for (const seat of present) decide(seat)
    watched?.stageEnded(3)
  }

  private seat(time: number): void {
    const { present, seats } = this
    let count = 0
    for (let k = 0; k < seats.length; k++) {
      const seat = seats[k]
      seat.bar = seat.next < seat.end && seat.book.time[seat.next] === time ? seat.next++ : -1
      if (seat.bar >= 0) present[count++] = seat
    }
    while (present.length > count) present.pop()
  }

  private mark(step: number): void {
    const { account, recorder } = this
    for (const { book, bar } of this.present) {
      const { close, time } = book
      if (account.config.borrowRateAnnual > 0 && book.side === -1 && bar > 0) {
        account.borrow(book, bar, time[bar] - time[bar - 1])
      }
      book.lastPrice = close[bar]
    }
    if (account.changes !== this.recordedChanges) {
      this.recordedChanges = account.changes
      recorder.changed(step, account, null)
    }
    const { value } = account
    recorder.kept[step] = value
    if (account.openPositions > 0) recorder.exposure.addAll(account.books, value)
  }
}

function decide(seat: Seat): void {
  const { run, bar, wakeBars } = seat
  if (wakeBars !== null) {
    if (wakeBars[seat.nextWake] !== bar) return
    seat.nextWake++
  }
  askStrategy(run, seat.name, bar, seat.desk)
}
