import type { Batch } from '../component.ts'
import { REQUESTS, type Signal } from './schema.ts'
import { gather, scanTraces, SPAN_ID, STRIDE, TRACE_ID, type TraceBatch } from './trace-batch.ts'
import { validate } from './validate.ts'
import { WireReader } from './wire.ts'

interface Scanned {
  readonly batch: Batch
  /** Spans that were left out because they have no identity. */
  readonly rejected: number
}

/** Validates an encoded export request of any signal. Throws PayloadError. */
export function scanBatch(signal: Signal, body: Buffer): Scanned {
  if (signal === 'traces') return withIdentity(scanTraces(body))
  const counted = signal === 'logs' ? 'LogRecord' : 'DataPoint'
  const count = validate(REQUESTS[signal], new WireReader(body), body.length, 0, counted)
  return { batch: { signal, body, count }, rejected: 0 }
}

/** A span without a trace id or span id, or with one of only zeros, is invalid and belongs to nothing. */
function withIdentity(batch: TraceBatch): Scanned {
  const { body, rows } = batch
  const valid: number[] = []
  for (let span = 0; span < batch.count; span++) {
    const row = span * STRIDE
    if (isId(body, rows[row + TRACE_ID], 16) && isId(body, rows[row + SPAN_ID], 8)) valid.push(span)
  }
  const rejected = batch.count - valid.length
  // Scanned anew, so that nothing of it lies in the memory of the request.
  return { batch: rejected === 0 ? batch : scanTraces(gather([{ batch, spans: valid }]).body), rejected }
}

function isId(body: Buffer, at: number, size: number): boolean {
  if (at === 0) return false
  for (let i = at + size - 1; i >= at; i--) if (body[i] !== 0) return true
  return false
}
