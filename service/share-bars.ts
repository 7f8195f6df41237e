import type { BarSeries } from '@tapescope/engine'

const columns = ['time', 'open', 'high', 'low', 'close', 'volume'] as const

/** The same bars in memory that all threads of the process read without a copy. */
export function shareBars(bars: BarSeries): BarSeries {
  const memory = new SharedArrayBuffer(bars.length * columns.length * Float64Array.BYTES_PER_ELEMENT)
  const shared = columns.map((name, k) => {
    const column = new Float64Array(memory, k * bars.length * Float64Array.BYTES_PER_ELEMENT, bars.length)
    column.set(bars[name])
    return [name, column] as const
  })
  const { symbol, timeframe, length } = bars
  return {
    symbol,
    timeframe,
    length,
    ...(Object.fromEntries(shared) as Record<(typeof columns)[number], Float64Array>),
  }
}
