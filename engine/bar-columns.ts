import type { Bar, BarSeries, Timeframe } from './bar-series.ts'
import { timeframes } from './bar-series.ts'
import { EngineError } from './engine-error.ts'
import { grownColumn, grownLength } from './grown-column.ts'

/** A series that grows: columns grow by a factor when full, so that adding a bar costs no allocation of its own. */
export class BarColumns implements BarSeries {
  readonly symbol: string
  readonly timeframe: Timeframe
  length = 0
  time: Float64Array
  open: Float64Array
  high: Float64Array
  low: Float64Array
  close: Float64Array
  volume: Float64Array

  constructor(symbol: string, timeframe: Timeframe, capacity = 256) {
    checkSeriesName(symbol, timeframe)
    this.symbol = symbol
    this.timeframe = timeframe
    this.time = new Float64Array(capacity)
    this.open = new Float64Array(capacity)
    this.high = new Float64Array(capacity)
    this.low = new Float64Array(capacity)
    this.close = new Float64Array(capacity)
    this.volume = new Float64Array(capacity)
  }

  /** Adds a bar that has already been checked. */
  add(time: number, open: number, high: number, low: number, close: number, volume: number): void {
    const i = this.length
    if (i === this.time.length) this.grow()
    this.time[i] = time
    this.open[i] = open
    this.high[i] = high
    this.low[i] = low
    this.close[i] = close
    this.volume[i] = volume
    this.length = i + 1
  }

  /** Writes a bar behind the last one without counting it, so that it can be checked first; `keep` counts it. */
  put(bar: Bar): void {
    const i = this.length
    if (i === this.time.length) this.grow()
    this.time[i] = bar.time
    this.open[i] = bar.open
    this.high[i] = bar.high
    this.low[i] = bar.low
    this.close[i] = bar.close
    this.volume[i] = bar.volume
  }

  keep(): void {
    this.length++
  }

  /** The bars so far, in columns of exactly that length that share this series' memory. */
  series(): BarSeries {
    const { symbol, timeframe, length } = this
    const cut = (column: Float64Array): Float64Array => column.subarray(0, length)
    return {
      symbol,
      timeframe,
      length,
      time: cut(this.time),
      open: cut(this.open),
      high: cut(this.high),
      low: cut(this.low),
      close: cut(this.close),
      volume: cut(this.volume),
    }
  }

  private grow(): void {
    const length = grownLength(this.time.length)
    this.time = grownColumn(this.time, length)
    this.open = grownColumn(this.open, length)
    this.high = grownColumn(this.high, length)
    this.low = grownColumn(this.low, length)
    this.close = grownColumn(this.close, length)
    this.volume = grownColumn(this.volume, length)
  }
}

export const barAt = (bars: BarSeries, i: number): Bar => ({
  time: bars.time[i],
  open: bars.open[i],
  high: bars.high[i],
  low: bars.low[i],
  close: bars.close[i],
  volume: bars.volume[i],
})

/** Throws unless this may name a series: a symbol of 1 to 20 printable characters and a known timeframe. */
export function checkSeriesName(symbol: string, timeframe: string): asserts timeframe is Timeframe {
  if (typeof symbol !== 'string' || !/^[\x21-\x7e]{1,20}$/.test(symbol))
    throw new EngineError('invalid_option', 'symbol must be 1 to 20 printable characters without spaces')
  if (!(timeframes as readonly string[]).includes(timeframe))
    throw new EngineError('invalid_option', `timeframe must be one of ${timeframes.join(' ')}`)
}
