import type { BarSeries, Timeframe } from './bar-series.ts'
import type { Random } from './generator-random.ts'
import { timeframeMs } from './resample.ts'

/** How a bar of a scripted structure looks, in the tape's frame (see `Tape`). */
export interface Shape {
  /** Volume divided by the mean of the 20 bars before. */
  ratio: number
  /** Spread divided by the mean of the 20 bars before. */
  spread?: number
  /** Where it closes within its own spread, 0 to 1, seen in the frame. */
  close?: number
}

const window = 20
const usualVolume = 1_000_000

/**
 * Writes bars one after the other, in a frame: a level of 1 is the support of the structure being written, and
 * levels are multiples of it. In a mirrored frame 1 is the resistance and the price is `base / level`, so that one
 * script writes accumulation and, mirrored, distribution.
 */
export class Tape {
  length = 0
  readonly random: Random
  readonly #columns: Record<'time' | 'open' | 'high' | 'low' | 'close' | 'volume', Float64Array>
  readonly #start: number
  readonly #step: number
  #base = 100
  #mirrored = false

  constructor(random: Random, capacity: number, start: number, timeframe: Timeframe) {
    this.random = random
    const column = () => new Float64Array(capacity)
    this.#columns = {
      time: column(),
      open: column(),
      high: column(),
      low: column(),
      close: column(),
      volume: column(),
    }
    this.#start = start
    this.#step = timeframeMs(timeframe)
  }

  get mirrored(): boolean {
    return this.#mirrored
  }

  /** The next bar's index. */
  get next(): number {
    return this.length
  }

  setFrame(base: number, mirrored: boolean): void {
    this.#base = base
    this.#mirrored = mirrored
  }

  price(level: number): number {
    return this.#mirrored ? this.#base / level : this.#base * level
  }

  level(price: number): number {
    return this.#mirrored ? this.#base / price : price / this.#base
  }

  /** The last close, as a level. Before the first bar: 1.35. */
  get last(): number {
    return this.length === 0 ? 1.35 : this.level(this.#columns.close[this.length - 1])
  }

  volumeAt(bar: number): number {
    return this.#columns.volume[bar]
  }

  put(low: number, high: number, open: number, close: number, volume: number): void {
    const i = this.length++
    const c = this.#columns
    const a = this.price(low)
    const b = this.price(high)
    c.time[i] = this.#start + i * this.#step
    c.low[i] = Math.min(a, b)
    c.high[i] = Math.max(a, b)
    c.open[i] = clamp(this.price(open), c.low[i], c.high[i])
    c.close[i] = clamp(this.price(close), c.low[i], c.high[i])
    c.volume[i] = volume
  }

  /** A bar like any other, closing at `close`: short wicks, and never more than 1.08 times the usual volume. */
  ordinary(close: number): void {
    const open = this.last
    const wick = () => 1 + this.random.between(0.002, 0.004)
    const mean = this.#meanVolume()
    const drawn = usualVolume * Math.exp(this.random.between(-0.2, 0.2))
    const volume = mean > usualVolume / 2 ? Math.min(drawn, 1.08 * mean) : drawn
    this.put(Math.min(open, close) / wick(), Math.max(open, close) * wick(), open, close, volume)
  }

  /** `bars` ordinary bars, the last of which closes near `level`. */
  swing(bars: number, level: number): void {
    const from = this.last
    for (let k = 1; k <= bars; k++) {
      const noise = 1 + this.random.between(-0.0015, 0.0015)
      this.ordinary((from + ((level - from) * k) / bars) * noise)
    }
  }

  /** A bar whose low is exactly `low`. Answers with its index. */
  low(low: number, { ratio, spread = 1.05, close = 0.75 }: Shape): number {
    const range = spread * this.#meanSpread(low)
    this.put(low, low + range, this.last, low + close * range, ratio * this.#meanVolume())
    return this.length - 1
  }

  /** A bar whose high is exactly `high`. */
  high(high: number, { ratio, spread = 1.05, close = 0.25 }: Shape): number {
    const range = spread * this.#meanSpread(high)
    this.put(high - range, high, this.last, high - range + close * range, ratio * this.#meanVolume())
    return this.length - 1
  }

  /** A bar that closes exactly at `close`. */
  closing(at: number, { ratio, spread = 1.05, close = 0.5 }: Shape): number {
    const range = spread * this.#meanSpread(at)
    const low = at - close * range
    this.put(low, low + range, this.last, at, ratio * this.#meanVolume())
    return this.length - 1
  }

  /** The first `length` bars. */
  series(symbol: string, timeframe: Timeframe, length: number): BarSeries {
    const c = this.#columns
    return {
      symbol,
      timeframe,
      length,
      time: c.time.slice(0, length),
      open: c.open.slice(0, length),
      high: c.high.slice(0, length),
      low: c.low.slice(0, length),
      close: c.close.slice(0, length),
      volume: c.volume.slice(0, length),
    }
  }

  #meanVolume(): number {
    let sum = 0
    const first = Math.max(0, this.length - window)
    for (let i = first; i < this.length; i++) sum += this.#columns.volume[i]
    return sum / Math.max(1, this.length - first)
  }

  /** The mean spread of the last bars, in levels around `level`. */
  #meanSpread(level: number): number {
    let sum = 0
    const first = Math.max(0, this.length - window)
    for (let i = first; i < this.length; i++) sum += this.#columns.high[i] - this.#columns.low[i]
    return (sum / Math.max(1, this.length - first) / this.price(level)) * level
  }
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value))
}
