import type { BarSeries } from './bar-series.ts'
import { checkBars } from './check-series.ts'
import { ClimaxStream, runClimaxes } from './climax-stream.ts'
import { Journal } from './journal.ts'
import type { EngineObserver, RunObserver } from './observer.ts'
import { PatternDesk } from './pattern-desk.ts'
import { Pivots } from './pivots.ts'
import { RangeBook } from './range-book.ts'
import type { BarOutcome, SignalResult } from './signal.ts'
import { SignalDesk } from './signal-desk.ts'
import type { SignalSettings } from './signal-options.ts'
import { SignalReport } from './signal-report.ts'
import type { Thresholds } from './thresholds.ts'
import { VolumeAnalysis } from './volume-analysis.ts'
import { Wyckoff } from './wyckoff.ts'

/** Names of the stages as the observer hears them, in order. */
export const signalStages = ['volume', 'pivots', 'events', 'ranges', 'patterns', 'validation'] as const

/** Bars that are worked on at once: small enough for the cache, large enough for the compiler (see docs). */
const blockBars = 2048

/** The state of one run over one series, fed in blocks or bar by bar; both do the same work in the same order. */
export class SignalRun {
  private bars: BarSeries
  private readonly observer: RunObserver | undefined
  private readonly volume: VolumeAnalysis
  private readonly pivots = new Pivots()
  private readonly rules: Thresholds
  private readonly up: ClimaxStream
  private readonly down: ClimaxStream
  private readonly journal: Journal
  private readonly book: RangeBook
  private readonly wyckoff: Wyckoff
  private readonly patterns: PatternDesk
  private readonly desk: SignalDesk
  private readonly report: SignalReport
  private readonly widened: number[] = []
  private done = 0
  private timed = -1

  constructor(
    bars: BarSeries,
    settings: SignalSettings,
    observer: EngineObserver | undefined,
    expected: number | null,
  ) {
    const { thresholds } = settings
    this.bars = bars
    this.observer = observer?.runStarted({
      kind: 'signals',
      symbol: bars.symbol,
      timeframe: bars.timeframe,
      bars: expected,
      stages: signalStages,
      attributes: { preset: settings.preset },
    })
    this.volume = new VolumeAnalysis(expected ?? 256)
    this.rules = thresholds
    this.up = new ClimaxStream(1, thresholds)
    this.down = new ClimaxStream(-1, thresholds)
    this.journal = new Journal(bars, this.observer)
    this.patterns = new PatternDesk(thresholds, this.journal, this.volume)
    this.wyckoff = new Wyckoff(this.patterns, this.up, this.down)
    this.desk = new SignalDesk(settings, this.journal, this.volume)
    this.book = new RangeBook(thresholds, this.hooks(), this.volume, this.pivots)
    // By way of a name: V8 makes a function that is written into a property at once in the old generation, from where it
    // would keep the whole run until a full collection.
    const freed: Wyckoff['onFreed'] = () => {
      this.book.stale = true
    }
    const breakdown: Wyckoff['onBreakdown'] = (range, t, kind) =>
      this.desk.life.breakdown(this.bars, range, t, kind)
    this.wyckoff.onFreed = freed
    this.wyckoff.onBreakdown = breakdown
    this.report = new SignalReport(this.journal, this.volume, this.pivots, this.up, this.down, this.book)
  }

  /** The whole series, in blocks. */
  runAll(): void {
    try {
      const { length } = this.bars
      for (let first = 0; first < length; first += blockBars)
        this.block(first, Math.min(first + blockBars, length))
    } catch (error) {
      this.observer?.runEnded({ bars: this.done, error, untold: this.journal.untold() })
      throw error
    }
    this.end()
  }

  /** Remembers that bar `i` had its high or low moved to contain its open and close. */
  noteWidened(i: number): void {
    this.widened.push(i)
  }

  /** The bar that was added last. */
  runLast(): BarOutcome {
    const { observer } = this
    const bar = this.done
    if (observer !== undefined && bar % blockBars === 0) {
      if (bar > 0) observer.blockEnded(bar)
      this.timed = observer.blockStarted(bar, bar + blockBars)
    }
    if (observer !== undefined && this.timed === bar) {
      observer.barStarted(bar)
      this.columns(bar, bar + 1, observer)
      this.watchedBar(bar, observer)
      this.timed = observer.barEnded(bar)
    } else {
      this.columns(bar, bar + 1, undefined)
      this.structure(bar, bar + 1)
    }
    this.done = bar + 1
    return this.report.since(bar)
  }

  /**
   * The next bar of a series that is there already: as `runLast`, but the stages that need no more than the bars go over
   * a block before its first one, up to bar `end - 1`.
   */
  runNext(end: number): BarOutcome {
    const bar = this.done
    if (bar % blockBars === 0) {
      const blockEnd = Math.min(bar + blockBars, end)
      this.check(bar, blockEnd)
      this.columns(bar, blockEnd, undefined)
    }
    this.structure(bar, bar + 1)
    this.done = bar + 1
    return this.report.since(bar)
  }

  end(): void {
    this.observer?.runEnded({ bars: this.done, untold: this.journal.untold() })
  }

  /** `over` when no bar will follow. */
  result(over: boolean): SignalResult {
    return this.report.all(this.done, this.widened, over)
  }

  /** One of each kind of object that it has found. */
  specimens(): unknown[] {
    const { book, journal, up, down } = this
    const kinds = [book.ranges, journal.events, journal.patterns, journal.signals, journal.rejected]
    const all: (readonly unknown[])[] = [...kinds, up.zones, down.zones]
    return all.flatMap((some) => some.slice(0, 1))
  }

  private block(first: number, end: number): void {
    const { observer } = this
    if (observer === undefined) {
      this.check(first, end)
      this.columns(first, end, undefined)
      this.structure(first, end)
    } else this.watchedBlock(first, end, observer)
    this.done = end
  }

  private watchedBlock(first: number, end: number, observer: RunObserver): void {
    let timed = observer.blockStarted(first, end)
    this.check(first, end)
    this.columns(first, end, observer)
    let next = first
    while (timed >= next && timed < end) {
      this.structure(next, timed)
      observer.barStarted(timed)
      this.watchedBar(timed, observer)
      next = timed + 1
      timed = observer.barEnded(timed)
    }
    this.structure(next, end)
    observer.blockEnded(end)
  }

  /** Bars of a block, which come unchecked. */
  private check(first: number, end: number): void {
    this.bars = checkBars(this.bars, first, end, this.widened)
    this.journal.bars = this.bars
  }

  /** The stages that need no more than the bars: each over the whole block. */
  private columns(first: number, end: number, observer: RunObserver | undefined): void {
    const { bars } = this
    this.volume.run(bars, first, end)
    observer?.stageEnded(0)
    this.pivots.run(bars, first, end)
    observer?.stageEnded(1)
    runClimaxes(this.up, this.down, bars, this.volume, this.rules, first, end)
    observer?.stageEnded(2)
  }

  /** The stages that need the ranges, bar by bar. */
  private structure(first: number, end: number): void {
    const { bars } = this
    for (let t = first; t < end; t++) {
      this.ranges(bars, t)
      this.wyckoff.step(bars, this.book.live, t)
      if (this.patterns.candidates.length > 0) this.validation(bars)
    }
  }

  private watchedBar(t: number, observer: RunObserver): void {
    const { bars } = this
    this.ranges(bars, t)
    observer.stageEnded(3)
    this.wyckoff.step(bars, this.book.live, t)
    observer.stageEnded(4)
    this.validation(bars)
    observer.stageEnded(5)
  }

  private ranges(bars: BarSeries, t: number): void {
    this.journal.turn()
    if (!this.desk.life.quiet) this.desk.life.step(bars, t)
    this.book.step(bars, t)
  }

  private validation(bars: BarSeries): void {
    const { candidates } = this.patterns
    for (const candidate of candidates) this.desk.judge(bars, candidate)
    candidates.length = 0
  }

  private hooks(): ConstructorParameters<typeof RangeBook>[1] {
    const { journal, wyckoff } = this
    return {
      born(range, t) {
        journal.levels('RANGE_ACTIVE', range, t)
        wyckoff.adopt(range, t)
      },
      refreshed(range, t) {
        journal.levels('RANGE_REFRESHED', range, t)
        range.stale = true
      },
      ended(range, t, status, reason) {
        range.status = status
        range.statusReason = reason
        range.statusBar = t
        journal.status(range, t, status, reason)
        wyckoff.ended(range, t)
      },
    }
  }
}
