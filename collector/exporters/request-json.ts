import type { Batch } from '../component.ts'
import { decode, type Json } from '../otlp/codec.ts'
import { REQUESTS } from '../otlp/schema.ts'
import { encodeTraces } from '../otlp/trace-batch.ts'

/** The encoded request of a batch, whatever its signal. */
export function encodedRequest(batch: Batch): Buffer {
  return batch.signal === 'traces' ? encodeTraces(batch) : batch.body
}

/** A batch in OTLP's JSON encoding. */
export function requestJson(batch: Batch): Json {
  return decode(REQUESTS[batch.signal], encodedRequest(batch))
}
