import type { Level } from './signal.ts'

/** A pair of clusters that meets method 4.3, with its quality and levels. Reused at the next look: nobody keeps one. */
export interface RangeCandidate {
  first: number
  last: number
  iceMean: number
  creekMean: number
  quality: number
  durationPoints: number
  touchPoints: number
  tightnessPoints: number
  dryingPoints: number
  ice: Level
  creek: Level
  /** A live range stands in its way. */
  beaten: boolean
}

const noLevel: Level = { price: 1, strength: 0, touches: 0, extreme: 1, firstTouch: -1, lastTouch: -1 }

export const emptyCandidate = (): RangeCandidate => ({
  first: 0,
  last: 0,
  iceMean: 0.5,
  creekMean: 0.5,
  quality: 0,
  durationPoints: 0,
  touchPoints: 0,
  tightnessPoints: 0,
  dryingPoints: 0,
  ice: noLevel,
  creek: noLevel,
  beaten: false,
})

/** How far a range's cause carries, in widths (method 5). */
export const causeFactor = (duration: number): number => (duration >= 40 ? 3 : duration >= 25 ? 2.5 : 2)

/** Two cluster means this near each other are the same level (method 4.5). */
const sameFrac = 0.02

export const sameLevels = (
  iceMean: number,
  creekMean: number,
  range: { readonly iceMean: number; readonly creekMean: number },
): boolean =>
  Math.abs(iceMean - range.iceMean) / range.iceMean <= sameFrac &&
  Math.abs(creekMean - range.creekMean) / range.creekMean <= sameFrac

/** What ranges, live or not, are compared by. */
interface Ranked {
  readonly quality: number
  readonly first: number
  readonly last: number
  readonly ice: Level
  readonly creek: Level
}

/** Sorts the better range first: higher quality, then later end, then earlier start (method 4.5). */
export const byRank = (a: Ranked, b: Ranked): number =>
  b.quality - a.quality || b.last - a.last || a.first - b.first

/** Whether both their spans of bars and their spans of prices meet (method 4.5). */
export const overlapping = (a: Ranked, b: Ranked): boolean =>
  a.first <= b.last && b.first <= a.last && a.ice.price <= b.creek.price && b.ice.price <= a.creek.price
