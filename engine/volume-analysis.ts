import type { BarSeries } from './bar-series.ts'
import { grownColumn, grownLength } from './grown-column.ts'

/** Bars before the current one that its volume and spread are measured against (method 3). */
const volumeWindow = 20

export const efforts = ['NORMAL', 'NO_DEMAND', 'ABSORPTION', 'CLIMACTIC'] as const
export type Effort = (typeof efforts)[number]
export const effortClimactic = efforts.indexOf('CLIMACTIC')
export const effortAbsorption = efforts.indexOf('ABSORPTION')

/**
 * Volume analysis of a growing series: volume ratio, spread ratio, close position and effort of each bar. NaN
 * stands for a ratio that is undefined; `effort` holds positions in `efforts`.
 *
 * The mean of the 20 bars before is a suffix sum of one block of 20 plus a prefix sum of the next. Nothing is ever
 * subtracted, so nothing drifts, a window of zeros sums to exactly zero, and both ways of feeding do the same sums.
 */
export class VolumeAnalysis {
  volumeRatio: Float64Array
  spreadRatio: Float64Array
  closePosition: Float64Array
  effort: Uint8Array
  /** Suffix sums of the block of 20 before: of volume, then of spread. */
  private readonly suffix = new Float64Array(2 * volumeWindow)
  /** Sums of volume and spread since the block of 20 began. */
  private readonly prefix = new Float64Array(2)

  constructor(capacity: number) {
    this.volumeRatio = new Float64Array(capacity)
    this.spreadRatio = new Float64Array(capacity)
    this.closePosition = new Float64Array(capacity)
    this.effort = new Uint8Array(capacity)
  }

  /** Analyses bars `first` to `end - 1`; all bars before `first` have been analysed. */
  run(bars: BarSeries, first: number, end: number): void {
    if (end > this.effort.length) this.grow(end)
    const { high, low, close, volume } = bars
    const { volumeRatio, spreadRatio, closePosition, effort, suffix, prefix } = this
    let volumePrefix = prefix[0]
    let spreadPrefix = prefix[1]
    let place = first % volumeWindow
    for (let i = first; i < end; i++) {
      if (place === volumeWindow) place = 0
      if (place === 0) {
        this.startBlock(bars, i)
        volumePrefix = 0
        spreadPrefix = 0
      }
      const ownVolume = volume[i]
      const spread = high[i] - low[i]
      let ratio = Number.NaN
      let spreads = Number.NaN
      let kind = 0
      if (i >= volumeWindow) {
        const volumes = suffix[place] + volumePrefix
        const spreadsBefore = suffix[volumeWindow + place] + spreadPrefix
        spreads = spreadsBefore === 0 ? 0 : spread / (spreadsBefore / volumeWindow)
        if (volumes !== 0) {
          ratio = ownVolume / (volumes / volumeWindow)
          if (ratio >= 1.4) {
            if ((ratio >= 2 && spreads >= 1) || (ratio >= 1.5 && spreads >= 1.5)) kind = 3
            else if (spreads <= 0.8) kind = 2
          } else if (ratio <= 0.6 && spreads <= 0.8) kind = 1
        }
      }
      volumeRatio[i] = ratio
      spreadRatio[i] = spreads
      closePosition[i] = spread === 0 ? 0.5 : (close[i] - low[i]) / spread
      effort[i] = kind
      volumePrefix += ownVolume
      spreadPrefix += spread
      place++
    }
    prefix[0] = volumePrefix
    prefix[1] = spreadPrefix
  }

  /** Suffix sums of the 20 bars before `i`. */
  private startBlock(bars: BarSeries, i: number): void {
    if (i < volumeWindow) return
    const { high, low, volume } = bars
    let volumes = 0
    let spreads = 0
    for (let k = volumeWindow - 1; k >= 0; k--) {
      const j = i - volumeWindow + k
      volumes += volume[j]
      spreads += high[j] - low[j]
      this.suffix[k] = volumes
      this.suffix[volumeWindow + k] = spreads
    }
  }

  private grow(needed: number): void {
    const length = Math.max(needed, grownLength(this.effort.length))
    this.volumeRatio = grownColumn(this.volumeRatio, length)
    this.spreadRatio = grownColumn(this.spreadRatio, length)
    this.closePosition = grownColumn(this.closePosition, length)
    const effort = new Uint8Array(length)
    effort.set(this.effort)
    this.effort = effort
  }
}

export type VolumeBand = 'CLIMACTIC' | 'HIGH' | 'AVERAGE' | 'LOW' | 'DRIED_UP'

/** The label of a volume ratio (method 3); null stays null. */
const volumeBand = (ratio: number | null): VolumeBand | null =>
  ratio === null
    ? null
    : ratio >= 2
      ? 'CLIMACTIC'
      : ratio >= 1.5
        ? 'HIGH'
        : ratio >= 1
          ? 'AVERAGE'
          : ratio >= 0.5
            ? 'LOW'
            : 'DRIED_UP'

/** The four measures of one bar, as users see them. */
export interface BarVolume {
  readonly volumeRatio: number | null
  readonly spreadRatio: number | null
  readonly closePosition: number
  readonly effort: Effort
  readonly band: VolumeBand | null
}

export const volumeAt = (analysis: VolumeAnalysis, i: number): BarVolume => {
  const volumeRatio = orNull(analysis.volumeRatio[i])
  return {
    volumeRatio,
    spreadRatio: orNull(analysis.spreadRatio[i]),
    closePosition: analysis.closePosition[i],
    effort: efforts[analysis.effort[i]],
    band: volumeBand(volumeRatio),
  }
}

const orNull = (value: number): number | null => (Number.isNaN(value) ? null : value)
