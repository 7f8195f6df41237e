import type { BarSeries } from '../bar-series.ts'
import { atLeast, atMost, below } from './compare.ts'
import type { Measures } from './measures.ts'

export interface Cluster {
  pivots: number[]
  mean: number
  sd: number
}

export interface Level {
  price: number
  strength: number
}

export interface Candidate {
  start: number
  end: number
  duration: number
  support: Cluster
  resistance: Cluster
  quality: number
  ice: Level
  creek: Level
  causeFactor: number
}

type Kind = 'high' | 'low'

/** 4.1: strictly beyond the five bars on either side; needs all eleven bars. */
function isPivot(bars: BarSeries, kind: Kind, i: number): boolean {
  for (let k = i - 5; k <= i + 5; k++) {
    if (k === i) continue
    if (kind === 'high' ? bars.high[k] >= bars.high[i] : bars.low[k] <= bars.low[i]) return false
  }
  return true
}

export function pivots(bars: BarSeries, kind: Kind, first: number, t: number): number[] {
  const found: number[] = []
  for (let i = Math.max(5, first); i + 5 <= t; i++) if (isPivot(bars, kind, i)) found.push(i)
  return found
}

const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0)
export const mean = (values: readonly number[]) => sum(values) / values.length

/** 4.2: clusters of two or more pivots of the last 120 bars. */
function clusters(bars: BarSeries, kind: Kind, t: number): Cluster[] {
  const price = (i: number) => bars[kind][i]
  const sorted = pivots(bars, kind, t - 119, t).sort((a, b) => price(a) - price(b) || a - b)
  const groups: number[][] = []
  for (const pivot of sorted) {
    const open = groups.at(-1)
    const centre = open === undefined ? 0 : mean(open.map(price))
    if (open !== undefined && atMost(Math.abs(price(pivot) - centre) / centre, 0.02)) open.push(pivot)
    else groups.push([pivot])
  }
  return groups
    .filter((group) => group.length >= 2)
    .map((group) => {
      const m = mean(group.map(price))
      const sd = Math.sqrt(sum(group.map((i) => (price(i) - m) ** 2)) / (group.length - 1))
      return { pivots: group.sort((a, b) => a - b), mean: m, sd }
    })
}

/** 4.4, drying volume of one side. */
function drying(
  bars: BarSeries,
  m: readonly Measures[],
  kind: Kind,
  c: Cluster,
  from: number,
  to: number,
): number {
  const near: number[] = []
  for (let i = from; i <= to; i++) {
    const ratio = m[i].ratio
    if (ratio !== null && atMost(Math.abs(bars[kind][i] - c.mean) / c.mean, 0.02)) near.push(ratio)
  }
  if (near.length < 2) return 0
  const half = Math.floor(near.length / 2)
  const first = mean(near.slice(0, half))
  const second = mean(near.slice(half))
  return below(second, 0.85 * first) ? 10 : below(second, 1.15 * first) ? 5 : 0
}

/** 4.4 */
function quality(
  bars: BarSeries,
  m: readonly Measures[],
  s: Cluster,
  r: Cluster,
  from: number,
  to: number,
): number {
  const duration = to - from + 1
  const touches = s.pivots.length + r.pivots.length
  const fewer = Math.min(s.pivots.length, r.pivots.length)
  const more = Math.max(s.pivots.length, r.pivots.length)
  const spread = (s.sd / s.mean + r.sd / r.mean) / 2
  let touchPoints = touches >= 8 ? 30 : touches >= 6 ? 25 : touches >= 4 ? 15 : 0
  if (fewer / more >= 0.8) touchPoints += 5
  return (
    (duration >= 40 ? 30 : duration >= 25 ? 20 : 15) +
    Math.min(30, touchPoints) +
    (below(spread, 0.01) ? 20 : below(spread, 0.015) ? 15 : below(spread, 0.02) ? 10 : 0) +
    drying(bars, m, 'low', s, from, to) +
    drying(bars, m, 'high', r, from, to)
  )
}

/** 5: price and strength of one level. */
function level(bars: BarSeries, m: readonly Measures[], kind: Kind, c: Cluster): Level {
  const touches = c.pivots.filter((i) => atMost(Math.abs(bars[kind][i] - c.mean) / c.mean, 0.015))
  const volume = sum(touches.map((i) => bars.volume[i]))
  const price =
    volume === 0
      ? mean(touches.map((i) => bars[kind][i]))
      : sum(touches.map((i) => bars[kind][i] * bars.volume[i])) / volume
  const wicks = touches.map((i) => {
    const spread = bars.high[i] - bars.low[i]
    const wick = kind === 'low' ? bars.close[i] - bars.low[i] : bars.high[i] - bars.close[i]
    return spread === 0 ? 0 : wick / spread
  })
  const wick = mean(wicks)
  const n = touches.length
  const bridge = n === 0 ? 0 : touches[n - 1] - touches[0]
  const strength =
    (n >= 5 ? 40 : n >= 4 ? 30 : n >= 3 ? 20 : 10) +
    volumeTrend(touches.map((i) => m[i].ratio).filter((ratio) => ratio !== null)) +
    (atLeast(wick, 0.7) ? 20 : atLeast(wick, 0.5) ? 15 : atLeast(wick, 0.3) ? 10 : 5) +
    (bridge >= 30 ? 10 : bridge >= 20 ? 8 : bridge >= 10 ? 5 : 2)
  return { price, strength: Math.min(100, strength) }
}

/** 5 and 8.6.5: halves split at floor(n/2). */
function volumeTrend(ratios: readonly number[]): number {
  const half = Math.floor(ratios.length / 2)
  if (half === 0) return 0
  const first = mean(ratios.slice(0, half))
  const second = mean(ratios.slice(half))
  return below(second, 0.85 * first) ? 30 : below(second, 1.15 * first) ? 15 : 0
}

/** 5 */
export const causeFactor = (duration: number) => (duration >= 40 ? 3 : duration >= 25 ? 2.5 : 2)

/** 4.3: every pair of clusters that makes a range at the close of bar `t`, with quality and levels. */
export function candidates(bars: BarSeries, m: readonly Measures[], t: number): Candidate[] {
  const found: Candidate[] = []
  const resistances = clusters(bars, 'high', t)
  for (const support of clusters(bars, 'low', t))
    for (const resistance of resistances) {
      if (!(resistance.mean > support.mean)) continue
      if (!atLeast((resistance.mean - support.mean) / support.mean, 0.03)) continue
      const all = [...support.pivots, ...resistance.pivots]
      const start = Math.min(...all)
      const end = Math.max(...all)
      const duration = end - start + 1
      if (duration < 15 || duration > 120) continue
      found.push({
        start,
        end,
        duration,
        support,
        resistance,
        quality: quality(bars, m, support, resistance, start, end),
        ice: level(bars, m, 'low', support),
        creek: level(bars, m, 'high', resistance),
        causeFactor: causeFactor(duration),
      })
    }
  return found
}
