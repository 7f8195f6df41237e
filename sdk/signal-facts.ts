import type { ObservedFact } from './engine-observer.ts'
import { bindCounter, bindHistogram, type BoundHistogram } from './instruments.ts'
import type { MetricStore } from './metric-store.ts'
import type { TimerListener } from './run-timer.ts'

/**
 * Counts what a run of a signal engine tells. Kinds of facts: `pattern` (attribute `pattern_type`), `signal` (the
 * same), `rejection` (`pattern_type` and `rejection_stage`).
 */
export class SignalFacts implements TimerListener {
  private readonly symbol: string
  private readonly mark: { time: number } | undefined
  private readonly store: MetricStore
  private readonly detection: BoundHistogram
  private readonly since: number

  /** `mark` is the newest bar that was counted before; without one nothing is counted but latencies. */
  constructor(symbol: string, mark: { time: number } | undefined, store: MetricStore) {
    this.symbol = symbol
    this.mark = mark
    this.store = store
    this.since = mark?.time ?? Infinity
    this.detection = bindHistogram('pattern_detection_latency_seconds', { symbol }, store)
  }

  barTimed(durationMs: number, _stages: Float64Array, blockShareMs: number): void {
    this.detection.record((durationMs + blockShareMs) / 1000)
  }

  factTold(fact: ObservedFact, sinceMs: number): void {
    const type = text(fact, 'pattern_type') ?? text(fact, 'type')
    const kind = fact.kind.toLowerCase()
    if (type === undefined) return
    const decided = kind === 'signal' || kind === 'rejection'
    if (decided && sinceMs >= 0)
      bindHistogram('signal_validation_latency_seconds', { pattern_type: type }, this.store).record(
        sinceMs / 1000,
      )
    const { mark, symbol, store } = this
    if (mark === undefined || !(fact.time > this.since)) return
    mark.time = Math.max(mark.time, fact.time)
    if (kind === 'pattern')
      bindCounter('pattern_detections_total', { pattern_type: type, symbol }, store).add()
    else if (kind === 'signal')
      bindCounter('signals_generated_total', { pattern_type: type, symbol }, store).add()
    else if (kind === 'rejection') {
      const stage = text(fact, 'rejection_stage') ?? 'unknown'
      bindCounter('signals_rejected_total', { pattern_type: type, rejection_stage: stage }, store).add()
    }
  }
}

function text(fact: ObservedFact, name: string): string | undefined {
  const value = fact.attributes[name]
  return typeof value === 'string' ? value : undefined
}
