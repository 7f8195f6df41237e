import { BarColumns, checkSeriesName } from './bar-columns.ts'
import type { Bar, BarSeries, Timeframe } from './bar-series.ts'
import { barFault, isPlainBar } from './check-bar.ts'
import { checkSeriesShape } from './check-series.ts'
import { EngineError } from './engine-error.ts'
import type { EngineObserver } from './observer.ts'
import type { BarOutcome, SignalResult } from './signal.ts'
import { readSignalOptions } from './signal-options.ts'
import type { SignalOptions } from './signal-options.ts'
import { SignalRun } from './signal-run.ts'

export interface Run {
  readonly observer?: EngineObserver | undefined
}

export interface SignalEngine {
  /**
   * All signals of a series, from its first bar.
   * @throws EngineError naming the first bar that is not one.
   */
  generate(bars: BarSeries, run?: Run): SignalResult
  /** The same, one bar at a time. */
  open(series: { symbol: string; timeframe: Timeframe }, run?: Run): SignalSession
}

export interface SignalSession {
  /**
   * Takes the next bar and answers with what it added or changed. A bar that is refused leaves the session as it
   * was.
   * @throws EngineError for a bar that is none, is not later than the one before, or names another symbol.
   */
  push(bar: Bar & { symbol?: string }): BarOutcome
  /** Everything so far, as `generate` would answer for the same bars. */
  result(): SignalResult
  /** Ends the observed run. May be called twice; `push` afterwards throws. */
  close(): void
}

/** @throws EngineError `invalid_option` with a sentence that says what to change. */
export const createSignalEngine = (options: SignalOptions = {}): SignalEngine => {
  const settings = readSignalOptions(options)
  return {
    generate(bars, run = {}) {
      checkSeriesShape(bars)
      const analysis = new SignalRun(bars, settings, run.observer, bars.length)
      analysis.runAll()
      return analysis.result()
    },
    open({ symbol, timeframe }, run = {}) {
      checkSeriesName(symbol, timeframe)
      const columns = new BarColumns(symbol, timeframe)
      const analysis = new SignalRun(columns, settings, run.observer, null)
      let closed = false
      return {
        push(bar) {
          if (closed) throw new EngineError('invalid_option', 'the session is closed; open another')
          const i = columns.length
          const { symbol } = bar
          if (symbol !== undefined && symbol !== columns.symbol) throw ofOtherSeries(columns, symbol)
          columns.put(bar)
          if (!isPlainBar(columns, i)) {
            const { time, open, high, low, close, volume } = bar
            const fault = barFault(time, open, high, low, close, volume)
            if (fault !== null) throw new EngineError('invalid_bar', `bar ${i}: ${fault}`, { bar: i })
            columns.high[i] = Math.max(high, open, close)
            columns.low[i] = Math.min(low, open, close)
            analysis.noteWidened(i)
          }
          if (i > 0 && columns.time[i] <= columns.time[i - 1]) throw unsorted(columns)
          columns.keep()
          return analysis.runLast()
        },
        result: () => analysis.result(),
        close() {
          if (!closed) analysis.end()
          closed = true
        },
      }
    },
  }
}

const ofOtherSeries = ({ length, symbol }: BarColumns, other: string): EngineError =>
  new EngineError('symbol_mismatch', `bar ${length} is of ${other}, the session of ${symbol}`, {
    bar: length,
  })

const unsorted = ({ length, time }: BarColumns): EngineError =>
  new EngineError(
    'unsorted_bar',
    `bar ${length}: time ${time[length]} is not after ${time[length - 1]}, the bar before it`,
    { bar: length },
  )
