import type { BarSeries } from './bar-series.ts'
import type { PivotClusters } from './pivot-clusters.ts'
import type { Level } from './signal.ts'
import type { VolumeAnalysis } from './volume-analysis.ts'
import { volumeTrendPoints } from './volume-trend.ts'

/** A pivot this near its cluster's mean touches the level (method 5). */
const touchFrac = 0.015

type LevelKind = 'ice' | 'creek'

const ratios = new Float64Array(32)
const touched = new Int32Array(32)

/** Price and strength of the level that cluster `k` of one side forms (method 5). */
const levelOf = (
  kind: LevelKind,
  side: PivotClusters,
  k: number,
  bars: BarSeries,
  volume: VolumeAnalysis,
): Level => {
  const { high, low, close } = bars
  const mean = side.mean[k]
  const from = side.start[k]
  let touches = 0
  for (let p = from; p < from + side.count[k]; p++)
    if (Math.abs(side.price[p] - mean) / mean <= touchFrac) insertSorted(touched, touches++, side.bar[p])

  let weighted = 0
  let weights = 0
  let plain = 0
  let wicks = 0
  let known = 0
  let extreme = Number.NaN
  for (let n = 0; n < touches; n++) {
    const i = touched[n]
    const price = kind === 'ice' ? low[i] : high[i]
    const own = bars.volume[i]
    weighted += price * own
    weights += own
    plain += price
    const spread = high[i] - low[i]
    if (spread > 0) wicks += (kind === 'ice' ? close[i] - low[i] : high[i] - close[i]) / spread
    const ratio = volume.volumeRatio[i]
    if (!Number.isNaN(ratio)) ratios[known++] = ratio
    if (n === 0 || (kind === 'ice' ? price < extreme : price > extreme)) extreme = price
  }
  if (touches === 0)
    return { price: mean, strength: 0, touches, extreme: mean, firstTouch: -1, lastTouch: -1 }
  const wick = wicks / touches
  const length = touched[touches - 1] - touched[0]
  const strength =
    (touches >= 5 ? 40 : touches === 4 ? 30 : touches === 3 ? 20 : 10) +
    volumeTrendPoints(ratios, known, 30, 15) +
    (wick >= 0.7 ? 20 : wick >= 0.5 ? 15 : wick >= 0.3 ? 10 : 5) +
    (length >= 30 ? 10 : length >= 20 ? 8 : length >= 10 ? 5 : 2)
  return {
    price: weights > 0 ? weighted / weights : plain / touches,
    strength: Math.min(100, strength),
    touches,
    extreme,
    firstTouch: touched[0],
    lastTouch: touched[touches - 1],
  }
}

const slots = 64

/** Levels remembered per cluster: the same cluster comes up in many looks, and its pivots' bars never change. */
export class Levels {
  private readonly held: ({
    side: PivotClusters
    mean: number
    count: number
    last: number
    level: Level
  } | null)[] = []

  of(kind: LevelKind, side: PivotClusters, k: number, bars: BarSeries, volume: VolumeAnalysis): Level {
    const mean = side.mean[k]
    const count = side.count[k]
    const last = side.lastBar[k]
    if (this.held.length === 0) for (let n = 0; n < slots; n++) this.held.push(null)
    const slot = (last * 7 + side.firstBar[k] + count) & (slots - 1)
    const held = this.held[slot]
    if (
      held !== null &&
      held.side === side &&
      held.mean === mean &&
      held.count === count &&
      held.last === last
    )
      return held.level
    const level = levelOf(kind, side, k, bars, volume)
    this.held[slot] = { side, mean, count, last, level }
    return level
  }
}

const insertSorted = (list: Int32Array, length: number, value: number): void => {
  let k = length
  while (k > 0 && list[k - 1] > value) {
    list[k] = list[k - 1]!
    k--
  }
  list[k] = value
}
