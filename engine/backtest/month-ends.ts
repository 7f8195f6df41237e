import { monthOf, monthStart } from './calendar.ts'

/** The last point of every UTC month that has one, found without looking at each point's date. `time` ascends. */
export function monthEnds(time: Float64Array): number[] {
  const ends: number[] = []
  let from = 0
  while (from < time.length) {
    const { year, month } = monthOf(time[from])
    const boundary = monthStart(year, month + 1)
    // Gallop, then halve: a month of daily bars lies close, one of minute bars far.
    let step = 16
    while (from + step < time.length && time[from + step] < boundary) step *= 2
    let [low, high] = [from + 1, Math.min(from + step, time.length)]
    while (low < high) {
      const middle = (low + high) >>> 1
      if (time[middle] < boundary) low = middle + 1
      else high = middle
    }
    ends.push(low - 1)
    from = low
  }
  return ends
}
