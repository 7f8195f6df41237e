import { join } from 'node:path'
import { z } from 'zod'
import type { Batch, Consumer, Context, Processor, ProcessorFactory } from '../component.ts'
import { keepBytes, Refused } from '../component.ts'
import { count, duration, section } from '../config/shapes.ts'
import {
  allSpans,
  assemble,
  END,
  gather,
  scanTraces,
  SCOPE,
  STRIDE,
  TAG,
  TRACE_ID,
  type ResourceEntry,
  type ScopeEntry,
  type SpanRange,
  type TraceBatch,
} from '../otlp/trace-batch.ts'
import { SegmentLog, type Position } from '../queue/segment-log.ts'
import {
  createPolicy,
  policyShape,
  SpanQuestions,
  type Policy,
  type TraceFacts,
} from './sampling-policies.ts'

const config = section({
  decision_wait: duration('30s').describe('from the first span of a trace to the decision about it'),
  num_traces: z.int().positive().default(50_000).describe('beyond it the oldest are decided early'),
  expected_new_traces_per_sec: count.default(0).describe('accepted, has no effect in the sidecar'),
  decision_cache: section({
    sampled_cache_size: count.default(0).describe('decisions remembered for late spans; num_traces when 0'),
    non_sampled_cache_size: count.default(0),
  }).prefault({}),
  policies: z.array(policyShape).min(1),
})

type Config = z.infer<typeof config>

export const tailSamplingProcessor: ProcessorFactory<Config> = {
  type: 'tail_sampling',
  summary: 'keeps whole traces that a policy asks for',
  signals: ['traces'],
  config,
  create: (config, context, _signal, next) => new TailSampling(config, context, next),
}

/** Spans of one trace that stand one after another in one request. */
interface Part {
  readonly source: Source
  readonly resource: ResourceEntry
  readonly scope: ScopeEntry
  readonly from: number
  to: number
  count: number
}

/** Where the bytes of waiting spans are: a record of the journal, or the request itself when there is no journal. */
type Source = Position | { readonly body: Buffer }

interface Pending extends TraceFacts {
  readonly parts: Part[]
  readonly arrivedAt: number
}

const TICK_MS = 500
const JOURNAL_SEGMENT_BYTES = 8 * 2 ** 20
/** Spans in one request handed on. */
const MAX_GATHERED = 8192
/** Requests up to this size are written to the journal from memory that is used again. */
const SCRATCH_BYTES = 2 ** 20
/** Different resources and scopes that are remembered. */
const REMEMBERED = 1024

/**
 * Holds the spans of a trace until `decision_wait` after its first one, then hands all of them on or none. What
 * waits here has been acknowledged, so it is in a journal on disk when there is a folder for it, and is decided anew
 * after a crash. Each span is looked at once, when it comes: memory holds what the policies want to know of a trace and
 * where its bytes are.
 */
class TailSampling implements Processor {
  private readonly next: Consumer
  private readonly config: Config
  private readonly policies: { policy: Policy; drops: boolean; counter: { value: number } }[]
  private readonly pending = new Map<string, Pending>()
  private readonly decided: { kept: DecisionCache; left: DecisionCache }
  private readonly counters
  private readonly questions = new SpanQuestions()
  private readonly journal: SegmentLog | undefined
  private readonly scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES)
  private readonly resources = new Interned<ResourceEntry>()
  private readonly scopes = new Interned<ScopeEntry>()
  /** Latest arrival of what each journal segment holds. */
  private readonly journalled = new Map<number, number>()
  private timer: NodeJS.Timeout | undefined

  constructor(config: Config, context: Context, next: Consumer) {
    this.next = next
    this.config = config
    const { telemetry } = context
    const labels = { processor: context.id }
    this.policies = config.policies.map((policy, i) => ({
      ...createPolicy(policy, `processors::${context.id}::policies::${i}::${policy.name}`, this.questions),
      counter: telemetry.counter(
        'otelcol_processor_tail_sampling_count_traces_sampled_total',
        'Traces that a policy decided for (or against, when it is a drop policy)',
        { ...labels, policy: policy.name },
      ),
    }))
    const { sampled_cache_size, non_sampled_cache_size } = config.decision_cache
    this.decided = {
      kept: new DecisionCache(sampled_cache_size || config.num_traces),
      left: new DecisionCache(non_sampled_cache_size || config.num_traces),
    }
    const counter = (name: string, help: string, more = {}) =>
      telemetry.counter(`otelcol_processor_tail_sampling_${name}_total`, help, { ...labels, ...more })
    this.counters = {
      incoming: counter('incoming_spans', 'Spans that reached the processor'),
      kept: counter('spans', 'Spans by decision', { decision: 'sampled' }),
      left: counter('spans', 'Spans by decision', { decision: 'not_sampled' }),
      early: counter(
        'traces_decided_early',
        'Traces decided before their time because num_traces was reached',
      ),
      tracesKept: counter('global_count_traces_sampled', 'Traces by decision', { decision: 'sampled' }),
      tracesLeft: counter('global_count_traces_sampled', 'Traces by decision', { decision: 'not_sampled' }),
      lost: counter('lost_spans', 'Spans whose bytes in the journal could not be read when they were wanted'),
      replayed: counter('replayed_spans', 'Spans found again in the journal after a restart'),
    }
    telemetry.gauge(
      'otelcol_processor_tail_sampling_sampling_traces_on_memory',
      'Traces that wait for their decision',
      labels,
      () => this.pending.size,
    )
    telemetry.gauge(
      'otelcol_processor_tail_sampling_pending_spans',
      'Spans that wait for the decision about their trace',
      labels,
      () => {
        const { incoming, kept, left, lost } = this.counters
        return incoming.value - kept.value - left.value - lost.value
      },
    )
    if (context.dataDir !== undefined) {
      this.journal = new SegmentLog(
        join(
          context.dataDir,
          'tail-sampling',
          `${context.pipeline}-${context.id}`.replaceAll(/[^\w.-]/g, '_'),
        ),
        JOURNAL_SEGMENT_BYTES,
      )
      this.replay(context)
    }
  }

  /** Takes up what an earlier process had acknowledged and not decided. */
  private replay(context: Context): void {
    const { journal } = this
    let records = 0
    for (const segment of journal!.segments()) {
      const found = journal!.recover(segment, ({ position, payload }) => {
        const batch = scanTraces(payload)
        this.counters.replayed.value += batch.count
        this.counters.incoming.value += batch.count
        this.add(batch, position)
      })
      records += found.records
      this.journalled.set(segment, Date.now())
    }
    journal!.recovered()
    if (records > 0)
      context.log.warn(`${context.id}: ${records} damaged records in its journal were left out`)
  }

  start(): Promise<void> {
    this.timer ??= setInterval(() => this.tick(), TICK_MS).unref()
    return Promise.resolve()
  }

  consume(batch: Batch): void {
    if (batch.signal !== 'traces') return
    if (this.journal === undefined) {
      this.counters.incoming.value += batch.count
      const own = batch.whole ? batch : gather([{ batch, spans: allSpans(batch) }])
      keepBytes(own)
      this.add(own, { body: own.body })
      return
    }
    const own = batch.whole ? batch : gather([{ batch, spans: allSpans(batch) }], this.scratch)
    let position: Position
    try {
      position = this.journal.append(own.body, own.count)
    } catch (cause) {
      throw new Refused(`the journal cannot be written: ${(cause as Error).message}`, { cause })
    }
    this.counters.incoming.value += batch.count
    this.journalled.set(position.segment, Date.now())
    this.add(own, position)
  }

  /** Notes the spans of a batch that is exactly the request at `source`. */
  private add(batch: TraceBatch, source: Source): void {
    const now = Date.now()
    const { body, rows, count } = batch
    const resources = batch.resources.map((entry) => this.resources.of(entry))
    const scopes = batch.scopes.map((entry) => this.scopes.of(entry))
    const late: SpanRange[] = []
    let lateCount = 0
    let lastId = -1
    let trace: Pending | 'kept' | 'left' | undefined
    let part: Part | undefined
    for (let span = 0; span < count; span++) {
      const row = span * STRIDE
      const id = rows[row + TRACE_ID]
      if (lastId < 0 || !sameId(body, id, lastId)) {
        trace = this.find(body.toString('latin1', id, id + 16), now)
        part = undefined
      }
      lastId = id
      if (trace === 'left') {
        this.counters.left.value++
        continue
      }
      const scope = scopes[rows[row + SCOPE]]
      if (part !== undefined && part.to === rows[row + TAG] && part.scope === scope) {
        part.to = rows[row + END]
        part.count++
      } else {
        const resource = resources[batch.scopes[rows[row + SCOPE]].resource]
        part = { source, resource, scope, from: rows[row + TAG], to: rows[row + END], count: 1 }
        if (trace !== 'kept') trace!.parts.push(part)
      }
      if (trace !== 'kept') this.questions.ask(trace!, batch, span)
      else {
        const from = rows[row + TAG]
        const to = rows[row + END]
        late.push({
          resource: part.resource,
          scope,
          bytes: to - from,
          copyTo: (target, at) => void body.copy(target, at, from, to),
        })
        lateCount++
      }
    }
    if (lateCount > 0) this.handOn(late, lateCount)
  }

  /** The trace that waits, a new one, or what has been decided about it. */
  private find(id: string, now: number): Pending | 'kept' | 'left' {
    const waiting = this.pending.get(id)
    if (waiting) return waiting
    if (this.decided.kept.has(id)) return 'kept'
    if (this.decided.left.has(id)) return 'left'
    if (this.pending.size >= this.config.num_traces) {
      this.counters.early.value++
      const [oldest] = this.pending
      this.decide([oldest])
    }
    const trace: Pending = { id, count: 0, start: Infinity, end: 0, seen: 0, parts: [], arrivedAt: now }
    this.pending.set(id, trace)
    return trace
  }

  private tick(): void {
    const due = Date.now() - this.config.decision_wait
    const ripe: [string, Pending][] = []
    for (const entry of this.pending) {
      if (entry[1].arrivedAt > due) break
      ripe.push(entry)
    }
    this.decide(ripe)
    this.trimJournal()
  }

  private decide(ripe: readonly [string, Pending][]): void {
    let ranges: SpanRange[] = []
    let count = 0
    for (const [id, trace] of ripe) {
      this.pending.delete(id)
      if (!this.wanted(trace)) {
        this.decided.left.add(id)
        this.counters.tracesLeft.value++
        this.counters.left.value += trace.count
        continue
      }
      this.decided.kept.add(id)
      this.counters.tracesKept.value++
      for (const part of trace.parts) {
        const range = this.rangeOf(part)
        if (range === undefined) {
          this.counters.lost.value += part.count
          continue
        }
        ranges.push(range)
        count += part.count
        if (count < MAX_GATHERED) continue
        this.handOn(ranges, count)
        ranges = []
        count = 0
      }
    }
    if (count > 0) this.handOn(ranges, count)
  }

  private rangeOf({ source, resource, scope, from, to }: Part): SpanRange | undefined {
    const bytes = to - from
    if ('body' in source)
      return {
        resource,
        scope,
        bytes,
        copyTo: (target, at) => void source.body.copy(target, at, from, to),
      }
    const read = Buffer.allocUnsafe(bytes)
    if (!this.journal!.readPart(source.segment, source.offset + from, read, 0, bytes)) return undefined
    return { resource, scope, bytes, copyTo: (target, at) => void read.copy(target, at) }
  }

  /** Policies are all asked, so that the count of each is true. */
  private wanted(trace: TraceFacts): boolean {
    let keep = false
    let drop = false
    for (const { policy, drops, counter } of this.policies) {
      if (!policy(trace)) continue
      counter.value++
      if (drops) drop = true
      else keep = true
    }
    return keep && !drop
  }

  private handOn(ranges: readonly SpanRange[], count: number): void {
    const batch = scanTraces(assemble(ranges))
    this.counters.kept.value += count
    try {
      this.next.consume(batch)
    } catch (error) {
      // Acknowledged long ago: nobody can send it again. The destination has counted it.
      if (!(error instanceof Refused)) throw error
    }
  }

  /** A segment goes when everything in it has been decided. */
  private trimJournal(): void {
    const { journal } = this
    if (!journal) return
    const [oldest] = this.pending.values()
    const undecided = oldest?.arrivedAt ?? Infinity
    for (const [segment, latest] of this.journalled) {
      if (latest >= undecided || latest > Date.now() - TICK_MS) continue
      journal.remove(segment)
      this.journalled.delete(segment)
    }
  }

  /** What still waits is decided with what is there. */
  shutdown(): Promise<void> {
    clearInterval(this.timer)
    this.decide([...this.pending])
    for (const segment of this.journalled.keys()) this.journal?.remove(segment)
    this.journal?.close()
    return Promise.resolve()
  }
}

/** The same bytes give the same entry, with bytes of its own, so that spans of many requests can stand together. */
class Interned<Entry extends { readonly bytes: Buffer; readonly schemaUrl: Buffer }> {
  private readonly known = new Map<string, Entry>()

  of(entry: Entry): Entry {
    const key = `${entry.schemaUrl.toString('latin1')}\0${entry.bytes.toString('latin1')}`
    let known = this.known.get(key)
    if (known === undefined) {
      if (this.known.size >= REMEMBERED) this.known.clear()
      known = { ...entry, bytes: Buffer.from(entry.bytes), schemaUrl: Buffer.from(entry.schemaUrl) }
      this.known.set(key, known)
    }
    return known
  }
}

/** Trace ids of the last decisions, at least `size` and at most twice as many. */
class DecisionCache {
  private readonly size: number
  private young = new Set<string>()
  private old = new Set<string>()

  constructor(size: number) {
    this.size = size
  }

  has(key: string): boolean {
    return this.young.has(key) || this.old.has(key)
  }

  add(key: string): void {
    this.young.add(key)
    if (this.young.size < this.size) return
    this.old = this.young
    this.young = new Set()
  }
}

function sameId(body: Buffer, a: number, b: number): boolean {
  for (let i = 0; i < 16; i++) if (body[a + i] !== body[b + i]) return false
  return true
}
