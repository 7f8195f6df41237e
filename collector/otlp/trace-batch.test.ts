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

test('a value is taken as deep as it can be decoded again, and refused beyond', () => {
  const field = (tag: number, bytes: Buffer): Buffer => {
    const size = bytes.length
    return Buffer.concat([
      Buffer.from(size < 128 ? [tag, size] : [tag, (size & 0x7f) | 0x80, size >> 7]),
      bytes,
    ])
  }
  const nested = (levels: number) => {
    let value = field(10, Buffer.from('deep'))
    for (let i = 0; i < levels; i++) value = field(42, field(10, value))
    const ids = Buffer.concat([field(10, Buffer.alloc(16, 1)), field(18, Buffer.alloc(8, 1))])
    const span = Buffer.concat([
      ids,
      field(74, Buffer.concat([field(10, Buffer.from('k')), field(18, value)])),
    ])
    return field(10, field(18, field(18, span)))
  }
  const verdict = (read: () => void) => {
    try {
      read()
      return 'taken'
    } catch (error) {
      return error instanceof PayloadError ? 'refused' : error
    }
  }
  const verdicts = Array.from({ length: 40 }, (_, levels) => {
    const bytes = nested(levels)
    return [verdict(() => scanTraces(bytes)), verdict(() => decode(TracesRequest, bytes))]
  })
  expect(verdicts.filter(([scanned, decoded]) => scanned !== decoded)).toEqual([])
  expect(verdicts[0]).toEqual(['taken', 'taken'])
  expect(verdicts[39]).toEqual(['refused', 'refused'])
})

test('no change of a single byte is taken that cannot be decoded again', () => {
  const tried = Buffer.from(body)
  const undecodable: string[] = []
  for (const [at, original] of body.entries()) {
    // Every wire type and field number near it, and the extremes of a length.
    for (const byte of [0, 1, 7, 9, 16, 33, 0x7f, 0x80, 0xff, original ^ 1, original ^ 2, original ^ 8]) {
      tried[at] = byte
      try {
        scanTraces(tried)
      } catch (error) {
        if (error instanceof PayloadError) continue
        throw error
      }
      try {
        decode(TracesRequest, tried)
      } catch (error) {
        undecodable.push(`byte ${at} = ${byte}: ${String(error)}`)
      }
    }
    tried[at] = original
  }
  expect(undecodable).toEqual([])
})
