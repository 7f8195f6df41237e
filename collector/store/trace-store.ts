import type { Batch } from '../component.ts'
import { resourceAttributes } from '../otlp/attributes.ts'
import {
  encodeTraces,
  END_TIME,
  epochMs,
  gather,
  NAME,
  NAME_END,
  PARENT_ID,
  SPAN_ID,
  START_TIME,
  STATUS,
  STRIDE,
  TRACE_ID,
  type TraceBatch,
} from '../otlp/trace-batch.ts'
import { isRun, RequestLog, traceKey, type RequestLogOptions } from './request-log.ts'
import { runView, type RunView } from './run-view.ts'
import { serviceName, viewSpan, type SpanView } from './span-view.ts'
import { createTraceColumns, type TraceColumns } from './trace-columns.ts'
import { spanMatcher, type TraceQuery } from './trace-query.ts'

export interface TraceSummary {
  readonly traceId: string
  /** Of the root span, or of the earliest one while the root has not come. */
  readonly name: string
  readonly service: string
  readonly startTime: string
  readonly durationMs: number
  readonly spanCount: number
  readonly errorCount: number
}

/** Recent traces, for the viewer: what came to the receiver, before sampling. */
export class TraceStore {
  private readonly log: RequestLog

  constructor(options: RequestLogOptions) {
    this.log = new RequestLog(options)
  }

  get size(): { requests: number; bytes: number } {
    return this.log.size
  }

  get damagedRecords(): number {
    return this.log.damagedRecords
  }

  append(batch: Batch): void {
    if (batch.signal === 'traces') this.log.append(batch)
  }

  close(): void {
    this.log.close()
  }

  /** Those that the query asks for, newest first by their start. */
  async traces(query: TraceQuery): Promise<TraceSummary[]> {
    const found = new Map<string, Building>()
    const matches = spanMatcher(query)
    const takesAll = matches === undefined && takesEveryTrace(query)
    let requests = 0
    let oldest = Infinity
    await this.log.newestFirst(
      () => true,
      (batch, { serial }, latestStartLeft) => {
        collect(batch, found, matches)
        oldest = serial
        // Without conditions the newest are known once nothing older can have started later than they did.
        requests++
        return !(takesAll && (requests & (requests - 1)) === 0 && enough(found, query.limit, latestStartLeft))
      },
    )
    const chosen = [...found.values()]
      .filter((trace) => trace.matched && fits(trace, query))
      .sort((a, b) => (a.start < b.start ? 1 : a.start > b.start ? -1 : 0))
      .slice(0, query.limit)
    if (takesAll) await this.complete(chosen, oldest)
    return chosen.map(summary)
  }

  /** Adds the spans of these traces that requests older than `serial` hold. */
  private async complete(chosen: readonly Building[], serial: number): Promise<void> {
    const ids = new Map(chosen.map((trace) => [trace.traceId, trace]))
    const keys = new Set(chosen.map(({ traceId }) => traceKey(Buffer.from(traceId, 'hex'), 0)))
    await this.log.newestFirst(
      (entry) => entry.serial < serial && entry.traces.some((key) => keys.has(key)),
      (batch) => {
        collect(batch, ids, undefined, true)
        return true
      },
    )
  }

  async trace(traceId: string): Promise<SpanView[]> {
    const spans = new Map<string, SpanView>()
    await this.eachSpan(traceId, (batch, span) => {
      const view = viewSpan(batch, span)
      // Sent twice, the later one holds.
      if (!spans.has(view.spanId)) spans.set(view.spanId, view)
      return true
    })
    return [...spans.values()].sort((a, b) => {
      const x = BigInt(a.startTimeUnixNano)
      const y = BigInt(b.startTimeUnixNano)
      return x < y ? -1 : x > y ? 1 : 0
    })
  }

  /** The same trace without what takes decoding; undefined when it is not here. */
  async columns(traceId: string): Promise<TraceColumns | undefined> {
    const columns = createTraceColumns()
    await this.eachSpan(traceId, (batch, span) => {
      columns.add(batch, span)
      return true
    })
    return columns.columns()
  }

  /** One span of a trace. */
  async span(traceId: string, spanId: string): Promise<SpanView | undefined> {
    const id = Buffer.from(spanId, 'hex')
    let found: SpanView | undefined
    await this.eachSpan(traceId, (batch, span) => {
      const at = batch.rows[span * STRIDE + SPAN_ID]
      if (batch.body.compare(id, 0, 8, at, at + 8) === 0) found = viewSpan(batch, span)
      return found === undefined
    })
    return found
  }

  /** Ids of the trace's spans that have `text` in their name, status, attributes or events, in any case. */
  async search(traceId: string, text: string): Promise<string[]> {
    const wanted = text.toLowerCase()
    const found = new Set<string>()
    await this.eachSpan(traceId, (batch, span) => {
      const { resource: _, ...own } = viewSpan(batch, span)
      if (JSON.stringify(own).toLowerCase().includes(wanted)) found.add(own.spanId)
      return true
    })
    return [...found]
  }

  /** The trace as one OTLP request; undefined when it is not here. */
  async otlp(traceId: string): Promise<Buffer | undefined> {
    const id = Buffer.from(traceId, 'hex')
    const key = traceKey(id, 0)
    const parts: Buffer[] = []
    await this.log.newestFirst(
      (entry) => entry.traces.includes(key),
      (batch) => {
        const spans: number[] = []
        for (let span = 0; span < batch.count; span++) {
          const at = batch.rows[span * STRIDE + TRACE_ID]
          if (batch.body.compare(id, 0, 16, at, at + 16) === 0) spans.push(span)
        }
        // The next batch may lie in the same memory.
        if (spans.length > 0) parts.push(Buffer.from(encodeTraces(gather([{ batch, spans }]))))
        return true
      },
    )
    // Requests one after another are one request: their lists are joined.
    return parts.length === 0 ? undefined : Buffer.concat(parts)
  }

  /** Duration in ms of each span of this name, by trace and span id joined by a space; at most `limit`. */
  async durations(name: string, limit: number): Promise<Map<string, number>> {
    const wanted = Buffer.from(name)
    const found = new Map<string, number>()
    await this.log.newestFirst(
      () => true,
      ({ body, rows, count }) => {
        for (let span = 0; span < count; span++) {
          const row = span * STRIDE
          if (body.compare(wanted, 0, wanted.length, rows[row + NAME], rows[row + NAME_END]) !== 0) continue
          const [trace, id] = [rows[row + TRACE_ID], rows[row + SPAN_ID]]
          const key = `${body.toString('hex', trace, trace + 16)} ${body.toString('hex', id, id + 8)}`
          const ns = nanos(body, rows[row + END_TIME]) - nanos(body, rows[row + START_TIME])
          if (!found.has(key)) found.set(key, Number(ns) / 1e6)
        }
        return found.size < limit
      },
    )
    return found
  }

  /** Calls `seen` with the spans of a trace, the newest request first, until it answers false. */
  private async eachSpan(traceId: string, seen: (batch: TraceBatch, span: number) => boolean): Promise<void> {
    const id = Buffer.from(traceId, 'hex')
    const key = traceKey(id, 0)
    await this.log.newestFirst(
      (entry) => entry.traces.includes(key),
      (batch) => {
        for (let span = 0; span < batch.count; span++) {
          const at = batch.rows[span * STRIDE + TRACE_ID]
          if (batch.body.compare(id, 0, 16, at, at + 16) === 0 && !seen(batch, span)) return false
        }
        return true
      },
    )
  }

  /** Runs of engines, newest first by their start. The query's conditions are on the run's own span. */
  async runs(query: TraceQuery): Promise<RunView[]> {
    const matches = spanMatcher(query)
    const found = new Map<string, { key: string; start: number; view: RunView }>()
    const newest = () => [...found.values()].sort((a, b) => b.start - a.start).slice(0, query.limit)
    /** Those that started no later cannot be among the newest any more. */
    let floor = -Infinity
    await this.log.newestFirst(
      (entry) =>
        entry.hasRun &&
        (query.from === undefined || entry.latestStart >= query.from) &&
        (query.to === undefined || entry.earliestStart < query.to + 1),
      (batch, _entry, latestStartLeft) => {
        for (let span = 0; span < batch.count; span++) {
          if (!isRun(batch, span) || !spanFits(batch, span, query) || matches?.(batch, span) === false)
            continue
          const start = epochMs(batch.body, batch.rows[span * STRIDE + START_TIME])
          if (start <= floor) continue
          const at = batch.rows[span * STRIDE + TRACE_ID]
          const key = `${batch.body.toString('hex', at, at + 16)} ${spanIdOf(batch, span)}`
          if (!found.has(key)) found.set(key, { key, start, view: runView(batch, span) })
        }
        if (found.size >= 2 * query.limit) {
          const keep = newest()
          found.clear()
          for (const run of keep) found.set(run.key, run)
          floor = keep.at(-1)!.start
        }
        return !enough(found, query.limit, latestStartLeft)
      },
    )
    return newest().map(({ view }) => view)
  }
}

interface Building {
  readonly traceId: string
  /** Epoch ms, exact to half a microsecond; `first` and `last` are the exact nanoseconds. */
  start: number
  end: number
  first: bigint
  last: bigint
  root: boolean
  named: number
  name: string
  service: string
  spanCount: number
  errorCount: number
  /** A span of it has what the query asks of one. */
  matched: boolean
}

/** Adds a request's spans to their traces; to those that are there already when `only` is set. */
function collect(
  batch: TraceBatch,
  found: Map<string, Building>,
  matches: ((batch: TraceBatch, span: number) => boolean) | undefined,
  only = false,
): void {
  const { body, rows } = batch
  let lastAt = 0
  let trace: Building | undefined
  for (let span = 0; span < batch.count; span++) {
    const row = span * STRIDE
    const at = rows[row + TRACE_ID]
    const start = epochMs(body, rows[row + START_TIME])
    const end = epochMs(body, rows[row + END_TIME])
    const root = rows[row + PARENT_ID] === 0
    if (lastAt === 0 || body.compare(body, lastAt, lastAt + 16, at, at + 16) !== 0) {
      const traceId = body.toString('hex', at, at + 16)
      trace = found.get(traceId)
      if (trace === undefined && !only) {
        trace = {
          traceId,
          start,
          end,
          first: nanos(body, rows[row + START_TIME]),
          last: nanos(body, rows[row + END_TIME]),
          root: false,
          named: Infinity,
          name: '',
          service: '',
          spanCount: 0,
          errorCount: 0,
          matched: matches === undefined,
        }
        found.set(traceId, trace)
      }
    }
    lastAt = at
    if (trace === undefined) continue
    trace.matched ||= matches!(batch, span)
    trace.spanCount++
    if (rows[row + STATUS] === 2) trace.errorCount++
    if (start <= trace.start) {
      const exact = nanos(body, rows[row + START_TIME])
      if (exact < trace.first) trace.first = exact
      trace.start = start
    }
    if (end >= trace.end) {
      const exact = nanos(body, rows[row + END_TIME])
      if (exact > trace.last) trace.last = exact
      trace.end = end
    }
    if ((root && !trace.root) || (root === trace.root && start < trace.named)) {
      trace.root = root
      trace.named = start
      trace.name = body.toString('utf8', rows[row + NAME], rows[row + NAME_END])
      trace.service = serviceName(resourceAttributes(batch, span))
    }
  }
}

/** Whether `limit` of them started later than `latestStart`. */
function enough(found: ReadonlyMap<string, { start: number }>, limit: number, latestStart: number): boolean {
  if (found.size < limit) return false
  let later = 0
  for (const { start } of found.values()) if (start > latestStart && ++later >= limit) return true
  return false
}

function takesEveryTrace({ minDurationMs, error, from, to }: TraceQuery): boolean {
  return minDurationMs === undefined && error === undefined && from === undefined && to === undefined
}

/** What a query asks of the trace as a whole. */
function fits(trace: Building, query: TraceQuery): boolean {
  const { minDurationMs, error, from, to } = query
  const start = Number(trace.first / 1_000_000n)
  return (
    (minDurationMs === undefined || durationMs(trace) >= minDurationMs) &&
    (error === undefined || trace.errorCount > 0 === error) &&
    (from === undefined || start >= from) &&
    (to === undefined || start <= to)
  )
}

/** The same, asked of one span. */
function spanFits({ body, rows }: TraceBatch, span: number, query: TraceQuery): boolean {
  const { minDurationMs, error, from, to } = query
  const row = span * STRIDE
  const first = nanos(body, rows[row + START_TIME])
  const start = Number(first / 1_000_000n)
  const ms = Number(nanos(body, rows[row + END_TIME]) - first) / 1e6
  return (
    (minDurationMs === undefined || ms >= minDurationMs) &&
    (error === undefined || (rows[row + STATUS] === 2) === error) &&
    (from === undefined || start >= from) &&
    (to === undefined || start <= to)
  )
}

function durationMs(trace: Building): number {
  return Number(trace.last - trace.first) / 1e6
}

function nanos(body: Buffer, at: number): bigint {
  return at === 0 ? 0n : body.readBigUInt64LE(at)
}

function spanIdOf({ body, rows }: TraceBatch, span: number): string {
  const at = rows[span * STRIDE + SPAN_ID]
  return body.toString('hex', at, at + 8)
}

function summary(trace: Building): TraceSummary {
  return {
    traceId: trace.traceId,
    name: trace.name,
    service: trace.service,
    startTime: new Date(Number(trace.first / 1_000_000n)).toISOString(),
    durationMs: durationMs(trace),
    spanCount: trace.spanCount,
    errorCount: trace.errorCount,
  }
}
