import { BarColumns } from './bar-columns.ts'
import type { Bar, BarSeries, Timeframe } from './bar-series.ts'
import { barFault, isPlainBar } from './check-bar.ts'
import { checkSeriesShape } from './check-series.ts'
import { EngineError } from './engine-error.ts'
import type { EngineObserver } from './observer.ts'
import type { BarOutcome, SignalResult } from './signal.ts'
import { readSignalOptions } from './signal-options.ts'
import type { SignalOptions, SignalSettings } from './signal-options.ts'
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
  /** The same for bars 0 to `end - 1` of a series that is there already: cheaper, as nothing is copied. */
  follow(bars: BarSeries, end?: number): SignalFollower
}

export interface SignalFollower {
  /**
   * What the next bar of the series added or changed, as `push` would answer.
   * @throws EngineError for a bar that is none, up to a block before its turn.
   */
  next(): BarOutcome
  /** Nobody will ask again. */
  close(): void
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
export const createSignalEngine = (options: SignalOptions = {}): SignalEngine =>
  new Engine(readSignalOptions(options))

class Engine implements SignalEngine {
  private readonly settings: SignalSettings

  constructor(settings: SignalSettings) {
    this.settings = settings
    if (kept.session !== null) return
    kept.session = new Session(new BarColumns('-', '1d', 1), settings, undefined)
    kept.outcome = kept.session.push({ time: 0, open: 1.5, high: 1.5, low: 1.5, close: 1.5, volume: 1.5 })
    kept.session.close()
  }

  generate(bars: BarSeries, run: Run = {}): SignalResult {
    checkSeriesShape(bars)
    const analysis = new SignalRun(bars, this.settings, run.observer, bars.length)
    analysis.runAll()
    kept.keepOf(analysis)
    return analysis.result(true)
  }

  open({ symbol, timeframe }: { symbol: string; timeframe: Timeframe }, run: Run = {}): SignalSession {
    return new Session(new BarColumns(symbol, timeframe), this.settings, run.observer)
  }

  follow(bars: BarSeries, end = bars.length): SignalFollower {
    checkSeriesShape(bars)
    return new Follower(new SignalRun(bars, this.settings, undefined, bars.length), end)
  }
}

/**
 * One object of each kind that runs are made of. V8 forgets a class's layout at a full collection that finds no
 * instance, and with it all machine code made for it: an engine at rest would be cold after each (decision 14). They are
 * those of the process, as a backtest makes an engine of its own for each run.
 */
class Specimens {
  session: SignalSession | null = null
  outcome: BarOutcome | null = null
  private found: readonly unknown[] = []

  keepOf(run: SignalRun): void {
    const found = run.specimens()
    if (found.length > this.found.length) this.found = found
  }
}

const kept = new Specimens()

class Follower implements SignalFollower {
  private readonly analysis: SignalRun
  private readonly end: number

  constructor(analysis: SignalRun, end: number) {
    this.analysis = analysis
    this.end = end
  }

  next(): BarOutcome {
    return this.analysis.runNext(this.end)
  }

  close(): void {
    kept.keepOf(this.analysis)
  }
}

class Session implements SignalSession {
  private readonly columns: BarColumns
  private readonly analysis: SignalRun
  private closed = false

  constructor(columns: BarColumns, settings: SignalSettings, observer: EngineObserver | undefined) {
    this.columns = columns
    this.analysis = new SignalRun(columns, settings, observer, null)
  }

  push(bar: Bar & { symbol?: string }): BarOutcome {
    const { columns, analysis } = this
    if (this.closed) throw new EngineError('invalid_option', 'the session is closed; open another')
    const i = columns.length
    const { symbol } = bar
    if (symbol !== undefined && symbol !== columns.symbol) throw ofOtherSeries(columns, symbol)
    columns.put(bar)
    const plain = isPlainBar(columns, i)
    if (!plain) {
      const { time, open, high, low, close, volume } = bar
      const fault = barFault(time, open, high, low, close, volume)
      if (fault !== null) throw new EngineError('invalid_bar', `bar ${i}: ${fault}`, { bar: i })
    }
    if (i > 0 && columns.time[i] <= columns.time[i - 1]) throw unsorted(columns)
    if (!plain) {
      columns.high[i] = Math.max(bar.high, bar.open, bar.close)
      columns.low[i] = Math.min(bar.low, bar.open, bar.close)
      analysis.noteWidened(i)
    }
    columns.keep()
    return analysis.runLast()
  }

  result(): SignalResult {
    return this.analysis.result(false)
  }

  close(): void {
    if (this.closed) return
    this.closed = true
    this.analysis.end()
    kept.keepOf(this.analysis)
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
