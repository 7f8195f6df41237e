import { generateBars, type BarSeries } from '@tapescope/engine'

/**
 * Answers each call with bars that this process has not seen: slices of a generated series, and a series of another
 * seed when it is used up, so that no branch predictor learns them by heart.
 */
export function unseenBars(length: number, seed: number): () => BarSeries {
  const atOnce = Math.max(length, 200_000)
  let all: BarSeries | undefined
  let at = 0
  let nextSeed = seed
  return () => {
    if (all === undefined || at + length > atOnce) {
      all = generateBars({ seed: nextSeed++, length: atOnce }).bars
      at = 0
    }
    const from = at
    at += length
    return slice(all, from, at)
  }
}

export function slice(bars: BarSeries, from: number, to: number): BarSeries {
  const { symbol, timeframe, time, open, high, low, close, volume } = bars
  return {
    symbol,
    timeframe,
    length: to - from,
    time: time.slice(from, to),
    open: open.slice(from, to),
    high: high.slice(from, to),
    low: low.slice(from, to),
    close: close.slice(from, to),
    volume: volume.slice(from, to),
  }
}
