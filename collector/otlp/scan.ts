import type { Batch } from '../component.ts'
import { REQUESTS, WIRE_TYPE, type Message, type Signal } from './schema.ts'
import { gather, scanTraces, SPAN_ID, STRIDE, TRACE_ID, type TraceBatch } from './trace-batch.ts'
import { BYTES, MAX_DEPTH, PayloadError, WireReader } from './wire.ts'

export interface Scanned {
  readonly batch: Batch
  /** Spans that were left out because they have no identity. */
  readonly rejected: number
}

/** Validates an encoded export request of any signal. Throws PayloadError. */
export function scanBatch(signal: Signal, body: Buffer): Scanned {
  if (signal === 'traces') return withIdentity(scanTraces(body))
  const counted = signal === 'logs' ? 'LogRecord' : 'DataPoint'
  const count = validate(REQUESTS[signal], new WireReader(body), body.length, counted, 0)
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
  return { batch: rejected === 0 ? batch : gather([{ batch, spans: valid }]), rejected }
}

function isId(body: Buffer, at: number, size: number): boolean {
  if (at === 0) return false
  for (let i = at + size - 1; i >= at; i--) if (body[i] !== 0) return true
  return false
}

/** Checks a message against its table; answers with how many messages of the counted kind it holds. */
function validate(type: Message, reader: WireReader, stop: number, counted: string, depth: number): number {
  if (depth > MAX_DEPTH) throw new PayloadError(`${type.name} is nested deeper than ${MAX_DEPTH}`)
  const outer = reader.end
  reader.end = stop
  let found = type.name.endsWith(counted) ? 1 : 0
  while (reader.pos < stop) {
    const tag = reader.tag()
    const field = type.byId[tag >>> 3]
    if (field === undefined) {
      reader.skip(tag)
      continue
    }
    const wire = tag & 7
    if (typeof field.type === 'object') {
      if (wire !== BYTES) throw new PayloadError(`${type.name}.${field.name} has wire type ${wire}`)
      found += validate(field.type, reader, reader.length(), counted, depth + 1)
      continue
    }
    const at = reader.pos
    reader.skip(tag)
    const packed = field.repeated && wire === BYTES
    if (field.type === 'id16' || field.type === 'id8') {
      const size = field.type === 'id16' ? 17 : 9
      if (wire !== BYTES || (reader.pos - at !== size && reader.pos - at !== 1))
        throw new PayloadError(`${type.name}.${field.name} is not an id of ${size - 1} bytes`)
    } else if (!packed && wire !== WIRE_TYPE[field.type]) {
      throw new PayloadError(`${type.name}.${field.name} has wire type ${wire}`)
    }
  }
  reader.end = outer
  return found
}
