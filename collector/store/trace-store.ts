import type { Batch } from '../component.ts'
import {
  END_TIME,
  NAME,
  NAME_END,
  PARENT_ID,
  START_TIME,
  STATUS,
  STRIDE,
  TRACE_ID,
  type TraceBatch,
} from '../otlp/trace-batch.ts'
import { resourceAttributes } from '../otlp/attributes.ts'
import { serviceName, viewSpan, type SpanView } from './span-view.ts'
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

/** Recent traces, for the viewer. Keeps whole requests, newest last, and drops the oldest beyond `maxBytes`. */
export class TraceStore {
  private readonly maxBytes: number
  private readonly batches: TraceBatch[] = []
  private bytes = 0

  constructor(options: { readonly maxBytes: number }) {
    this.maxBytes = options.maxBytes
  }

  append(batch: Batch): void {
    if (batch.signal !== 'traces') return
    this.batches.push(batch)
    this.bytes += batch.body.length + batch.rows.byteLength
    while (this.bytes > this.maxBytes && this.batches.length > 1) {
      const oldest = this.batches.shift()!
      this.bytes -= oldest.body.length + oldest.rows.byteLength
    }
  }

  /** Those that the query asks for, newest first by their start. */
  traces(query: TraceQuery): TraceSummary[] {
    const found = new Map<string, Building>()
    const matches = spanMatcher(query)
    for (const batch of this.batches) {
      const { body, rows } = batch
      for (let span = 0; span < batch.count; span++) {
        const row = span * STRIDE
        const at = rows[row + TRACE_ID]
        const traceId = body.toString('hex', at, at + 16)
        const start = nanos(body, rows[row + START_TIME])
        const end = nanos(body, rows[row + END_TIME])
        const root = rows[row + PARENT_ID] === 0
        let trace = found.get(traceId)
        if (trace === undefined) {
          const matched = matches === undefined
          trace = {
            traceId,
            start,
            end,
            root: false,
            named: start,
            batch,
            span,
            spanCount: 0,
            errorCount: 0,
            matched,
          }
          found.set(traceId, trace)
        }
        trace.matched ||= matches!(batch, span)
        trace.spanCount++
        if (rows[row + STATUS] === 2) trace.errorCount++
        if (start < trace.start) trace.start = start
        if (end > trace.end) trace.end = end
        if ((root && !trace.root) || (root === trace.root && start < trace.named)) {
          trace.root = root
          trace.named = start
          trace.batch = batch
          trace.span = span
        }
      }
    }
    return [...found.values()]
      .filter((trace) => trace.matched && fits(trace, query))
      .sort((a, b) => (a.start < b.start ? 1 : a.start > b.start ? -1 : 0))
      .slice(0, query.limit)
      .map(summary)
  }

  trace(traceId: string): SpanView[] {
    const id = Buffer.from(traceId, 'hex')
    const spans = new Map<string, SpanView>()
    for (const batch of this.batches) {
      for (let span = 0; span < batch.count; span++) {
        const at = batch.rows[span * STRIDE + TRACE_ID]
        if (batch.body.compare(id, 0, 16, at, at + 16) !== 0) continue
        const view = viewSpan(batch, span)
        spans.set(view.spanId, view)
      }
    }
    return [...spans.values()].sort((a, b) => {
      const x = BigInt(a.startTimeUnixNano)
      const y = BigInt(b.startTimeUnixNano)
      return x < y ? -1 : x > y ? 1 : 0
    })
  }
}

interface Building {
  readonly traceId: string
  start: bigint
  end: bigint
  root: boolean
  named: bigint
  batch: TraceBatch
  span: number
  spanCount: number
  errorCount: number
  /** A span of it has what the query asks of one. */
  matched: boolean
}

/** What a query asks of the trace as a whole. */
function fits(trace: Building, query: TraceQuery): boolean {
  const { minDurationMs, error, from, to } = query
  const start = Number(trace.start / 1_000_000n)
  return (
    (minDurationMs === undefined || durationMs(trace) >= minDurationMs) &&
    (error === undefined || trace.errorCount > 0 === error) &&
    (from === undefined || start >= from) &&
    (to === undefined || start <= to)
  )
}

function durationMs(trace: Building): number {
  return Number(trace.end - trace.start) / 1e6
}

function nanos(body: Buffer, at: number): bigint {
  return at === 0 ? 0n : body.readBigUInt64LE(at)
}

function summary(trace: Building): TraceSummary {
  const { batch, span } = trace
  const row = span * STRIDE
  return {
    traceId: trace.traceId,
    name: batch.body.toString('utf8', batch.rows[row + NAME], batch.rows[row + NAME_END]),
    service: serviceName(resourceAttributes(batch, span)),
    startTime: new Date(Number(trace.start / 1_000_000n)).toISOString(),
    durationMs: durationMs(trace),
    spanCount: trace.spanCount,
    errorCount: trace.errorCount,
  }
}
