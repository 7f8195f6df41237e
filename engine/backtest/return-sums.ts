/** Sums over the bar returns of a curve: value / value before - 1, the first against the initial capital. `EquityRecorder` adds to them. */
export class ReturnSums {
  previous = NaN
  /** Risk-free return of one bar, which every return is measured against. */
  readonly perBar: number = NaN
  sum = NaN
  squares = NaN
  downside = NaN
  count = 0
  /** Points whose value did not move: their return is exactly 0. */
  flat = 0

  constructor(initial: number, perBar: number) {
    this.previous = initial
    this.perBar = perBar
    // Doubles from the start: a field that begins as a small integer is recompiled when it stops being one.
    this.sum = 0
    this.squares = 0
    this.downside = 0
  }

  /** `count` points that are all worth `value`, of which only the first can differ from the one before. */
  addFlat(value: number, count: number): void {
    this.flat += count
    this.count += count
    if (value === this.previous) return
    const excess = value / this.previous - 1 - this.perBar
    this.sum += excess
    this.squares += excess * excess
    if (excess < 0) this.downside += excess * excess
    this.previous = value
    this.flat--
  }

  /** Sharpe and Sortino, annualised; null with fewer than 2 returns, no spread, or an account that was wiped out. */
  ratios(perYear: number): { sharpe: number | null; sortino: number | null } {
    const { count, flat, perBar } = this
    const sum = this.sum - flat * perBar
    const squares = this.squares + flat * perBar * perBar
    const downside = this.downside + (perBar > 0 ? flat * perBar * perBar : 0)
    const mean = sum / count
    const spread = count < 2 || flat === count ? 0 : (squares - count * mean * mean) / (count - 1)
    const scale = Math.sqrt(perYear)
    const finite = Number.isFinite(sum) && this.previous > 0
    return {
      // All returns equal leaves only rounding in the spread.
      sharpe: finite && spread > squares * 1e-15 ? (mean / Math.sqrt(spread)) * scale : null,
      sortino: finite && downside > 0 ? (mean / Math.sqrt(downside / count)) * scale : null,
    }
  }
}
