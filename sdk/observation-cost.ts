import { bindCounter, type BoundCounter } from './instruments.ts'
import type { MetricStore } from './metric-store.ts'

const counters = new WeakMap<MetricStore, { overhead: BoundCounter; observed: BoundCounter }>()

/** Adds to the SDK's own measured overhead; its ratio to the observed time is what observation costs. */
export function countCost(store: MetricStore, overheadMs: number, observedMs: number): void {
  let bound = counters.get(store)
  if (bound === undefined) {
    bound = {
      overhead: bindCounter('tapescope_overhead_seconds_total', {}, store),
      observed: bindCounter('tapescope_observed_seconds_total', {}, store),
    }
    counters.set(store, bound)
  }
  bound.overhead.add(overheadMs / 1000)
  bound.observed.add(observedMs / 1000)
}
