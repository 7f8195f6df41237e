const dayMs = 86_400_000

/** From a high of the curve to the point that reaches it again. */
export interface DrawdownPeriod {
  readonly peakTime: number
  readonly peakValue: number
  readonly troughTime: number
  readonly troughValue: number
  /** Null when the curve ends below the peak. */
  readonly recoveryTime: number | null
  readonly recoveryValue: number | null
  /** (peak - trough) / peak. */
  readonly drawdownFrac: number
  /** From the peak to the recovery, or to the end of the curve. */
  readonly durationBars: number
  readonly durationDays: number
  /** From the trough to the recovery. */
  readonly recoveryDays: number | null
}

interface Found {
  /** Point of the peak; -1 is the initial capital, which is no point of the curve. */
  readonly peak: number
  readonly peakValue: number
  readonly trough: number
  readonly troughValue: number
  /** -1 while below the peak. */
  readonly recovery: number
  readonly recoveryValue: number
  readonly depth: number
}

/** Finds the `keep` deepest drawdown periods of a curve, deepest first, the earlier first where two are equal. */
export class DrawdownScan {
  private readonly keep: number
  peak = -1
  peakValue = NaN
  trough = -1
  troughValue = NaN
  private readonly deepest: Found[] = []

  constructor(initial: number, keep: number) {
    this.keep = keep
    this.peakValue = initial
    this.troughValue = initial
  }

  /** Points `from` to `to - 1`, all worth `value`: a high lasts until the last of them. */
  addFlat(value: number, from: number, to: number): void {
    if (value >= this.peakValue) {
      if (this.troughValue < this.peakValue) this.recovered(from, value)
      this.peakValue = this.troughValue = value
      this.peak = to - 1
    } else if (value < this.troughValue) {
      this.troughValue = value
      this.trough = from
    }
  }

  /** The period since the last peak has ended: `point` is worth as much or more, and the next peak. */
  recovered(point: number, value: number): void {
    this.keepIfDeep(point, value)
    this.peak = point
    this.peakValue = this.troughValue = value
  }

  private keepIfDeep(recovery: number, recoveryValue: number): void {
    const { deepest, keep, peak, peakValue, trough, troughValue } = this
    const depth = (peakValue - troughValue) / peakValue
    if (deepest.length === keep && depth <= deepest[keep - 1].depth) return
    const at = deepest.findIndex((found) => depth > found.depth)
    const found = { peak, peakValue, trough, troughValue, recovery, recoveryValue, depth }
    deepest.splice(at < 0 ? deepest.length : at, 0, found)
    if (deepest.length > keep) deepest.pop()
  }

  /** To be called once, after the last mark. `time` has one entry a point. */
  finish(time: Float64Array): DrawdownPeriod[] {
    if (this.troughValue < this.peakValue) this.keepIfDeep(-1, NaN)
    return this.deepest.map(({ peak, peakValue, trough, troughValue, recovery, recoveryValue, depth }) => {
      // Before the first point the account held its initial capital, at the time of the first bar's open.
      const peakTime = time[Math.max(peak, 0)]
      const end = recovery < 0 ? time.length - 1 : recovery
      return {
        peakTime,
        peakValue,
        troughTime: time[trough],
        troughValue,
        recoveryTime: recovery < 0 ? null : time[recovery],
        recoveryValue: recovery < 0 ? null : recoveryValue,
        drawdownFrac: depth,
        durationBars: end - peak,
        durationDays: (time[end] - peakTime) / dayMs,
        recoveryDays: recovery < 0 ? null : (time[recovery] - time[trough]) / dayMs,
      }
    })
  }
}
