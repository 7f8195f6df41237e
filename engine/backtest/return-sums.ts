/** Sums over the bar returns of a curve: value / value before - 1, the first against the initial capital. */
export class ReturnSums {
  private previous = NaN
  /** Risk-free return of one bar, which every return is measured against. */
  private readonly perBar: number
  private sum = NaN
  private squares = NaN
  private downside = NaN
  private count = 0
  /** Points whose value did not move: their return is exactly 0. */
  private flat = 0

  constructor(initial: number, perBar: number) {
    this.previous = initial
    this.perBar = perBar
    // Doubles from the start: a field that begins as a small integer is recompiled when it stops being one.
    this.sum = 0
    this.squares = 0
    this.downside = 0
  }

  /** Points `from` to `to - 1`, worth `cash` plus `units` times their price. */
  add(price: Float64Array, from: number, to: number, cash: number, units: number): void {
    const { perBar } = this
    let { previous, sum, squares, downside, flat } = this
    for (let i = from; i < to; i++) {
      const now = cash + units * price[i]
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
    this.previous = previous
    this.sum = sum
    this.squares = squares
    this.downside = downside
    this.flat = flat
    this.count += to - from
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
