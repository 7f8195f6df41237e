import { BarColumns } from './bar-columns.ts'
import type { Bar, BarSeries, Timeframe } from './bar-series.ts'
import { barFault, needsWidening } from './check-bar.ts'
import { EngineError } from './engine-error.ts'
import type { EngineErrorCode, RejectedRow } from './engine-error.ts'

/** Something about a bar worth knowing that does not keep it out. `bar` is its index in the series. */
export interface BarFlag {
  readonly bar: number
  readonly kind: 'widened' | 'gap' | 'zero_volume' | 'abnormal_volume' | 'abnormal_spread' | 'too_few_bars'
}

/** An open this far from the close before, as a fraction of that close, may be an unadjusted split (method 2). */
export const splitGapFrac = 0.4

export interface ReadOptions {
  readonly symbol: string
  readonly timeframe: Timeframe
  /** Leave bad rows out and report them instead of throwing. */
  readonly skipBad?: boolean
}

export interface ReadResult {
  readonly bars: BarSeries
  readonly rejected: readonly RejectedRow[]
  readonly flags: readonly BarFlag[]
}

/** Takes rows one by one, oldest first, and keeps what is wrong with each. Shared by every reader of bars. */
export class BarReader {
  private readonly columns: BarColumns
  private readonly rejected: RejectedRow[] = []
  private readonly flags: BarFlag[] = []
  private readonly skipBad: boolean

  constructor(options: ReadOptions, capacity: number) {
    this.columns = new BarColumns(options.symbol, options.timeframe, Math.max(1, capacity))
    this.skipBad = options.skipBad ?? false
  }

  reject(row: number, reason: string): void {
    this.rejected.push({ row, reason })
  }

  take(
    row: number,
    time: number,
    open: number,
    high: number,
    low: number,
    close: number,
    volume: number,
  ): void {
    const { columns } = this
    const fault = barFault(time, open, high, low, close, volume)
    if (fault !== null) return this.reject(row, fault)
    const bar = columns.length
    if (bar > 0 && time <= columns.time[bar - 1]) {
      const said = time === columns.time[bar - 1] ? 'repeats' : 'lies before'
      return this.reject(row, `time ${time} ${said} the time of the bar before it`)
    }
    if (needsWidening(open, high, low, close)) this.flags.push({ bar, kind: 'widened' })
    if (bar > 0 && Math.abs(open / columns.close[bar - 1] - 1) >= splitGapFrac)
      this.flags.push({ bar, kind: 'gap' })
    if (volume === 0) this.flags.push({ bar, kind: 'zero_volume' })
    columns.add(time, open, Math.max(high, open, close), Math.min(low, open, close), close, volume)
  }

  /** @throws EngineError `code`, naming every bad row, unless bad rows are to be skipped. */
  done(code: EngineErrorCode): ReadResult {
    const { rejected, columns, flags } = this
    if (rejected.length > 0 && !this.skipBad) {
      const shown = rejected.slice(0, 10).map(({ row, reason }) => `row ${row}: ${reason}`)
      const more = rejected.length > 10 ? `; and ${rejected.length - 10} more` : ''
      throw new EngineError(code, `${rejected.length} bad rows: ${shown.join('; ')}${more}`, {
        rows: rejected,
      })
    }
    return { bars: columns.series(), rejected, flags }
  }
}

/**
 * Bars from rows, oldest first. A row that carries a `symbol` of another series is rejected.
 * @throws EngineError `invalid_rows` naming every bad row (rows count from 1) unless `skipBad`.
 */
export const readBars = (rows: Iterable<Bar & { symbol?: string }>, options: ReadOptions): ReadResult => {
  const reader = new BarReader(options, 256)
  let row = 0
  for (const bar of rows) {
    row++
    if (typeof bar !== 'object' || (bar as unknown) === null) reader.reject(row, 'is not a bar')
    else if (bar.symbol !== undefined && bar.symbol !== options.symbol)
      reader.reject(row, `symbol ${bar.symbol} is not ${options.symbol}`)
    else reader.take(row, bar.time, bar.open, bar.high, bar.low, bar.close, bar.volume)
  }
  return reader.done('invalid_rows')
}
