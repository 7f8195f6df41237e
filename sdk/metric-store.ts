import { isMainThread } from 'node:worker_threads'
import { BucketIndex } from './bucket-index.ts'
import type { Exemplar } from './exemplars.ts'
import { LabelBounds } from './label-bounds.ts'
import { definitionOf, type Labels, type MetricDefinition } from './metric-definition.ts'
import { gatherThreads, shareSeries } from './thread-metrics.ts'

/**
 * One series. `slots` is what the hot path writes: a counter's or gauge's value, or a histogram's buckets (`+Inf`
 * last) followed by the sum. Only one thread writes a series; a reader adds the parts of all threads.
 */
export interface Series {
  readonly labels: Labels
  readonly slots: Float64Array
  /** The slots of other threads for the same labels, in the main thread. */
  readonly parts: Float64Array[]
  /** Latest value with a trace for each bucket; empty until there is one. */
  readonly exemplars: (Exemplar | undefined)[]
}

export interface Family {
  readonly definition: MetricDefinition
  readonly index: BucketIndex | undefined
  readonly series: Map<string, Series>
}

/** Told to whoever shares the store with other threads. */
interface SeriesListener {
  seriesMade(definition: MetricDefinition, key: string, series: Series): void
  exemplarKept(definition: MetricDefinition, key: string, bucket: number, exemplar: Exemplar): void
}

const chunkSlots = 8192
const separator = '\u0000'

/** All series of a process: families by name, values in shared memory. */
export class MetricStore {
  readonly families = new Map<string, Family>()
  readonly startTimeMs = Date.now()
  private readonly byLabels = new WeakMap<object, Series>()
  private readonly bounds = new LabelBounds((reason) => this.misuse(reason))
  private readonly beforeCollect = new Set<() => void>()
  private readonly misuses = new Map<string, Series>()
  private chunk: Float64Array = new Float64Array(0)
  private used = 0
  private listener: SeriesListener | undefined

  family(definition: MetricDefinition): Family {
    let family = this.families.get(definition.name)
    if (family !== undefined) {
      const known = family.definition
      if (known !== definition && shapeOf(known) !== shapeOf(definition))
        throw new TypeError(
          `metric ${definition.name} is declared twice, with different kind, labels or boundaries`,
        )
      return family
    }
    const { kind, boundaries } = definition
    const index = kind === 'histogram' ? new BucketIndex(boundaries!) : undefined
    family = { definition, index, series: new Map() }
    this.families.set(definition.name, family)
    return family
  }

  /** The series for these labels, after bounding each value; made when it is new. */
  series(family: Family, labels: Readonly<Record<string, unknown>>): Series {
    const { definition } = family
    const values = definition.labels.map((label) => this.bounds.admit(label, readLabel(labels, label)))
    const key = values.join(separator)
    const known = family.series.get(key)
    if (known !== undefined) return known
    const series: Series = {
      labels: Object.fromEntries(definition.labels.map((label, i) => [label, values[i]])),
      slots: this.allocate(family.index === undefined ? 1 : family.index.bounds.length + 1),
      parts: [],
      exemplars: [],
    }
    family.series.set(key, series)
    this.byLabels.set(series.labels, series)
    this.listener?.seriesMade(definition, key, series)
    return series
  }

  /** The exemplars of the series that a collection showed with these labels, by bucket. */
  exemplarsOf(labels: object): Series['exemplars'] | undefined {
    return this.byLabels.get(labels)?.exemplars
  }

  /** A call that had to be refused: counted, never thrown. */
  misuse(reason: string): void {
    let series = this.misuses.get(reason)
    if (series === undefined) {
      series = this.series(this.family(definitionOf('tapescope_misuse_total', 'counter')), { reason })
      this.misuses.set(reason, series)
    }
    series.slots[0]++
  }

  /** By reason; those of this thread. */
  misuseCounts(): ReadonlyMap<string, number> {
    return new Map([...this.misuses].map(([reason, { slots }]) => [reason, slots[0]]))
  }

  /** Makes a value with its trace the exemplar of a bucket. */
  keepExemplar(family: Family, series: Series, bucket: number, exemplar: Exemplar): void {
    series.exemplars[bucket] = exemplar
    this.listener?.exemplarKept(family.definition, keyOf(family, series), bucket, exemplar)
  }

  /** Calls `update` before each collection; answers with the function that ends it. */
  onCollect(update: () => void): () => void {
    this.beforeCollect.add(update)
    return () => this.beforeCollect.delete(update)
  }

  /** Brings observed values up to date. An update that throws counts as a misuse and harms no other. */
  refresh(): void {
    for (const update of this.beforeCollect) {
      try {
        update()
      } catch {
        this.misuse('collect_callback_threw')
      }
    }
  }

  /** Hears of every series, also of those that exist already. */
  listen(listener: SeriesListener): void {
    this.listener = listener
    this.eachSeries((definition, key, series) => listener.seriesMade(definition, key, series))
  }

  eachSeries(act: SeriesListener['seriesMade']): void {
    for (const { definition, series } of this.families.values())
      for (const [key, one] of series) act(definition, key, one)
  }

  private allocate(slots: number): Float64Array {
    if (this.used + slots > this.chunk.length) {
      const bytes = Math.max(chunkSlots, slots) * Float64Array.BYTES_PER_ELEMENT
      this.chunk = new Float64Array(new SharedArrayBuffer(bytes))
      this.used = 0
    }
    const part = this.chunk.subarray(this.used, this.used + slots)
    this.used += slots
    return part
  }
}

/** Slots of a series with those of other threads added. */
export function totalsOf({ slots, parts }: Series): Float64Array {
  if (parts.length === 0) return slots
  const totals = slots.slice()
  for (const part of parts) for (const [slot, value] of part.entries()) totals[slot] += value
  return totals
}

const keyOf = ({ definition }: Family, { labels }: Series): string =>
  definition.labels.map((label) => labels[label]).join(separator)

function readLabel(labels: Readonly<Record<string, unknown>> | null | undefined, label: string): unknown {
  try {
    if (labels === null || labels === undefined) return undefined
    return Object.hasOwn(labels, label) ? labels[label] : undefined
  } catch {
    return undefined
  }
}

const shapeOf = ({ kind, unit, labels, boundaries }: MetricDefinition): string =>
  JSON.stringify([kind, unit, labels, boundaries])

const key = Symbol.for('tapescope.metric-store.1')
const shared = globalThis as { [key]?: MetricStore }

/** The store of this thread; one also when the package was installed twice. The main thread's shows all threads'. */
export const processStore: MetricStore = (shared[key] ??= newProcessStore())

function newProcessStore(): MetricStore {
  const store = new MetricStore()
  if (isMainThread) gatherThreads(store)
  else shareSeries(store)
  return store
}
