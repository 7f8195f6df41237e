import type { Span } from '@opentelemetry/api'
import { exemplarAgeMs } from './exemplars.ts'
import {
  definitionOf,
  type Labels,
  type LabelsOf,
  type MetricDefinition,
  type NameOfKind,
} from './metric-definition.ts'
import { processStore, type Family, type MetricStore, type Series } from './metric-store.ts'
import { markKept } from './keep-trace.ts'

/** A histogram whose labels are resolved: `record` is a bucket increment, no allocation, no lookup. */
export class BoundHistogram {
  private readonly slots: Float64Array
  private readonly sum: number
  private readonly first: Uint8Array
  private readonly bounds: Float64Array
  private readonly lowest: number
  private readonly family: Family
  private readonly series: Series
  private readonly store: MetricStore

  constructor(family: Family, series: Series, store: MetricStore) {
    const index = family.index!
    this.slots = series.slots
    this.sum = series.slots.length - 1
    this.first = index.first
    this.bounds = index.bounds
    this.lowest = index.lowest
    this.family = family
    this.series = series
    this.store = store
  }

  /** Adds a value >= 0, in the metric's unit. Anything else is refused and counted (`tapescope_misuse_total`). */
  record(value: number): void {
    if (!(value >= 0 && value < Infinity)) {
      this.store.misuse('not_finite')
      return
    }
    // The search of `BucketIndex`, written out: a call more would cost a third of all of it.
    const { slots, first, bounds } = this
    float[0] = value
    let key = (words[1] >>> 18) - this.lowest
    if (key < 0) key = 0
    else if (key >= first.length) key = first.length - 1
    let bucket = first[key]
    while (value > bounds[bucket]) bucket++
    slots[bucket] += 1
    slots[this.sum] += value
  }

  /**
   * Adds a value that belongs to a span. When the value's bucket has no fresh exemplar, the span's trace becomes it,
   * and the span is marked (`tapescope.keep`) so that the trace survives sampling. Call it before the span ends.
   */
  recordInSpan(value: number, span: Span | undefined): void {
    this.record(value)
    if (span === undefined || !(value >= 0)) return
    const { traceId, spanId, traceFlags } = span.spanContext()
    if ((traceFlags & 1) === 0) return
    let bucket = 0
    while (value > this.bounds[bucket]) bucket++
    const now = Date.now()
    const old = this.series.exemplars[bucket]
    if (old !== undefined && now - old.timeMs < exemplarAgeMs) return
    this.store.keepExemplar(this.family, this.series, bucket, { value, traceId, spanId, timeMs: now })
    markKept(span)
  }
}

const float = new Float64Array(1)
const words = new Uint32Array(float.buffer)

/** A counter whose labels are resolved: `add` is one addition. */
export class BoundCounter {
  private readonly slots: Float64Array
  private readonly store: MetricStore

  constructor(series: Series, store: MetricStore) {
    this.slots = series.slots
    this.store = store
  }

  /** Adds an amount >= 0. Anything else is refused and counted. */
  add(amount = 1): void {
    if (amount >= 0 && amount < Infinity) this.slots[0] += amount
    else this.store.misuse('not_finite')
  }

  /** For a total that is kept elsewhere (`process.cpuUsage`): the total itself. It must not go down. */
  observeTotal(total: number): void {
    if (total >= this.slots[0] && total < Infinity) this.slots[0] = total
    else this.store.misuse('not_finite')
  }
}

/** A gauge whose labels are resolved: `set` is one write. */
export class BoundGauge {
  private readonly slots: Float64Array
  private readonly store: MetricStore

  constructor(series: Series, store: MetricStore) {
    this.slots = series.slots
    this.store = store
  }

  /** Sets the value, any finite number. */
  set(value: number): void {
    if (Number.isFinite(value)) this.slots[0] = value
    else this.store.misuse('not_finite')
  }
}

/**
 * The histogram `name` of the registry, or of a definition of your own, for these labels. Bind once where you can;
 * binding again costs about what one OpenTelemetry `record` costs, and is safe.
 */
export function bindHistogram<Name extends NameOfKind<'histogram'>>(
  metric: Name,
  labels: LabelsOf<Name>,
  store?: MetricStore,
): BoundHistogram
export function bindHistogram(metric: MetricDefinition, labels?: Labels, store?: MetricStore): BoundHistogram
export function bindHistogram(
  metric: NameOfKind<'histogram'> | MetricDefinition,
  labels: Labels = {},
  store: MetricStore = processStore,
): BoundHistogram {
  const family = store.family(definitionOf(metric, 'histogram'))
  return new BoundHistogram(family, store.series(family, labels), store)
}

/** The counter `name` of the registry, or of a definition of your own, for these labels. */
export function bindCounter<Name extends NameOfKind<'counter'>>(
  metric: Name,
  labels: LabelsOf<Name>,
  store?: MetricStore,
): BoundCounter
export function bindCounter(metric: MetricDefinition, labels?: Labels, store?: MetricStore): BoundCounter
export function bindCounter(
  metric: NameOfKind<'counter'> | MetricDefinition,
  labels: Labels = {},
  store: MetricStore = processStore,
): BoundCounter {
  const family = store.family(definitionOf(metric, 'counter'))
  return new BoundCounter(store.series(family, labels), store)
}

/** The gauge `name` of the registry, or of a definition of your own, for these labels. */
export function bindGauge<Name extends NameOfKind<'gauge'>>(
  metric: Name,
  labels: LabelsOf<Name>,
  store?: MetricStore,
): BoundGauge
export function bindGauge(metric: MetricDefinition, labels?: Labels, store?: MetricStore): BoundGauge
export function bindGauge(
  metric: NameOfKind<'gauge'> | MetricDefinition,
  labels: Labels = {},
  store: MetricStore = processStore,
): BoundGauge {
  const family = store.family(definitionOf(metric, 'gauge'))
  return new BoundGauge(store.series(family, labels), store)
}

/**
 * Replaces all series of a gauge at once (the age of every symbol, say): series not in the list disappear, and those
 * that share the overflow series show the largest value.
 */
export function replaceGauges<Name extends NameOfKind<'gauge'>>(
  metric: Name,
  values: Iterable<readonly [labels: LabelsOf<Name>, value: number]>,
  store: MetricStore = processStore,
): void {
  const family = store.family(definitionOf(metric, 'gauge'))
  const highest = new Map<Series, number>()
  for (const [labels, value] of values) {
    if (!Number.isFinite(value)) {
      store.misuse('not_finite')
      continue
    }
    const series = store.series(family, labels)
    const before = highest.get(series)
    highest.set(series, before === undefined ? value : Math.max(before, value))
  }
  for (const [key, series] of family.series) {
    const value = highest.get(series)
    if (value === undefined) family.series.delete(key)
    else series.slots[0] = value
  }
}
