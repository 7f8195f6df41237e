import type { TimedBars } from './run-timer.ts'

/** The slowest few of what was timed, with the times of their stages, or without when `stages` is 0. Allocates once. */
export class WorstBars {
  /** How many are held; entries 0 to `count - 1` are in no order. */
  count = 0
  readonly bar: Int32Array
  readonly start: Float64Array
  readonly duration: Float64Array
  /** Entry `e`'s stage `s` is at `e * stages + s`. */
  readonly stageTimes: Float64Array
  private readonly stages: number
  private fastest = 0

  constructor(capacity: number, stages: number) {
    this.bar = new Int32Array(capacity)
    this.start = new Float64Array(capacity)
    this.duration = new Float64Array(capacity)
    this.stageTimes = new Float64Array(capacity * stages)
    this.stages = stages
  }

  offer(timed: TimedBars): void {
    const capacity = this.bar.length
    const duration = timed.durationMs
    let entry = this.count
    if (entry < capacity) this.count++
    else if (capacity > 0 && duration > this.duration[this.fastest]) entry = this.fastest
    else return
    this.bar[entry] = timed.bar
    this.start[entry] = timed.startMs
    this.duration[entry] = duration
    if (this.stages > 0) this.stageTimes.set(timed.stageTimes, entry * this.stages)
    if (this.count < capacity) return
    this.fastest = 0
    for (let i = 1; i < capacity; i++) if (this.duration[i] < this.duration[this.fastest]) this.fastest = i
  }

  /** Entries, slowest first. */
  ranked(): number[] {
    const { duration } = this
    return Array.from({ length: this.count }, (_, entry) => entry).sort((a, b) => duration[b] - duration[a])
  }
}
