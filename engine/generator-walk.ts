import type { BarSeries, Timeframe } from './bar-series.ts'
import { seededRandom } from './generator-random.ts'
import { timeframeMs } from './resample.ts'

export interface WalkOptions {
  seed: number
  /** How many bars. */
  length: number
  symbol?: string
  timeframe?: Timeframe
  /** Open time of the first bar, epoch milliseconds UTC. */
  start?: number
  /** Standard deviation of a bar's log return. */
  volatility?: number
  /** Standard deviation of a bar's log volume; volumes are independent of everything. */
  volumeNoise?: number
}

/**
 * Bars of a driftless geometric random walk, with volumes drawn independently of the prices: the series in which
 * there is nothing to find. Each bar is eight normal steps, so that high and low are those of a path.
 */
export function randomWalkBars(options: WalkOptions): BarSeries {
  const { seed, length, symbol = 'WALK', timeframe = '1d', start = 946_684_800_000 } = options
  const { volatility = 0.013, volumeNoise = 0.3 } = options
  if (!Number.isInteger(length) || length < 0)
    throw new RangeError(`length must be a whole number of bars, got ${length}`)
  const random = seededRandom(seed)
  const column = () => new Float64Array(length)
  const series = {
    symbol,
    timeframe,
    length,
    time: column(),
    open: column(),
    high: column(),
    low: column(),
    close: column(),
    volume: column(),
  }
  const steps = 8
  const step = volatility / Math.sqrt(steps)
  let price = 100
  for (let i = 0; i < length; i++) {
    series.time[i] = start + i * timeframeMs(timeframe)
    series.open[i] = price
    let high = price
    let low = price
    for (let s = 0; s < steps; s++) {
      price *= Math.exp(step * random.normal())
      if (price > high) high = price
      if (price < low) low = price
    }
    series.high[i] = high
    series.low[i] = low
    series.close[i] = price
    series.volume[i] = 1_000_000 * Math.exp(volumeNoise * random.normal())
  }
  return series
}
