import { join } from 'node:path'
import { z } from 'zod'
import type { Batch, Consumer, Context, Processor, ProcessorFactory } from '../component.ts'
import { Refused } from '../component.ts'
import { count, duration, section } from '../config/shapes.ts'
import {
  allSpans,
  gather,
  scanTraces,
  STRIDE,
  TRACE_ID,
  type Selection,
  type TraceBatch,
} from '../otlp/trace-batch.ts'
import { SegmentLog } from '../queue/segment-log.ts'
import { createPolicy, policyShape, spanCount, type PendingTrace, type Policy } from './sampling-policies.ts'

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

interface Pending extends PendingTrace {
  readonly parts: { readonly batch: TraceBatch; readonly spans: number[] }[]
  readonly arrivedAt: number
}

const TICK_MS = 500
const JOURNAL_SEGMENT_BYTES = 8 * 2 ** 20
/** Spans in one request handed on. */
const MAX_GATHERED = 8192

/**
 * Holds the spans of a trace until `decision_wait` after its first one, then hands all of them on or none. What
 * waits here has been acknowledged, so it is also in a journal on disk when there is a folder for it, and is
 * decided anew after a crash.
 */
class TailSampling implements Processor {
  private readonly next: Consumer
  private readonly config: Config
  private readonly policies: { policy: Policy; drops: boolean; counter: { value: number } }[]
  private readonly pending = new Map<string, Pending>()
  private readonly decided: { kept: DecisionCache; left: DecisionCache }
  private readonly counters
  private readonly journal: SegmentLog | undefined
  /** Latest arrival of what each journal segment holds. */
  private readonly journalled = new Map<number, number>()
  private timer: NodeJS.Timeout | undefined

  constructor(config: Config, context: Context, next: Consumer) {
    this.next = next
    this.config = config
    const { telemetry } = context
    const labels = { processor: context.id }
    this.policies = config.policies.map((policy, i) => ({
      ...createPolicy(policy, `processors::${context.id}::policies::${i}::${policy.name}`),
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
      () => this.counters.incoming.value - this.counters.kept.value - this.counters.left.value,
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
      const found = journal!.recover(segment, ({ payload }) => {
        const batch = scanTraces(Buffer.from(payload))
        this.counters.replayed.value += batch.count
        this.counters.incoming.value += batch.count
        this.add(batch)
      })
      records += found.records
      this.journalled.set(segment, Date.now())
    }
    if (records > 0)
      context.log.warn(`${context.id}: ${records} damaged records in its journal were left out`)
  }

  start(): Promise<void> {
    this.timer ??= setInterval(() => this.tick(), TICK_MS).unref()
    return Promise.resolve()
  }

  consume(batch: Batch): void {
    if (batch.signal !== 'traces') return
    // The batch that is kept has a body of its own: what the journal holds is what waits here.
    const own = batch.whole ? batch : gather([{ batch, spans: allSpans(batch) }])
    if (this.journal) {
      const { segment } = this.journal.append(own.body, own.count)
      this.journalled.set(segment, Date.now())
    }
    this.counters.incoming.value += own.count
    this.add(own)
  }

  private add(batch: TraceBatch): void {
    const now = Date.now()
    const { body, rows, count } = batch
    const late: number[] = []
    let lastAt = -1
    let list: number[] | undefined
    for (let span = 0; span < count; span++) {
      const at = rows[span * STRIDE + TRACE_ID]
      if (lastAt < 0 || !sameId(body, at, lastAt))
        list = this.spansOf(body.toString('latin1', at, at + 16), batch, now, late)
      lastAt = at
      if (list === undefined) this.counters.left.value++
      else list.push(span)
    }
    if (late.length > 0) this.handOn([{ batch, spans: late }])
  }

  /** Where to note spans of a trace: with those that wait, with the late ones to hand on, or nowhere. */
  private spansOf(key: string, batch: TraceBatch, now: number, late: number[]): number[] | undefined {
    const waiting = this.pending.get(key)
    if (waiting) {
      const last = waiting.parts.at(-1)!
      if (last.batch === batch) return last.spans
      const spans: number[] = []
      waiting.parts.push({ batch, spans })
      return spans
    }
    if (this.decided.kept.has(key)) return late
    if (this.decided.left.has(key)) return undefined
    if (this.pending.size >= this.config.num_traces) {
      this.counters.early.value++
      const [oldest] = this.pending
      this.decide([oldest])
    }
    const spans: number[] = []
    this.pending.set(key, { parts: [{ batch, spans }], arrivedAt: now })
    return spans
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
    const keep = new Map<TraceBatch, number[]>()
    for (const [key, trace] of ripe) {
      this.pending.delete(key)
      if (!this.wanted(trace)) {
        this.decided.left.add(key)
        this.counters.tracesLeft.value++
        this.counters.left.value += spanCount(trace)
        continue
      }
      this.decided.kept.add(key)
      this.counters.tracesKept.value++
      for (const { batch, spans } of trace.parts) {
        const list = keep.get(batch)
        if (list) list.push(...spans)
        else keep.set(batch, [...spans])
      }
    }
    let selections: Selection[] = []
    let count = 0
    for (const [batch, spans] of keep) {
      selections.push({ batch, spans: Int32Array.from(spans).sort() })
      count += spans.length
      if (count < MAX_GATHERED) continue
      this.handOn(selections)
      selections = []
      count = 0
    }
    if (count > 0) this.handOn(selections)
  }

  /** Policies are all asked, so that the count of each is true. */
  private wanted(trace: PendingTrace): boolean {
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

  private handOn(selections: readonly Selection[]): void {
    const batch = gather(selections)
    this.counters.kept.value += batch.count
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
