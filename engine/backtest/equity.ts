import { DrawdownScan } from './drawdowns.ts'
import { MonthEnds } from './month-ends.ts'
import { ReturnSums } from './return-sums.ts'

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

/** Marks that are collected before the sums take them; small enough to stay in the nearest cache. */
export const blockPoints = 4096
/** Marks below which looking at each is cheaper than remembering a stretch. */
const shortestFlat = 16
/** index, cash, signed quantity */
const stepWidth = 3

/**
 * Takes the marks of a run block by block: sums for the metrics at once, and for the curve only what changes it,
 * 24 bytes a fill.
 */
export class EquityRecorder {
  /** Marks of the block under way; whoever runs the bars writes here and calls `digest`. */
  readonly block = new Float64Array(blockPoints)
  readonly returns: ReturnSums
  readonly drawdowns: DrawdownScan
  readonly months: MonthEnds
  private readonly initialCapital: number
  private readonly time: Float64Array
  /** Closes at the points; null with several symbols, when all marks have to be kept. */
  private readonly close: Float64Array | null
  private readonly kept: Float64Array | null
  /** Stretches of the block without a change: first mark and end of each, in order. */
  private readonly flats: number[] = []
  private digested = 0
  private steps = new Float64Array(stepWidth * 64)
  private stepEnd = 0

  constructor(time: Float64Array, close: Float64Array | null, initialCapital: number, returnPerBar: number) {
    this.time = time
    this.close = close
    this.kept = close === null ? new Float64Array(time.length) : null
    this.initialCapital = initialCapital
    this.returns = new ReturnSums(initialCapital, returnPerBar)
    this.drawdowns = new DrawdownScan(initialCapital, 5)
    this.months = new MonthEnds(time)
  }

  /** From point `index` on the account holds `cash` and, of a single symbol, `signed` units. */
  changed(index: number, cash: number, signed: number): void {
    if (this.stepEnd + stepWidth > this.steps.length) {
      const grown = new Float64Array(this.steps.length * 2)
      grown.set(this.steps)
      this.steps = grown
    }
    this.steps[this.stepEnd] = index
    this.steps[this.stepEnd + 1] = cash
    this.steps[this.stepEnd + 2] = signed
    this.stepEnd += stepWidth
  }

  /** Marks `from` to `to - 1` of the block are all the same, which spares a look at each. */
  markFlat(from: number, to: number, value: number): void {
    this.block.fill(value, from, to)
    // The first differs from the mark before when something was just sold.
    if (to - from >= shortestFlat) this.flats.push(from + 1, to)
  }

  /** The first `count` marks of the block are complete. */
  digest(count: number): void {
    const { block, digested, flats, returns, drawdowns } = this
    let done = 0
    for (let k = 0; k < flats.length; k += 2) {
      const [from, to] = [flats[k], flats[k + 1]]
      returns.add(block, done, from)
      drawdowns.add(block, done, from, digested)
      returns.addFlat(to - from)
      drawdowns.addFlat(block[from], digested + to - 1)
      done = to
    }
    flats.length = 0
    returns.add(block, done, count)
    drawdowns.add(block, done, count, digested)
    this.months.add(block, count, digested)
    if (this.kept !== null) this.kept.set(block.subarray(0, count), digested)
    this.digested = digested + count
  }

  finish(): EquityCurve {
    const { time, initialCapital, close, kept } = this
    const steps = this.steps.subarray(0, this.stepEnd)
    let values: Float64Array | null = kept
    let cashes: Float64Array | undefined
    const value = (): Float64Array => (values ??= expandValue(steps, close!, initialCapital))
    const cash = (): Float64Array => (cashes ??= expandCash(steps, time.length, initialCapital))
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

function expandCash(steps: Float64Array, length: number, initial: number): Float64Array {
  const cash = new Float64Array(length)
  let [from, held] = [0, initial]
  for (let step = 0; step < steps.length; step += stepWidth) {
    cash.fill(held, from, steps[step])
    from = steps[step]!
    held = steps[step + 1]!
  }
  return cash.fill(held, from)
}

function expandValue(steps: Float64Array, close: Float64Array, initial: number): Float64Array {
  const value = new Float64Array(close.length)
  let [from, cash, signed] = [0, initial, 0]
  for (let step = 0; step <= steps.length; step += stepWidth) {
    const to = step < steps.length ? steps[step] : close.length
    if (signed === 0) value.fill(cash, from, to)
    else markInto(value, close, from, to, cash, signed)
    from = to
    cash = steps[step + 1]!
    signed = steps[step + 2]!
  }
  return value
}

function markInto(
  value: Float64Array,
  close: Float64Array,
  from: number,
  to: number,
  cash: number,
  signed: number,
): void {
  for (let i = from; i < to; i++) value[i] = cash + signed * close[i]
}
