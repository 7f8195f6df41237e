import { BucketIndex } from './bucket-index.ts'
import type { Exemplar } from './exemplars.ts'
import { LabelBounds } from './label-bounds.ts'
import type { Labels, MetricDefinition } from './metric-definition.ts'

/**
 * One series. `slots` is what the hot path writes: a counter's or gauge's value, or a histogram's buckets (`+Inf`
 * last) followed by the sum. Only one thread writes a series; a reader adds the parts of all threads.
 */
export interface Series {
  readonly labels: Labels
  readonly slots: Float64Array
  /** Latest value with a trace for each bucket; empty until there is one. */
  readonly exemplars: (Exemplar | undefined)[]
}

export interface Family {
  readonly definition: MetricDefinition
  readonly index: BucketIndex | undefined
  readonly series: Map<string, Series>
}

/** Told to whoever shares the store with other threads. */
export type SeriesListener = (definition: MetricDefinition, key: string, series: Series) => void

const chunkSlots = 8192

/** All series of a process: families by name, values in shared memory. */
export class MetricStore {
  readonly families = new Map<string, Family>()
  readonly startTimeMs = Date.now()
  private readonly byLabels = new WeakMap<object, Series>()
  private readonly bounds = new LabelBounds((reason) => this.misuse(reason))
  private readonly beforeCollect = new Set<() => void>()
  private readonly misuses = new Map<string, number>()
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
    const key = values.join('\u0000')
    const known = family.series.get(key)
    if (known !== undefined) return known
    const series: Series = {
      labels: Object.fromEntries(definition.labels.map((label, i) => [label, values[i]])),
      slots: this.allocate(family.index === undefined ? 1 : family.index.bounds.length + 1),
      exemplars: [],
    }
    family.series.set(key, series)
    this.byLabels.set(series.labels, series)
    this.listener?.(definition, key, series)
    return series
  }

  /** The exemplars of the series that a collection showed with these labels, by bucket. */
  exemplarsOf(labels: object): Series['exemplars'] | undefined {
    return this.byLabels.get(labels)?.exemplars
  }

  /** A call that had to be refused: counted, never thrown. */
  misuse(reason: string): void {
    this.misuses.set(reason, (this.misuses.get(reason) ?? 0) + 1)
  }

  misuseCounts(): ReadonlyMap<string, number> {
    return this.misuses
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
    for (const { definition, series } of this.families.values())
      for (const [key, one] of series) listener(definition, key, one)
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

/** The store of this process; one also when the package was installed twice. */
export const processStore: MetricStore = (shared[key] ??= new MetricStore())
