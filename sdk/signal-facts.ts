import type { Attributes } from '@opentelemetry/api'
import type { ObservedFact } from './engine-observer.ts'
import { bindCounter, bindHistogram, type BoundCounter, type BoundHistogram } from './instruments.ts'
import type { MetricStore } from './metric-store.ts'
import type { TimedBars, TimerListener } from './run-timer.ts'

type Role = 'pattern' | 'signal' | 'rejection'

/**
 * Counts what a run of a signal engine tells. Kinds of facts, in small or capital letters: `pattern`, `signal`, `rejection`, each with
 * the kind of pattern as its `type` or its attribute `pattern_type`, a rejection with its stage as `rejection_stage` or `stage`.
 */
export class SignalFacts implements TimerListener {
  private readonly symbol: string
  private readonly mark: { time: number } | undefined
  private readonly store: MetricStore
  private readonly detection: BoundHistogram
  private readonly since: number
  private rejectedAt: string | undefined
  private readonly validations = new Map<string, BoundHistogram>()
  private readonly counters = new Map<string, BoundCounter>()

  /** `mark` is the newest bar that was counted before; without one nothing is counted but latencies. */
  constructor(symbol: string, mark: { time: number } | undefined, store: MetricStore) {
    this.symbol = symbol
    this.mark = mark
    this.store = store
    this.since = mark?.time ?? Infinity
    this.detection = bindHistogram('pattern_detection_latency_seconds', { symbol }, store)
  }

  barTimed({ durationMs, blockShareMs }: TimedBars): void {
    this.detection.record((durationMs + blockShareMs) / 1000)
  }

  hears(kind: string): boolean {
    return roleOf(kind) !== undefined
  }

  refused(): void {
    this.store.misuse('fact_invalid')
  }

  factTold(fact: ObservedFact, sinceMs: number): void {
    const role = roleOf(fact.kind)
    const type = fact.type ?? text(fact.attributes['pattern_type']) ?? text(fact.attributes['type'])
    if (type === undefined || role === undefined) return
    if (role !== 'pattern' && sinceMs >= 0) this.validation(type).record(sinceMs / 1000)
    const stage = role === 'rejection' ? stageOf(fact) : ''
    if (role === 'rejection') this.rejectedAt ??= stage
    const { mark } = this
    if (mark === undefined || !(fact.time > this.since)) return
    mark.time = Math.max(mark.time, fact.time)
    this.counter(role, type, stage).add()
  }

  /** For the run's span: where the first of its rejections happened, by which a sampler can keep the trace. */
  describe(): Attributes {
    return this.rejectedAt === undefined ? {} : { 'tapescope.signal.rejection_stage': this.rejectedAt }
  }

  private validation(type: string): BoundHistogram {
    let bound = this.validations.get(type)
    if (bound === undefined) {
      bound = bindHistogram('signal_validation_latency_seconds', { pattern_type: type }, this.store)
      remember(this.validations, type, bound)
    }
    return bound
  }

  private counter(role: Role, type: string, stage: string): BoundCounter {
    const key = role === 'rejection' ? `${role} ${type} ${stage}` : `${role} ${type}`
    let bound = this.counters.get(key)
    if (bound === undefined) {
      bound = this.bind(role, type, stage)
      remember(this.counters, key, bound)
    }
    return bound
  }

  private bind(role: Role, pattern_type: string, rejection_stage: string): BoundCounter {
    const { symbol, store } = this
    if (role === 'pattern') return bindCounter('pattern_detections_total', { pattern_type, symbol }, store)
    if (role === 'signal') return bindCounter('signals_generated_total', { pattern_type, symbol }, store)
    return bindCounter('signals_rejected_total', { pattern_type, rejection_stage }, store)
  }
}

const most = 256

/** Keeps a bound instrument for the next fact, as long as an engine does not invent a type for each. */
function remember<T>(known: Map<string, T>, key: string, bound: T): void {
  if (known.size < most) known.set(key, bound)
}

function roleOf(kind: string): Role | undefined {
  switch (kind) {
    case 'PATTERN':
    case 'pattern':
      return 'pattern'
    case 'SIGNAL':
    case 'signal':
      return 'signal'
    case 'REJECTION':
    case 'rejection':
      return 'rejection'
    default:
      return undefined
  }
}

const stageOf = ({ attributes }: ObservedFact): string =>
  text(attributes['rejection_stage']) ?? text(attributes['stage']) ?? 'unknown'

const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)
