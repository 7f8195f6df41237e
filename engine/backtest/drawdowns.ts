import type { EquityCurve } from './equity.ts'

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
  peak: number
  trough: number
  recovery: number
  depth: number
}

class Scan {
  peakValue: number
  /** -1 while the initial capital, which is no point of the curve, is the peak. */
  peak = -1
  troughValue: number
  trough = -1
  readonly deepest: Found[] = []
  readonly keep: number

  constructor(initial: number, keep: number) {
    this.peakValue = initial
    this.troughValue = initial
    this.keep = keep
  }

  add(value: Float64Array, from: number, to: number): void {
    for (let i = from; i < to; i++) {
      const now = value[i]
      if (now >= this.peakValue) {
        if (this.troughValue < this.peakValue) this.close(i)
        this.peakValue = now
        this.troughValue = now
        this.peak = i
      } else if (now < this.troughValue) {
        this.troughValue = now
        this.trough = i
      }
    }
  }

  close(recovery: number): void {
    const { peak, trough, peakValue, troughValue, deepest, keep } = this
    const depth = (peakValue - troughValue) / peakValue
    if (deepest.length === keep && depth <= deepest[keep - 1].depth) return
    const at = deepest.findIndex((found) => depth > found.depth)
    deepest.splice(at < 0 ? deepest.length : at, 0, { peak, trough, recovery, depth })
    if (deepest.length > keep) deepest.pop()
  }
}

const blockPoints = 4096

/** The `keep` deepest drawdown periods, deepest first, the earlier first where two are equally deep. */
export function drawdownsOf(equity: EquityCurve, keep = 5): DrawdownPeriod[] {
  const { initialCapital, length, time, value } = equity
  const scan = new Scan(initialCapital, keep)
  for (let from = 0; from < length; from += blockPoints) {
    scan.add(value, from, Math.min(from + blockPoints, length))
  }
  if (scan.troughValue < scan.peakValue) scan.close(-1)
  return scan.deepest.map(({ peak, trough, recovery, depth }) => {
    // Before the first point the account held its initial capital at the first point's time.
    const peakTime = time[Math.max(peak, 0)]
    const end = recovery < 0 ? length - 1 : recovery
    return {
      peakTime,
      peakValue: peak < 0 ? initialCapital : value[peak],
      troughTime: time[trough],
      troughValue: value[trough],
      recoveryTime: recovery < 0 ? null : time[recovery],
      recoveryValue: recovery < 0 ? null : value[recovery],
      drawdownFrac: depth,
      durationBars: end - peak,
      durationDays: (time[end] - peakTime) / dayMs,
      recoveryDays: recovery < 0 ? null : (time[recovery] - time[trough]) / dayMs,
    }
  })
}
