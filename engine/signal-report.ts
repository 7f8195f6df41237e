import type { BarFlag } from './bar-reader.ts'
import { splitGapFrac } from './bar-reader.ts'
import { rallyEvent } from './climax-stream.ts'
import type { ClimaxStream } from './climax-stream.ts'
import { IntList } from './int-list.ts'
import type { Journal } from './journal.ts'
import { phaseName } from './live-range.ts'
import type { LiveRange } from './live-range.ts'
import { phaseConfidence, subState } from './phase-confidence.ts'
import type { Pivots } from './pivots.ts'
import type { RangeBook } from './range-book.ts'
import type {
  BarOutcome,
  EventType,
  Fact,
  Funnel,
  Pattern,
  Rejection,
  Signal,
  SignalResult,
  TradingRange,
  WyckoffEvent,
} from './signal.ts'
import { volumeAt } from './volume-analysis.ts'
import type { VolumeAnalysis } from './volume-analysis.ts'

const upNames: readonly EventType[] = ['SC', 'AR', 'ST']
const downNames: readonly EventType[] = ['BC', 'AR_DOWN', 'ST_UP']
const abnormalVolume = 5
const abnormalSpread = 3

/** How much had been found at some moment. */
interface Mark {
  readonly up: number
  readonly down: number
  readonly events: number
  readonly facts: number
}

/** How many of a stream's events were known at bar `t`, of which `before` were at an earlier one. */
const known = ({ confirmed: { length, values } }: ClimaxStream, before: number, t: number): number => {
  let count = before
  while (count < length && values[count] <= t) count++
  return count
}

/** Makes what users see of what a run has found: long lists only when asked. */
export class SignalReport {
  private readonly journal: Journal
  private readonly volume: VolumeAnalysis
  private readonly pivots: Pivots
  private readonly up: ClimaxStream
  private readonly down: ClimaxStream
  private readonly book: RangeBook
  /** How much had been found at the end of each bar that found something, four counts each. */
  private readonly ends = new IntList()
  private rejections = 0
  /** Events of either stream that were known at the bar asked for last; a stream may have run ahead by a block. */
  private upKnown = 0
  private downKnown = 0

  constructor(
    journal: Journal,
    volume: VolumeAnalysis,
    pivots: Pivots,
    up: ClimaxStream,
    down: ClimaxStream,
    book: RangeBook,
  ) {
    this.journal = journal
    this.volume = volume
    this.pivots = pivots
    this.up = up
    this.down = down
    this.book = book
  }

  /** What bar `t` added since the bar before. */
  since(t: number): BarOutcome {
    const { journal, ends } = this
    const { length, values } = ends
    const up = (this.upKnown = known(this.up, this.upKnown, t))
    const down = (this.downKnown = known(this.down, this.downKnown, t))
    if (length === 0) {
      if (journal.facts.length + up + down === 0) return nothing
      for (let k = 0; k < 4; k++) ends.push(0)
    } else if (
      journal.facts.length === values[length - 1] &&
      up === values[length - 4] &&
      down === values[length - 3]
    )
      return nothing
    const before = ends.length - 4
    ends.push(up)
    ends.push(down)
    ends.push(journal.events.length)
    ends.push(journal.facts.length)
    const { changedPatterns, changedSignals, changedRanges, rejected } = journal
    const refused = rejected.length - this.rejections
    this.rejections = rejected.length
    return new BarFindings(
      this,
      before,
      changedPatterns.count === 0 ? none : changedPatterns.map(patternCopy),
      changedSignals.count === 0 ? none : changedSignals.map(signalCopy),
      refused === 0 ? none : rejected.slice(-refused),
      changedRanges.count === 0 ? none : changedRanges.map((range) => this.rangeOf(range, t)),
    )
  }

  /** How much had been found at a bar's end; `place` is its place in `ends`. */
  mark(place: number): Mark {
    const { values } = this.ends
    const [up, down, events, facts] = values.subarray(place, place + 4)
    return { up, down, events, facts }
  }

  /** Everything so far. When no bar can follow, records are given as they are; else copies that stay as they are. */
  all(bars: number, widened: readonly number[], over: boolean): SignalResult {
    const { journal, pivots, volume } = this
    const { up, down } = this
    const upTo = {
      up: up.at.length,
      down: down.at.length,
      events: journal.events.length,
      facts: journal.facts.length,
    }
    const last = bars - 1
    const flagged = widened.slice()
    const result = {
      symbol: journal.bars.symbol,
      timeframe: journal.bars.timeframe,
      bars,
      patterns: over ? journal.patterns : journal.patterns.map(patternCopy),
      signals: over ? journal.signals : journal.signals.map(signalCopy),
      rejected: over ? journal.rejected : [...journal.rejected],
      volumeOf: (bar: number) => volumeAt(volume, bar),
    }
    const ranges = (): TradingRange[] => this.book.ranges.map((range) => this.rangeOf(range, last))
    const rangesNow = over ? null : ranges()
    const funnelNow = over ? null : this.funnel(bars)
    const highs = pivots.highs.length
    const lows = pivots.lows.length
    return withLazy(result, {
      ranges: () => rangesNow ?? ranges(),
      funnel: () => funnelNow ?? this.funnel(bars),
      pivots: () => ({
        highs: pivots.highs.values.slice(0, highs),
        lows: pivots.lows.values.slice(0, lows),
      }),
      events: () => this.events(start, upTo),
      log: () => this.log(start, upTo),
      flags: () => this.flags(bars, flagged),
    })
  }

  private rangeOf(range: LiveRange, t: number): TradingRange {
    const { time } = this.journal.bars
    const { ice, creek, width } = range
    const phase = phaseName(range.phase)
    const confidence = phase === null ? null : phaseConfidence(range, t)
    return {
      ordinal: range.ordinal,
      startBar: range.first,
      startTime: time[range.first],
      activeBar: range.activeBar,
      activeTime: time[range.activeBar],
      endBar: range.last,
      endTime: time[range.last],
      durationBars: range.duration,
      version: range.version,
      status: range.status,
      statusReason: range.statusReason,
      statusBar: range.statusBar,
      bias: range.bias,
      phase,
      phaseConfidence: confidence,
      phaseBar: phase === null ? null : range.phaseBar,
      subState: subState(range, this.journal.bars, t),
      tradingAllowed: (phase === 'C' || phase === 'D' || phase === 'E') && confidence! >= 70,
      quality: range.quality,
      qualityParts: {
        duration: range.durationPoints,
        touches: range.touchPoints,
        tightness: range.tightnessPoints,
        drying: range.dryingPoints,
      },
      creek,
      ice,
      jump: range.jump,
      drop: range.drop,
      conservativeUp: creek.price + width,
      conservativeDown: ice.price - width,
      causeFactor: range.cause,
      widthFrac: width / ice.price,
    }
  }

  events(from: Mark, to: Mark): WyckoffEvent[] {
    const { time } = this.journal.bars
    const events = [
      ...this.streamEvents(this.up, from.up, to.up),
      ...this.streamEvents(this.down, from.down, to.down),
    ]
    for (let k = from.events; k < to.events; k++) {
      const { type, bar, confirmed, confidence, price, rangeStart } = this.journal.events[k]
      events.push({
        type,
        bar,
        time: time[bar],
        confirmedBar: confirmed,
        confirmedTime: time[confirmed],
        confidence,
        price,
        rangeStartTime: time[rangeStart],
      })
    }
    return events.sort((a, b) => a.confirmedBar - b.confirmedBar)
  }

  private streamEvents(stream: ClimaxStream, from: number, to: number): WyckoffEvent[] {
    const { bars } = this.journal
    const names = stream.direction === 1 ? upNames : downNames
    const [low, high] = stream.direction === 1 ? [bars.low, bars.high] : [bars.high, bars.low]
    const events: WyckoffEvent[] = []
    for (let k = from; k < to; k++) {
      const bar = stream.at.values[k]
      const confirmedBar = stream.confirmed.values[k]
      const kind = stream.kinds.values[k]
      events.push({
        type: names[kind],
        bar,
        time: bars.time[bar],
        confirmedBar,
        confirmedTime: bars.time[confirmedBar],
        confidence: stream.confidences.values[k],
        price: (kind === rallyEvent ? high : low)[bar],
        rangeStartTime: null,
      })
    }
    return events
  }

  log(from: Mark, to: Mark): Fact[] {
    const streams = [
      ...this.streamEvents(this.up, from.up, to.up),
      ...this.streamEvents(this.down, from.down, to.down),
    ]
    const { symbol, timeframe } = this.journal.bars
    const facts: Fact[] = streams.map((event) => ({
      kind: 'EVENT',
      bar: event.confirmedBar,
      time: event.confirmedTime,
      key: `${symbol}|${timeframe}|-|${event.type}|${event.time}`,
      data: { confidence: event.confidence, price: event.price },
    }))
    for (let k = from.facts; k < to.facts; k++) facts.push(this.journal.facts.at(k, this.journal.bars))
    return facts.sort((a, b) => a.bar - b.bar || a.time - b.time)
  }

  private flags(bars: number, widened: readonly number[]): BarFlag[] {
    const { open, close, volume } = this.journal.bars
    const { volumeRatio, spreadRatio } = this.volume
    const flags: BarFlag[] = widened.map((bar) => ({ bar, kind: 'widened' }))
    for (let bar = 0; bar < bars; bar++) {
      if (bar > 0 && Math.abs(open[bar] / close[bar - 1] - 1) >= splitGapFrac)
        flags.push({ bar, kind: 'gap' })
      if (volume[bar] === 0) flags.push({ bar, kind: 'zero_volume' })
      if (volumeRatio[bar] > abnormalVolume) flags.push({ bar, kind: 'abnormal_volume' })
      if (spreadRatio[bar] > abnormalSpread) flags.push({ bar, kind: 'abnormal_spread' })
    }
    if (bars <= 25) flags.push({ bar: bars, kind: 'too_few_bars' })
    return flags.sort((a, b) => a.bar - b.bar)
  }

  private funnel(bars: number): Funnel {
    const { journal, book, up, down } = this
    const events: Partial<Record<EventType, number>> = {}
    const count = (type: EventType): void => {
      events[type] = (events[type] ?? 0) + 1
    }
    for (let k = 0; k < up.kinds.length; k++) count(upNames[up.kinds.values[k]])
    for (let k = 0; k < down.kinds.length; k++) count(downNames[down.kinds.values[k]])
    for (const { type } of journal.events) count(type)
    const patterns = { SPRING: 0, SOS: 0, LPS: 0, UTAD: 0 }
    let lowConfidence = 0
    let lapsed = 0
    for (const { type, status } of journal.patterns) {
      patterns[type]++
      if (status === 'low_confidence') lowConfidence++
      if (status === 'lapsed') lapsed++
    }
    const rejected = { PRECHECK: 0, VOLUME: 0, PHASE: 0, LEVELS: 0, RISK: 0, STRATEGY: 0 }
    for (const { stage } of journal.rejected) rejected[stage]++
    const signals = { SPRING: 0, SOS: 0, LPS: 0, UTAD: 0 }
    for (const { patternType } of journal.signals) signals[patternType]++
    return {
      bars,
      rangeCandidates: book.candidatesSeen,
      qualifiedCandidates: book.candidatesQualified,
      rangesActive: book.ranges.length,
      events,
      phases: { ...journal.phases },
      patterns,
      lowConfidence,
      lapsed,
      candidates: journal.rejected.length + journal.signals.length,
      rejected,
      signals,
    }
  }
}

type Makers = Record<string, () => unknown>

/** Where a result keeps what makes its lazy properties. */
const makersKey = Symbol('makers')

interface Lazy {
  [makersKey]: { readonly makers: Makers; readonly made: Record<string, unknown> }
}

/** One getter for each name: a getter of each result's own would be in V8's old generation, and keep its run there. */
const getters = new Map<string, (this: Lazy) => unknown>()

function getterOf(name: string): (this: Lazy) => unknown {
  let getter = getters.get(name)
  if (getter === undefined) {
    getter = function () {
      const { makers, made } = this[makersKey]
      return (made[name] ??= makers[name]())
    }
    getters.set(name, getter)
  }
  return getter
}

/** Adds own properties that are worked out when first read. */
const withLazy = <T extends object, L extends Makers>(
  target: T,
  makers: L,
): T & { [K in keyof L]: ReturnType<L[K]> } => {
  Object.defineProperty(target, makersKey, { value: { makers, made: {} } })
  for (const name of Object.keys(makers))
    Object.defineProperty(target, name, { enumerable: true, get: getterOf(name) })
  return target as T & { [K in keyof L]: ReturnType<L[K]> }
}

const signalCopy = (signal: Signal): Signal => ({ ...signal, pattern: { ...signal.pattern } })

const patternCopy = (pattern: Pattern): Pattern => ({ ...pattern })

const start: Mark = { up: 0, down: 0, events: 0, facts: 0 }

const none: readonly never[] = Object.freeze([])

/** The answer of every bar that found nothing. */
const nothing: BarOutcome = Object.freeze({
  patterns: none,
  signals: none,
  rejected: none,
  ranges: none,
  events: none,
  log: none,
})

/** What a bar found. Events and log never change once written, so they are made when somebody reads them. */
class BarFindings implements BarOutcome {
  readonly patterns: readonly Pattern[]
  readonly signals: readonly Signal[]
  readonly rejected: readonly Rejection[]
  readonly ranges: readonly TradingRange[]
  readonly #report: SignalReport
  readonly #before: number

  constructor(
    report: SignalReport,
    before: number,
    patterns: readonly Pattern[],
    signals: readonly Signal[],
    rejected: readonly Rejection[],
    ranges: readonly TradingRange[],
  ) {
    this.patterns = patterns
    this.signals = signals
    this.rejected = rejected
    this.ranges = ranges
    this.#report = report
    this.#before = before
  }

  get events(): readonly WyckoffEvent[] {
    return this.#report.events(this.#report.mark(this.#before), this.#report.mark(this.#before + 4))
  }

  get log(): readonly Fact[] {
    return this.#report.log(this.#report.mark(this.#before), this.#report.mark(this.#before + 4))
  }

  toJSON(): BarOutcome {
    const { patterns, signals, rejected, ranges, events, log } = this
    return { patterns, signals, rejected, ranges, events, log }
  }
}
