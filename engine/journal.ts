import type { BarSeries } from './bar-series.ts'
import type { LiveRange } from './live-range.ts'
import type { RunObserver } from './observer.ts'
import type { Draft } from './draft.ts'
import type { EventType, Fact, Pattern, Rejection, Signal } from './signal.ts'

export type FactData = Record<string, number | string | boolean | null>

/** A fact before times and keys are looked up, which only readers of the log pay for. */
export interface StoredFact {
  readonly kind: Fact['kind']
  readonly bar: number
  readonly range: LiveRange | null
  readonly type: string
  /** The bar it is about. */
  readonly about: number
  readonly data: FactData
}

/** An event that only a range can have. */
export interface RangeEvent {
  readonly type: EventType
  readonly bar: number
  readonly confirmed: number
  readonly confidence: number
  readonly price: number
  readonly range: LiveRange
}

/** Facts worth an observer's attention; the others are many, and in the log. */
const told: ReadonlySet<Fact['kind']> = new Set([
  'RANGE_ACTIVE',
  'RANGE_STATUS',
  'PHASE',
  'PATTERN',
  'SIGNAL',
  'SIGNAL_STATUS',
  'REJECTION',
])

/** Everything a run finds out, in the order in which it became known. */
export class Journal {
  readonly facts: StoredFact[] = []
  readonly events: RangeEvent[] = []
  readonly patterns: Draft<Pattern>[] = []
  readonly signals: Draft<Signal>[] = []
  readonly rejected: Rejection[] = []
  /** What the current bar changed of records made at an earlier one. */
  readonly changedRanges: LiveRange[] = []
  readonly changedPatterns: Draft<Pattern>[] = []
  readonly changedSignals: Draft<Signal>[] = []
  /** The series' columns; the run keeps this current. */
  bars: BarSeries
  private readonly observer: RunObserver | undefined

  constructor(bars: BarSeries, observer: RunObserver | undefined) {
    this.bars = bars
    this.observer = observer
  }

  /** A new bar begins: nothing has changed on it yet. */
  turn(): void {
    if (this.changedRanges.length > 0) this.changedRanges.length = 0
    if (this.changedPatterns.length > 0) this.changedPatterns.length = 0
    if (this.changedSignals.length > 0) this.changedSignals.length = 0
  }

  range(kind: Fact['kind'], range: LiveRange, t: number, type: string, data: FactData): void {
    if (!this.changedRanges.includes(range)) this.changedRanges.push(range)
    this.write({ kind, bar: t, range, type, about: range.first, data })
  }

  event(type: EventType, range: LiveRange, bar: number, t: number, confidence: number, price: number): void {
    this.events.push({ type, bar, confirmed: t, confidence, price, range })
    this.write({
      kind: 'EVENT',
      bar: t,
      range,
      type,
      about: bar,
      data: { confidence, price },
    })
  }

  pattern(range: LiveRange, pattern: Draft<Pattern>, t: number): void {
    const isNew = pattern.confirmedBar === t && !this.patterns.includes(pattern, -8)
    if (isNew) this.patterns.push(pattern)
    if (!this.changedPatterns.includes(pattern)) this.changedPatterns.push(pattern)
    this.write({
      kind: isNew ? 'PATTERN' : 'PATTERN_UPDATED',
      bar: t,
      range,
      type: pattern.type,
      about: pattern.bar,
      data: {
        status: pattern.status,
        confidence: pattern.confidence,
        tier: pattern.tier,
        phase: pattern.phase,
        phase_confidence: pattern.phaseConfidence,
        volume_ratio: pattern.volumeRatio,
        test_bar: pattern.test?.bar ?? null,
        best_test_bar: pattern.test?.best?.bar ?? null,
      },
    })
  }

  write(fact: StoredFact): void {
    this.facts.push(fact)
    if (this.observer !== undefined && told.has(fact.kind))
      this.observer.fact({
        kind: fact.kind,
        bar: fact.bar,
        time: this.bars.time[fact.bar],
        attributes: { type: fact.type, ...withoutNulls(fact.data) },
      })
  }
}

const withoutNulls = (data: FactData): Record<string, number | string | boolean> => {
  const kept: Record<string, number | string | boolean> = {}
  for (const [name, value] of Object.entries(data)) if (value !== null) kept[name] = value
  return kept
}
