import type { Account } from './account.ts'
import type { Book } from './book.ts'
import { DrawdownScan } from './drawdowns.ts'
import { Exposure } from './exposure.ts'
import { ReturnSums } from './return-sums.ts'
import { Rows } from './rows.ts'

/** One mark of the account, at the close of its bar. */
export interface EquityPoint {
  readonly time: number
  readonly portfolioValue: number
  readonly cash: number
  readonly positionsValue: number
  /** Value / value of the point before - 1; the first against the initial capital. */
  readonly barReturn: number
  /** Value / initial capital - 1. */
  readonly cumulativeReturn: number
}

/** Account value after each bar, in columns. */
export interface EquityCurve {
  readonly length: number
  readonly initialCapital: number
  /** Open time of each point's bar. */
  readonly time: Float64Array
  /**
   * Of one symbol: built when first read, from what was held and the closes, bit for bit what the run computed.
   * A run that only wants its metrics keeps no memory per bar.
   */
  readonly value: Float64Array
  /** Built when first read. */
  readonly cash: Float64Array
  point(index: number): EquityPoint
}

/** Bars that are checked, played and marked before the next ones are looked at; few enough for the nearest caches. */
export const blockPoints = 4096
/** index, cash, signed quantity */
const stepWidth = 3

/**
 * Takes the marks of a run stretch by stretch: as long as nothing was filled and no stop was moved, the account is worth its cash
 * plus a quantity times the close. Sums for the metrics at once, and for the curve only what changes it, 24 bytes a fill.
 */
export class EquityRecorder {
  readonly returns: ReturnSums
  readonly drawdowns: DrawdownScan
  readonly exposure = new Exposure()
  /** Of several symbols what is deployed is summed symbol by symbol, so this is not read. */
  private readonly unread = new Exposure()
  private readonly initialCapital: number
  private readonly time: Float64Array
  /** What a unit is worth at each point; null with several symbols, whose marks have to be kept. */
  private readonly price: Float64Array | null
  /** Of several symbols: the marks, written by whoever runs the bars before `markTo` takes them. */
  readonly kept: Float64Array
  private readonly steps = new Rows(stepWidth)
  /** Points before this one are marked. */
  private marked = 0
  private cash = NaN
  private units = NaN
  private risk = NaN

  constructor(time: Float64Array, price: Float64Array | null, initialCapital: number, returnPerBar: number) {
    this.time = time
    this.price = price
    this.kept = new Float64Array(price === null ? time.length : 0)
    this.initialCapital = initialCapital
    this.returns = new ReturnSums(initialCapital, returnPerBar)
    this.drawdowns = new DrawdownScan(initialCapital, 5)
    this.cash = initialCapital
    this.units = this.risk = 0
  }

  /**
   * From point `index` on the account holds its cash and, of its one symbol, what `book` holds (null with several). Both are read here:
   * numbers that are handed over may become objects.
   */
  changed(index: number, account: Account, book: Book | null): void {
    if (book !== null) this.markTo(index)
    const { cash } = account
    const units = book === null ? 0 : book.signed
    this.risk = book === null ? 0 : book.openRisk
    if (cash === this.cash && units === this.units) return
    this.cash = cash
    this.units = units
    const { steps } = this
    steps.add()
    steps.chunk[steps.at] = index
    steps.chunk[steps.at + 1] = cash
    steps.chunk[steps.at + 2] = units
  }

  /** Marks the points up to `end - 1`. */
  markTo(end: number): void {
    const { marked, cash, units, price, returns, drawdowns, exposure } = this
    if (end === marked) return
    this.marked = end
    if (price === null) {
      this.markHeld(this.kept, this.unread, marked, end)
    } else if (units === 0) {
      returns.addFlat(cash, end - marked)
      drawdowns.addFlat(cash, marked, end)
    } else {
      this.markHeld(price, exposure, marked, end)
      exposure.add(price, marked, end, cash, units, this.risk)
    }
  }

  private markHeld(price: Float64Array, exposure: Exposure, from: number, to: number): void {
    const { drawdowns } = this
    let at = from
    while ((at = this.markHigh(price, exposure, at, to)) < to) {
      drawdowns.recovered(at, this.price === null ? price[at] : this.cash + this.units * price[at])
    }
  }

  /**
   * Marks held points up to the one that ends a drawdown, and answers with it. One loop for all sums: each loop fails to guess its
   * end, and held stretches are short. It calls nothing, or the sums would have to live in memory, and reads what it needs from
   * fields: a number that comes as an argument may be an object, which each turn would look into anew.
   */
  private markHigh(price: Float64Array, exposure: Exposure, from: number, to: number): number {
    const { returns, drawdowns } = this
    // What is kept of several symbols is the account's worth itself.
    const cash = this.price === null ? 0 : this.cash
    const units = this.price === null ? 1 : this.units
    const { perBar } = returns
    let { previous, sum, squares, downside, flat } = returns
    let { peak, peakValue, trough, troughValue } = drawdowns
    let { deployedSum, deployedMax } = exposure
    let i = from
    for (; i < to; i++) {
      const worth = units * price[i]
      const now = cash + worth
      if (now >= peakValue) {
        if (troughValue < peakValue) break
        peakValue = troughValue = now
        peak = i
      } else if (now < troughValue) {
        troughValue = now
        trough = i
      }
      const deployed = Math.abs(worth / now)
      deployedSum += deployed
      if (deployed > deployedMax) deployedMax = deployed
      if (now === previous) {
        flat++
        continue
      }
      const excess = now / previous - 1 - perBar
      // The excess where it is a loss, else 0, without a branch: signs of returns cannot be predicted.
      const loss = (excess - Math.abs(excess)) * 0.5
      sum += excess
      squares += excess * excess
      downside += loss * loss
      previous = now
    }
    returns.previous = previous
    returns.sum = sum
    returns.squares = squares
    returns.downside = downside
    returns.flat = flat
    returns.count += i - from
    drawdowns.peak = peak
    drawdowns.peakValue = peakValue
    drawdowns.trough = trough
    drawdowns.troughValue = troughValue
    exposure.deployedSum = deployedSum
    exposure.deployedMax = deployedMax
    return i
  }

  finish(): EquityCurve {
    const { time, initialCapital, price, steps } = this
    let values: Float64Array | undefined
    let cashes: Float64Array | undefined
    const value = (): Float64Array =>
      (values ??= price === null ? this.kept : expand(steps, initialCapital, time.length, price))
    const cash = (): Float64Array => (cashes ??= expand(steps, initialCapital, time.length, null))
    return {
      length: time.length,
      initialCapital,
      time,
      get value() {
        return value()
      },
      get cash() {
        return cash()
      },
      point(index) {
        if (!Number.isInteger(index) || index < 0 || index >= time.length) {
          throw new RangeError(`no equity point ${index}; there are ${time.length}`)
        }
        const now = value()[index]
        const held = cash()[index]
        return {
          time: time[index],
          portfolioValue: now,
          cash: held,
          positionsValue: now - held,
          barReturn: now / (index === 0 ? initialCapital : value()[index - 1]) - 1,
          cumulativeReturn: now / initialCapital - 1,
        }
      },
    }
  }
}

/** The cash at each point and, given what a unit is worth, the units held. */
function expand(steps: Rows, initial: number, length: number, price: Float64Array | null): Float64Array {
  const curve = new Float64Array(length)
  let [from, cash, units] = [0, initial, 0]
  for (let step = 0; step < steps.count; step++) {
    fill(curve, from, steps.get(step, 0), cash, units, price)
    from = steps.get(step, 0)
    cash = steps.get(step, 1)
    units = steps.get(step, 2)
  }
  fill(curve, from, length, cash, units, price)
  return curve
}

function fill(
  curve: Float64Array,
  from: number,
  to: number,
  cash: number,
  units: number,
  price: Float64Array | null,
): void {
  if (price === null || units === 0) curve.fill(cash, from, to)
  else for (let i = from; i < to; i++) curve[i] = cash + units * price[i]
}
