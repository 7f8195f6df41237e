import type { BarSeries } from './bar-series.ts'
import { Changes } from './changes.ts'
import { FactTape, kinds } from './fact-tape.ts'
import type { LiveRange } from './live-range.ts'
import type { ObservedFact, RunObserver } from './observer.ts'
import type { Draft } from './draft.ts'
import type { EventType, Fact, Pattern, Phase, Rejection, Signal, SignalStatus } from './signal.ts'

/** An event that only a range can have. */
interface RangeEvent {
  readonly type: EventType
  readonly bar: number
  readonly confirmed: number
  readonly confidence: number
  readonly price: number
  /** First bar of its range. */
  readonly rangeStart: number
}

/** Everything a run finds out, in the order in which it became known. */
export class Journal {
  readonly facts = new FactTape()
  readonly events: RangeEvent[] = []
  readonly patterns: Draft<Pattern>[] = []
  readonly signals: Draft<Signal>[] = []
  readonly rejected: Rejection[] = []
  /** How often each phase began. */
  readonly phases = { A: 0, B: 0, C: 0, D: 0, E: 0 }
  /** What the current bar changed, be it new or of an earlier bar. */
  readonly changedRanges = new Changes<LiveRange>()
  readonly changedPatterns = new Changes<Draft<Pattern>>()
  readonly changedSignals = new Changes<Draft<Signal>>()
  /** The series' columns; the run keeps this current. */
  bars: BarSeries
  private readonly observer: RunObserver | undefined
  /** By code of kind: 1 when the observer has had enough of them, and how many it was not told since. */
  private readonly enough = new Uint8Array(kinds.length)
  private readonly counted = new Float64Array(kinds.length)

  constructor(bars: BarSeries, observer: RunObserver | undefined) {
    this.bars = bars
    this.observer = observer
  }

  /** A new bar begins: nothing has changed on it yet. */
  turn(): void {
    this.changedRanges.clear()
    this.changedPatterns.clear()
    this.changedSignals.clear()
  }

  levels(kind: 'RANGE_ACTIVE' | 'RANGE_REFRESHED', range: LiveRange, t: number): void {
    const { facts } = this
    const { ice, creek } = range
    this.changedRanges.add(range)
    facts.head(kind, t, range.first, 'RANGE', range.first, 'levels')
    facts.number(range.last)
    facts.number(range.version)
    facts.number(range.quality)
    facts.number(ice.price)
    facts.number(ice.strength)
    facts.number(creek.price)
    facts.number(creek.strength)
    facts.number(range.jump)
    facts.number(range.drop)
    if (kind === 'RANGE_ACTIVE') this.tell()
  }

  status(range: LiveRange, t: number, status: string, reason: string | null): void {
    this.changedRanges.add(range)
    this.facts.head('RANGE_STATUS', t, range.first, status, range.first, 'reason')
    this.facts.text(reason)
    this.tell()
  }

  bias(range: LiveRange, t: number): void {
    this.changedRanges.add(range)
    this.facts.head('RANGE_STATUS', t, range.first, 'BIAS', range.first, 'bias')
    this.facts.text(range.bias)
    this.tell()
  }

  left(range: LiveRange, t: number, reason: string, upwards: boolean): void {
    this.changedRanges.add(range)
    this.facts.head('RANGE_STATUS', t, range.first, 'BREAKOUT', range.first, 'left')
    this.facts.text(reason)
    this.facts.flag(upwards)
    this.tell()
  }

  /** `confidence` is null without a phase. */
  phase(
    range: LiveRange,
    t: number,
    from: Phase | null,
    to: Phase | null,
    confidence: number | null,
    reason: string,
  ): void {
    if (to !== null) this.phases[to]++
    this.changedRanges.add(range)
    const { facts } = this
    facts.head('PHASE', t, range.first, 'PHASE', range.first, 'phase')
    facts.text(from)
    facts.text(to)
    facts.number(confidence)
    facts.text(reason)
    this.tell()
  }

  event(type: EventType, range: LiveRange, bar: number, t: number, confidence: number, price: number): void {
    this.events.push({ type, bar, confirmed: t, confidence, price, rangeStart: range.first })
    this.facts.head('EVENT', t, range.first, type, bar, 'event')
    this.facts.number(confidence)
    this.facts.number(price)
  }

  pattern(range: LiveRange, pattern: Draft<Pattern>, t: number): void {
    const isNew = pattern.confirmedBar === t && !this.patterns.includes(pattern, -8)
    if (isNew) this.patterns.push(pattern)
    this.changedPatterns.add(pattern)
    const { facts } = this
    facts.head(isNew ? 'PATTERN' : 'PATTERN_UPDATED', t, range.first, pattern.type, pattern.bar, 'pattern')
    facts.text(pattern.status)
    facts.number(pattern.confidence)
    facts.text(pattern.tier)
    facts.text(pattern.phase)
    facts.number(pattern.phaseConfidence)
    facts.number(pattern.volumeRatio)
    facts.number(pattern.test?.bar ?? null)
    facts.number(pattern.test?.best?.bar ?? null)
    if (isNew) this.tell()
  }

  signal(range: LiveRange, signal: Draft<Signal>, t: number): void {
    this.signals.push(signal)
    this.changedSignals.add(signal)
    this.changedPatterns.add(signal.pattern)
    const { facts } = this
    facts.head('SIGNAL', t, range.first, signal.patternType, signal.pattern.bar, 'signal')
    facts.text(signal.side)
    facts.number(signal.entryPrice)
    facts.number(signal.stopLoss)
    facts.number(signal.primaryTarget)
    facts.number(signal.rMultiple)
    facts.number(signal.confidenceScore)
    facts.number(signal.positionSize)
    facts.text(signal.status)
    facts.text(signal.phase)
    this.tell()
  }

  signalStatus(range: LiveRange, signal: Draft<Signal>, t: number, from: SignalStatus): void {
    this.changedSignals.add(signal)
    const { facts } = this
    facts.head('SIGNAL_STATUS', t, range.first, signal.patternType, signal.pattern.bar, 'signalStatus')
    facts.text(from)
    facts.text(signal.status)
    facts.number(signal.status === 'FILLED' ? signal.fillPrice : signal.exitPrice)
    facts.text(signal.exitReason)
    this.tell()
  }

  rejection(range: LiveRange, rejection: Rejection): void {
    const { pattern, stage, reason, bar } = rejection
    this.rejected.push(rejection)
    this.changedPatterns.add(pattern)
    this.facts.head('REJECTION', bar, range.first, pattern.type, pattern.bar, 'rejection')
    this.facts.text(stage)
    this.facts.text(reason)
    this.tell()
  }

  /** Facts that the observer was not told, as it wanted no more of their kind than the number. */
  untold(): Record<string, number> {
    const numbers: Record<string, number> = {}
    for (const [code, count] of this.counted.entries()) if (count > 0) numbers[kinds[code]] = count
    return numbers
  }

  /** Tells the observer of the fact just written. Events and changes are many; they are in the log alone. */
  private tell(): void {
    const { observer, facts } = this
    if (observer === undefined) return
    const place = facts.length - 1
    const code = facts.codeAt(place)
    if (this.enough[code] === 1) this.counted[code]++
    else if (observer.fact(new ToldFact(facts, place, this.bars)) === false) this.enough[code] = 1
  }
}

/** A fact for an observer. What it says is put together when it is asked: most of 130,000 per million bars are not. */
class ToldFact implements ObservedFact {
  readonly kind: Fact['kind']
  readonly bar: number
  readonly time: number
  readonly type: string
  private readonly tape: FactTape
  private readonly place: number

  constructor(tape: FactTape, place: number, bars: BarSeries) {
    this.kind = tape.kindAt(place)
    this.bar = tape.barAt(place)
    this.time = bars.time[this.bar]
    this.type = tape.typeAt(place)
    this.tape = tape
    this.place = place
  }

  get attributes(): ObservedFact['attributes'] {
    return this.tape.saidAt(this.place)
  }
}
