import { dayMs, daysIn, monthOf, monthStart } from './calendar.ts'

/** The last point of every UTC month of a curve, found without looking at each point's date. */
export class MonthEnds {
  private readonly time: Float64Array
  /** First instant after the month under way. */
  private boundary = Infinity
  private year = 0
  private month = 0
  private last = -1
  private lastValue = 0
  readonly indexes: number[] = []
  readonly values: number[] = []

  constructor(time: Float64Array) {
    this.time = time
    if (time.length > 0) this.jump(time[0])
  }

  /** `count` marks, the first of which is point `first`. */
  add(value: Float64Array, count: number, first: number): void {
    const { time } = this
    const end = first + count
    let from = first
    while (from < end && time[end - 1] >= this.boundary) {
      // Gallop, then halve: a month of daily bars lies close, one of minute bars far.
      let step = 16
      while (from + step < end && time[from + step] < this.boundary) step *= 2
      let [low, high] = [from + (step >> 1 > 8 ? step >> 1 : 0), Math.min(from + step, end - 1)]
      while (low < high) {
        const middle = (low + high) >>> 1
        if (time[middle] < this.boundary) low = middle + 1
        else high = middle
      }
      if (low > first) {
        this.last = low - 1
        this.lastValue = value[low - 1 - first]!
      }
      this.indexes.push(this.last)
      this.values.push(this.lastValue)
      this.advance(time[low])
      from = low
    }
    if (count === 0) return
    this.last = end - 1
    this.lastValue = value[count - 1]!
  }

  /** The month under way is the one that `time`, at or after the boundary, lies in. */
  private advance(time: number): void {
    this.month = this.month === 12 ? 1 : this.month + 1
    this.year += this.month === 1 ? 1 : 0
    this.boundary += daysIn(this.year, this.month) * dayMs
    if (time >= this.boundary) this.jump(time)
  }

  private jump(time: number): void {
    const { year, month } = monthOf(time)
    this.year = year
    this.month = month
    this.boundary = monthStart(year, month + 1)
  }

  /** Ends the month under way at the last point seen. */
  close(): void {
    if (this.last < 0) return
    this.indexes.push(this.last)
    this.values.push(this.lastValue)
  }
}
