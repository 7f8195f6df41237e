/** Times in epoch milliseconds, both included. */
export interface Span {
  readonly from: number
  readonly to: number
}

/** Bars as columns, oldest first; where the window has too many, one point stands for several. */
export interface BarColumns {
  /** What was asked for; outside of it there may be more. */
  readonly asked: Span
  /** The whole series; undefined when it has no bar. */
  readonly series: Span | undefined
  /** Width of a bar, and of a point here. */
  readonly barMs: number
  readonly pointMs: number
  readonly time: Float64Array
  readonly open: Float64Array
  readonly high: Float64Array
  readonly low: Float64Array
  readonly close: Float64Array
  readonly volume: Float64Array
  /** Bars that each point stands for. */
  readonly bars: Float64Array
}

/** Points that are asked for at once. */
export const MAX_POINTS = 4000
/** Bars of the first view, and the fewest of any. */
export const FIRST_VIEW = 500
const LEAST_VIEW = 20
/** What is loaded on each side, in widths of the view. */
const MARGIN = 1.5

/** Position of the last bar at or before `time`; 0 when all are later. */
export function barAt(times: Float64Array, time: number): number {
  let low = 0
  let high = times.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (times[middle] <= time) low = middle + 1
    else high = middle
  }
  return Math.max(0, low - 1)
}

/** Position of the first bar at or after `time`. */
function barFrom(times: Float64Array, time: number): number {
  const at = barAt(times, time)
  return times[at] < time ? at + 1 : at
}

/** The bars of a view: positions `[first, end)`, at least one. */
export function barsOf({ time }: BarColumns, view: Span): readonly [first: number, end: number] {
  const end = barAt(time, view.to) + 1
  return [Math.min(barFrom(time, view.from), end - 1), end]
}

/**
 * The view of the bars from position `first` to `end - 1`, of at least 20 bars and within the series. Positions outside
 * of what is loaded are taken as if bars went on there.
 */
export function viewOf(columns: BarColumns, first: number, end: number): Span {
  const { time, pointMs, series } = columns
  const count = time.length
  const timeAt = (at: number): number =>
    at < 0 ? time[0] + at * pointMs : at >= count ? time[count - 1] + (at - count + 1) * pointMs : time[at]
  const missing = Math.max(0, LEAST_VIEW - (end - first)) / 2
  let from = timeAt(Math.floor(first - missing))
  let to = timeAt(Math.ceil(end - 1 + missing))
  if (series) {
    const width = to - from
    // At an edge the view stops; it does not shrink.
    if (from < series.from) [from, to] = [series.from, series.from + width]
    if (to > series.to) [from, to] = [Math.max(series.from, series.to - width), series.to]
  }
  return { from, to }
}

/**
 * What must be loaded for this view, undefined when what is there will do: there are more bars near an edge of it, or
 * points could be half as wide.
 */
export function missingOf(columns: BarColumns, view: Span): Span | undefined {
  const { asked, series, barMs, pointMs, time } = columns
  if (!series || time.length === 0) return undefined
  const [first, end] = barsOf(columns, view)
  const width = Math.max(view.to - view.from, LEAST_VIEW * barMs)
  const shown = end - first
  const left = asked.from > series.from && first < shown / 2
  const right = asked.to < series.to && time.length - end < shown / 2
  const coarse = pointMs > barMs && pointMs > (2 * (1 + 2 * MARGIN) * width) / MAX_POINTS
  if (!left && !right && !coarse) return undefined
  // Where a night or a weekend lies beyond the edge, each step reaches three times as far.
  const reach = (needed: boolean, loaded: number): number =>
    Math.max(MARGIN * width, needed ? 3 * Math.max(0, loaded) : 0)
  return {
    from: Math.max(series.from, view.from - reach(left, view.from - asked.from)),
    to: Math.min(series.to, view.to + reach(right, asked.to - view.to)),
  }
}
