import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { assert, nat, property, subarray } from 'fast-check'
import { expect, test } from 'vitest'
import { decode, encode, type Json } from './codec.ts'
import { scanBatch } from './scan.ts'
import { TracesRequest } from './schema.ts'
import { allSpans, gather, scanTraces, type TraceBatch } from './trace-batch.ts'
import { PayloadError } from './wire.ts'

const golden = JSON.parse(
  readFileSync(join(import.meta.dirname, '..', 'golden', 'traces.json'), 'utf8'),
) as Json
const body = encode(TracesRequest, golden)

test('the golden request survives JSON, protobuf and back', () => {
  expect(decode(TracesRequest, body)).toEqual(golden)
})

test('gathering all spans of a request writes the same request', () => {
  const batch = scanTraces(body)
  expect(batch.count).toBe(4)
  const again = gather([{ batch, spans: allSpans(batch) }])
  expect(decode(TracesRequest, again.body)).toEqual(golden)
  expect(scanTraces(again.body).rows).toEqual(again.rows)
})

test('any selection of spans is a valid request with just those spans', () => {
  const batch = scanTraces(body)
  assert(
    property(subarray([0, 1, 2, 3], { minLength: 1 }), (spans) => {
      const part = gather([{ batch, spans }])
      expect(scanTraces(part.body).count).toBe(spans.length)
      expect(scanTraces(part.body).rows).toEqual(part.rows)
    }),
  )
})

test('a truncated or mutated request is either taken or refused, never anything else', () => {
  const attempt = (bytes: Buffer): TraceBatch | undefined => {
    try {
      return scanBatch('traces', bytes).batch as TraceBatch
    } catch (error) {
      if (!(error instanceof PayloadError)) throw error
      return undefined
    }
  }
  const cuts = Array.from(body, (_, cut) => attempt(body.subarray(0, cut)))
  // Nothing is a request without spans; cut inside its one resource it is no request.
  expect(cuts.filter((batch) => batch !== undefined)).toHaveLength(1)
  assert(
    property(nat(body.length - 1), nat(255), (at, byte) => {
      const bytes = Buffer.from(body)
      bytes[at] = byte
      const batch = attempt(bytes)
      if (batch) decode(TracesRequest, gather([{ batch, spans: allSpans(batch) }]).body)
    }),
    { numRuns: 2000 },
  )
})
