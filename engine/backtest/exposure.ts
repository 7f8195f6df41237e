import type { Book } from './book.ts'

/** What was at risk, summed while running over the points at which something was held. */
export class Exposure {
  heldPoints = 0
  positionSum = 0
  heatSum = NaN
  heatMax = NaN
  deployedSum = NaN
  deployedMax = NaN
  positionSizeMax = NaN

  constructor() {
    // Doubles from the start: a field that begins as a small integer is recompiled when it stops being one.
    this.heatSum = 0
    this.heatMax = 0
    this.deployedSum = 0
    this.deployedMax = 0
    this.positionSizeMax = 0
  }

  /** Points `from` to `to - 1` of one position of `units`, beside `cash`, with `risk` at its stops; what is deployed has been summed. */
  add(price: Float64Array, from: number, to: number, cash: number, units: number, risk: number): void {
    this.positionSizeMax = this.deployedMax
    this.heldPoints += to - from
    this.positionSum += to - from
    if (risk !== 0) this.addHeat(price, from, to, cash, units, risk)
  }

  private addHeat(
    price: Float64Array,
    from: number,
    to: number,
    cash: number,
    units: number,
    risk: number,
  ): void {
    for (let i = from; i < to; i++) {
      const heat = risk / (cash + units * price[i])
      this.heatSum += heat
      if (heat > this.heatMax) this.heatMax = heat
    }
  }

  /** One point of an account with several symbols. */
  addAll(books: readonly Book[], equity: number): void {
    let [held, total, risk, largest] = [0, 0, 0, 0]
    for (const book of books) {
      if (book.side === 0) continue
      const size = Math.abs((book.signed * book.lastPrice) / equity)
      held++
      total += size
      risk += book.openRisk
      if (size > largest) largest = size
    }
    if (held === 0) return
    const heat = risk / equity
    this.heldPoints++
    this.positionSum += held
    this.deployedSum += total
    this.heatSum += heat
    if (total > this.deployedMax) this.deployedMax = total
    if (largest > this.positionSizeMax) this.positionSizeMax = largest
    if (heat > this.heatMax) this.heatMax = heat
  }
}

export interface RiskMetrics {
  readonly maxConcurrentPositions: number
  /** Means are over all points, those without a position included. */
  readonly meanConcurrentPositions: number
  /** Open risk at the stops in force, as a fraction of equity. */
  readonly maxHeat: number
  readonly meanHeat: number
  /** Largest single position, and all of them together, at market as a fraction of equity. */
  readonly maxPositionSize: number
  /** Over positions held, not over all points. */
  readonly meanPositionSize: number | null
  readonly maxCapitalDeployed: number
  readonly meanCapitalDeployed: number
  /** Share of the points at which anything was held. */
  readonly exposureFrac: number
}

export function riskMetricsOf(exposure: Exposure, points: number, peakPositions: number): RiskMetrics {
  const n = Math.max(points, 1)
  return {
    maxConcurrentPositions: peakPositions,
    meanConcurrentPositions: exposure.positionSum / n,
    maxHeat: exposure.heatMax,
    meanHeat: exposure.heatSum / n,
    maxPositionSize: exposure.positionSizeMax,
    meanPositionSize: exposure.positionSum === 0 ? null : exposure.deployedSum / exposure.positionSum,
    maxCapitalDeployed: exposure.deployedMax,
    meanCapitalDeployed: exposure.deployedSum / n,
    exposureFrac: exposure.heldPoints / n,
  }
}
