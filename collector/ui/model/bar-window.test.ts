import { expect, test } from 'vitest'
import { barAt, type BarColumns, barsOf, MAX_POINTS, missingOf, type Span, viewOf } from './bar-window.ts'

const MINUTE = 60_000
/** A million bars of a minute: 390 a day, none at night or on weekends. */
const all: number[] = []
for (let day = 0; all.length < 1_000_000; day++)
  if (day % 7 < 5) for (let i = 0; i < 390; i++) all.push(day * 1440 * MINUTE + i * MINUTE)
const times = Float64Array.from(all)
const series = { from: times[0], to: times[times.length - 1] }

/** What the service answers. */
function load({ from, to }: Span): BarColumns {
  const [first, end] = [lower(from), lower(to + 1)]
  let time = times.subarray(first, end)
  let pointMs = MINUTE
  let bars = new Float64Array(time.length).fill(1)
  if (time.length > MAX_POINTS) {
    pointMs = Math.ceil((to - from + MINUTE) / MAX_POINTS)
    const counts = new Map<number, number>()
    const firsts: number[] = []
    for (const one of time) {
      const bucket = Math.floor((one - from) / pointMs)
      if (!counts.has(bucket)) firsts.push(one)
      counts.set(bucket, (counts.get(bucket) ?? 0) + 1)
    }
    time = Float64Array.from(firsts)
    bars = Float64Array.from(counts.values())
  }
  const none = new Float64Array(time.length)
  return {
    asked: { from, to },
    series,
    barMs: MINUTE,
    pointMs,
    time,
    bars,
    open: none,
    high: none,
    low: none,
    close: none,
    volume: none,
  }
}

function lower(time: number): number {
  const at = barAt(times, time)
  return times[at] < time ? at + 1 : at
}

/** Loads until nothing is missing; answers with what is there then and how often it took. */
function settle(columns: BarColumns, view: Span): [BarColumns, number] {
  let now = columns
  for (let steps = 0; steps < 20; steps++) {
    const missing = missingOf(now, view)
    if (!missing) return [now, steps]
    now = load(missing)
  }
  throw new Error('it never ends')
}

const newest = load({ from: times[times.length - 1000], to: series.to })

test('the newest bars need nothing more', () => {
  const view = viewOf(newest, newest.time.length - 500, newest.time.length)
  expect(barsOf(newest, view)).toEqual([500, 1000])
  expect(missingOf(newest, view)).toBeUndefined()
})

test('from the newest bar one comes to the oldest in steps back, over nights and weekends, each bar drawn alone', () => {
  let columns = newest
  let view = viewOf(columns, columns.time.length - 200, columns.time.length)
  let seen = columns.time[columns.time.length - 1]
  for (let step = 0; step < 60; step++) {
    ;[columns] = settle(columns, view)
    const [first, end] = barsOf(columns, view)
    expect(columns.pointMs).toBe(MINUTE)
    // No bar was jumped over.
    expect(lower(columns.time[end - 1])).toBeGreaterThanOrEqual(lower(seen) - 1)
    seen = columns.time[first]
    view = viewOf(columns, first - 100, end - 100)
  }
  expect(lower(view.from)).toBeLessThan(1_000_000 - 60 * 90)
})

test('zoomed out to the whole, and in again, what is drawn stays within the points', () => {
  let columns = newest
  let view = viewOf(columns, 500, 1000)
  const loads: number[] = []
  for (let step = 0; step < 60; step++) {
    const [first, end] = barsOf(columns, view)
    const more = (end - first) / 2
    view = viewOf(columns, Math.floor(first - more), Math.ceil(end + more))
    let took: number
    ;[columns, took] = settle(columns, view)
    loads.push(took)
    expect(columns.time.length).toBeLessThanOrEqual(MAX_POINTS + 1)
  }
  expect(view).toEqual(series)
  expect(columns.bars.reduce((sum, one) => sum + one, 0)).toBe(times.length)
  for (let step = 0; step < 60; step++) {
    const [first, end] = barsOf(columns, view)
    const quarter = Math.floor((end - first) / 4)
    view = viewOf(columns, first + quarter, end - quarter)
    let took: number
    ;[columns, took] = settle(columns, view)
    loads.push(took)
  }
  expect(columns.pointMs).toBe(MINUTE)
  expect(Math.max(...loads)).toBeLessThan(6)
})

test('a view never leaves the series and has 20 bars, or all when there are fewer', () => {
  const start = load({ from: series.from, to: series.from + 500 * MINUTE })
  expect(viewOf(start, -300, 100).from).toBe(series.from)
  const [first, end] = barsOf(start, viewOf(start, 50, 51))
  expect(end - first).toBeGreaterThanOrEqual(20)
  const one = { ...start, time: times.subarray(0, 1), series: { from: times[0], to: times[0] } }
  expect(barsOf(one, viewOf(one, 0, 1))).toEqual([0, 1])
  expect(missingOf(one, viewOf(one, 0, 1))).toBeUndefined()
})

test('a series without a bar misses nothing', () => {
  const none = { ...newest, series: undefined, time: new Float64Array(0) }
  expect(missingOf(none, { from: 0, to: 1 })).toBeUndefined()
})
