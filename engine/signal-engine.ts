import { BarColumns, checkSeriesName } from './bar-columns.ts'
import type { Bar, BarSeries, Timeframe } from './bar-series.ts'
import { barFault, needsWidening } from './check-bar.ts'
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
          checkNext(columns, bar)
          const { time, open, high, low, close, volume } = bar
          if (needsWidening(open, high, low, close)) analysis.noteWidened(columns.length)
          columns.add(time, open, Math.max(high, open, close), Math.min(low, open, close), close, volume)
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

const checkNext = (columns: BarColumns, bar: Bar & { symbol?: string }): void => {
  const i = columns.length
  if (bar.symbol !== undefined && bar.symbol !== columns.symbol)
    throw new EngineError(
      'symbol_mismatch',
      `bar ${i} is of ${bar.symbol}, the session of ${columns.symbol}`,
      {
        bar: i,
      },
    )
  const fault = barFault(bar.time, bar.open, bar.high, bar.low, bar.close, bar.volume)
  if (fault !== null) throw new EngineError('invalid_bar', `bar ${i}: ${fault}`, { bar: i })
  if (i > 0 && bar.time <= columns.time[i - 1])
    throw new EngineError(
      'unsorted_bar',
      `bar ${i}: time ${bar.time} is not after ${columns.time[i - 1]}, the bar before it`,
      { bar: i },
    )
}
