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

/** Account value after each bar, in columns. Only `value` is stored; cash changes at fills and is expanded on demand. */
export interface EquityCurve {
  readonly length: number
  readonly initialCapital: number
  /** Open time of each point's bar. */
  readonly time: Float64Array
  readonly value: Float64Array
  /** Built when first read. */
  readonly cash: Float64Array
  point(index: number): EquityPoint
}

/** Collects the curve: 8 bytes a point, 16 bytes a change of cash. */
export class EquityRecorder {
  readonly value: Float64Array
  private steps = new Float64Array(128)
  private stepCount = 0

  constructor(length: number) {
    this.value = new Float64Array(length)
  }

  /** From point `index` on the account holds `cash`. */
  cashChanged(index: number, cash: number): void {
    if (this.stepCount + 2 > this.steps.length) {
      const grown = new Float64Array(this.steps.length * 2)
      grown.set(this.steps)
      this.steps = grown
    }
    this.steps[this.stepCount++] = index
    this.steps[this.stepCount++] = cash
  }

  finish(time: Float64Array, initialCapital: number): EquityCurve {
    const { value, steps, stepCount } = this
    let expanded: Float64Array | undefined
    const cash = (): Float64Array => (expanded ??= expand(steps, stepCount, value.length, initialCapital))
    return {
      length: value.length,
      initialCapital,
      time,
      value,
      get cash() {
        return cash()
      },
      point(index) {
        if (!Number.isInteger(index) || index < 0 || index >= value.length) {
          throw new RangeError(`no equity point ${index}; there are ${value.length}`)
        }
        const now = value[index]
        const held = cash()[index]
        return {
          time: time[index],
          portfolioValue: now,
          cash: held,
          positionsValue: now - held,
          barReturn: now / (index === 0 ? initialCapital : value[index - 1]) - 1,
          cumulativeReturn: now / initialCapital - 1,
        }
      },
    }
  }
}

function expand(steps: Float64Array, count: number, length: number, initial: number): Float64Array {
  const cash = new Float64Array(length)
  let [from, held] = [0, initial]
  for (let step = 0; step < count; step += 2) {
    cash.fill(held, from, steps[step])
    from = steps[step]!
    held = steps[step + 1]!
  }
  return cash.fill(held, from)
}
