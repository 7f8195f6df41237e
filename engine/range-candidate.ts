import type { Level } from './signal.ts'

/** A pair of clusters that meets spec 4.3, with its quality and levels. */
export interface RangeCandidate {
  readonly first: number
  readonly last: number
  readonly iceMean: number
  readonly creekMean: number
  readonly quality: number
  readonly parts: {
    readonly duration: number
    readonly touches: number
    readonly tightness: number
    readonly drying: number
  }
  readonly ice: Level
  readonly creek: Level
}

/** How far a range's cause carries, in widths (spec 5). */
export const causeFactor = (duration: number): number => (duration >= 40 ? 3 : duration >= 25 ? 2.5 : 2)

/** Two cluster means this near each other are the same level (spec 4.5). */
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

/** Sorts the better range first: higher quality, then later end, then earlier start (spec 4.5). */
export const byRank = (a: Ranked, b: Ranked): number =>
  b.quality - a.quality || b.last - a.last || a.first - b.first

/** Whether both their spans of bars and their spans of prices meet (spec 4.5). */
export const overlapping = (a: Ranked, b: Ranked): boolean =>
  a.first <= b.last && b.first <= a.last && a.ice.price <= b.creek.price && b.ice.price <= a.creek.price
