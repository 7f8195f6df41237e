import { checkBars } from './check-series.ts'
import type { BarSeries } from './bar-series.ts'
import type { EngineObserver, RunObserver } from './observer.ts'
import { Pivots } from './pivots.ts'
import type { BarOutcome, SignalResult } from './signal.ts'
import type { SignalSettings } from './signal-options.ts'
import { VolumeAnalysis, volumeAt } from './volume-analysis.ts'

/** Names of the stages as the observer hears them. */
export const signalStages = ['volume', 'pivots'] as const

/** Bars that are worked on at once: small enough for the cache, large enough for the compiler (see docs). */
const blockBars = 2048

/** The state of one run over one series, fed in blocks or bar by bar; both do the same work in the same order. */
export class SignalRun {
  private bars: BarSeries
  private readonly observer: RunObserver | undefined
  private readonly volume: VolumeAnalysis
  private readonly pivots = new Pivots()
  private readonly widened: number[] = []
  private done = 0
  private timed = -1

  constructor(
    bars: BarSeries,
    settings: SignalSettings,
    observer: EngineObserver | undefined,
    expected: number | null,
  ) {
    this.bars = bars
    this.volume = new VolumeAnalysis(expected ?? 256)
    this.observer = observer?.runStarted({
      kind: 'signals',
      symbol: bars.symbol,
      timeframe: bars.timeframe,
      bars: expected,
      stages: signalStages,
      attributes: { preset: settings.preset },
    })
  }

  /** The whole series, in blocks. */
  runAll(): void {
    try {
      const { length } = this.bars
      for (let first = 0; first < length; first += blockBars)
        this.block(first, Math.min(first + blockBars, length))
    } catch (error) {
      this.observer?.runEnded({ bars: this.done, error })
      throw error
    }
    this.end()
  }

  /** The bar that was added last. */
  runLast(): BarOutcome {
    const { observer } = this
    const bar = this.done
    if (observer !== undefined && bar % blockBars === 0) {
      if (bar > 0) observer.blockEnded(bar)
      this.timed = observer.blockStarted(bar, bar + blockBars)
    }
    const watched = this.timed === bar ? observer : undefined
    watched?.barStarted(bar)
    this.columns(bar, bar + 1, watched)
    if (watched !== undefined) this.timed = watched.barEnded(bar)
    this.done = bar + 1
    return nothingAt(bar)
  }

  end(): void {
    this.observer?.runEnded({ bars: this.done })
  }

  result(): SignalResult {
    const { bars, volume, pivots, done } = this
    return {
      symbol: bars.symbol,
      timeframe: bars.timeframe,
      bars: done,
      patterns: [],
      signals: [],
      rejected: [],
      ranges: [],
      events: [],
      log: [],
      flags: this.widened.map((bar) => ({ bar, kind: 'widened' })),
      funnel: emptyFunnel(done),
      pivots: {
        highs: pivots.highs.values.slice(0, pivots.highs.length),
        lows: pivots.lows.values.slice(0, pivots.lows.length),
      },
      volumeOf: (bar) => volumeAt(volume, bar),
    }
  }

  private block(first: number, end: number): void {
    const { observer } = this
    if (observer === undefined) this.columns(first, end, undefined)
    else this.watchedBlock(first, end, observer)
    this.done = end
  }

  private watchedBlock(first: number, end: number, observer: RunObserver): void {
    let timed = observer.blockStarted(first, end)
    this.columns(first, end, observer)
    while (timed >= first && timed < end) {
      observer.barStarted(timed)
      timed = observer.barEnded(timed)
    }
    observer.blockEnded(end)
  }

  /** The stages that need no more than the bars: each over the whole block. */
  private columns(first: number, end: number, observer: RunObserver | undefined): void {
    this.bars = checkBars(this.bars, first, end, this.widened)
    this.volume.run(this.bars, first, end)
    observer?.stageEnded(0)
    this.pivots.run(this.bars, first, end)
    observer?.stageEnded(1)
  }
}

const nothingAt = (bar: number): BarOutcome => ({
  bar,
  patterns: [],
  signals: [],
  rejected: [],
  ranges: [],
  events: [],
  log: [],
})

const emptyFunnel = (bars: number): SignalResult['funnel'] => ({
  bars,
  rangeCandidates: 0,
  qualifiedCandidates: 0,
  rangesActive: 0,
  events: {},
  phases: { A: 0, B: 0, C: 0, D: 0, E: 0 },
  patterns: { SPRING: 0, SOS: 0, LPS: 0, UTAD: 0 },
  lowConfidence: 0,
  lapsed: 0,
  candidates: 0,
  rejected: { PRECHECK: 0, VOLUME: 0, PHASE: 0, LEVELS: 0, RISK: 0, STRATEGY: 0 },
  signals: { SPRING: 0, SOS: 0, LPS: 0, UTAD: 0 },
})
