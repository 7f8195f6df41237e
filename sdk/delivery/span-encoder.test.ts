import type { Attributes, HrTime } from '@opentelemetry/api'
import { ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer'
import { resourceFromAttributes } from '@opentelemetry/resources'
import type { ReadableSpan } from '@opentelemetry/sdk-trace'
import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { SpanEncoder } from './span-encoder.ts'

const hex = (bytes: number) =>
  fc.uint8Array({ minLength: bytes, maxLength: bytes }).map((all) => Buffer.from(all).toString('hex'))
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 200 }),
  fc.string({ maxLength: 20 }),
  // Around the lengths at which the length itself takes a byte more, and texts are written in another way.
  fc
    .constantFrom(62, 63, 64, 65, 110, 127, 128, 16_380, 16_390)
    .map((length) => 'é'.repeat(length % 300) + 'a'.repeat(length)),
  fc.constant('\ud800 alone'),
)
const number = fc.oneof(
  fc.integer(),
  fc.maxSafeInteger(),
  fc.double(),
  fc.constantFrom(0, -0, 2 ** 32, 2 ** 63, -(2 ** 63), 2 ** 62, -1, NaN),
)
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    text,
    number,
    fc.boolean(),
    fc.constant(null),
    fc.uint8Array({ maxLength: 20 }),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(text, tie('value'), { maxKeys: 4 }),
  ),
}))
const attributes = fc.dictionary(text, value, { maxKeys: 12 }) as fc.Arbitrary<Attributes>
const time = fc.tuple(
  fc.integer({ min: 0, max: 2 ** 32 }),
  fc.integer({ min: 0, max: 999_999_999 }),
) as fc.Arbitrary<HrTime>
const context = fc
  .record({
    traceId: hex(16),
    spanId: hex(8),
    traceFlags: fc.integer({ min: 0, max: 255 }),
    isRemote: fc.boolean(),
    state: fc.constantFrom('', 'a=1,b=2'),
  })
  .map(({ state, ...rest }) => ({ ...rest, traceState: { serialize: () => state } }))
const resources = ['one', 'two'].map((name) =>
  resourceFromAttributes(
    { 'service.name': name, list: ['a', 'b'] },
    { schemaUrl: name === 'one' ? '' : 'urn:x' },
  ),
)
const scopes = [{ name: 'a' }, { name: 'b', version: '1.2.3' }, { name: '', schemaUrl: 'https://schema' }]
const dropped = fc.integer({ min: 0, max: 300 })
const span = fc
  .record({
    context,
    parent: fc.option(context, { nil: undefined }),
    name: text,
    kind: fc.integer({ min: 0, max: 4 }),
    startTime: time,
    endTime: time,
    attributes,
    status: fc.record({ code: fc.integer({ min: 0, max: 2 }), message: text }, { requiredKeys: ['code'] }),
    events: fc.array(fc.record({ time, name: text, attributes, droppedAttributesCount: dropped }), {
      maxLength: 3,
    }),
    links: fc.array(fc.record({ context, attributes, droppedAttributesCount: dropped }), { maxLength: 3 }),
    counts: fc.tuple(dropped, dropped, dropped),
    resource: fc.constantFrom(...resources),
    scope: fc.constantFrom(...scopes),
  })
  .map(({ context: own, parent, scope, counts, ...rest }) => ({
    ...rest,
    spanContext: () => own,
    ...(parent !== undefined && { parentSpanContext: parent }),
    instrumentationScope: scope,
    droppedAttributesCount: counts[0],
    droppedEventsCount: counts[1],
    droppedLinksCount: counts[2],
  })) as unknown as fc.Arbitrary<ReadableSpan>

it('writes the bytes of the library, whatever the spans', () => {
  const encoder = new SpanEncoder()
  fc.assert(
    fc.property(fc.array(span, { minLength: 1, maxLength: 12 }), (spans) => {
      for (const one of spans) encoder.add(one)
      expect(Buffer.from(encoder.take()).equals(ProtobufTraceSerializer.serializeRequest(spans)!)).toBe(true)
    }),
    { numRuns: 80 },
  )
})

it('writes a batch of many megabytes, and small ones after it', () => {
  const [one] = fc.sample(span, 1)
  const large = { ...one, spanContext: () => one.spanContext(), attributes: { much: 'x'.repeat(3_000_000) } }
  const encoder = new SpanEncoder()
  for (const spans of [[large, one, large], [one]] as ReadableSpan[][]) {
    for (const each of spans) encoder.add(each)
    expect(Buffer.from(encoder.take()).equals(ProtobufTraceSerializer.serializeRequest(spans)!)).toBe(true)
  }
})

it('leaves no trace of a span that cannot be written', () => {
  const [one] = fc.sample(span, 1)
  const bad = {
    ...one,
    spanContext: () => one.spanContext(),
    attributes: Object.defineProperty({}, 'bad', {
      enumerable: true,
      get() {
        throw new Error('no')
      },
    }),
  } as ReadableSpan
  const encoder = new SpanEncoder()
  encoder.add(one)
  expect(() => encoder.add(bad)).toThrow('no')
  encoder.add(one)
  expect(Buffer.from(encoder.take()).equals(ProtobufTraceSerializer.serializeRequest([one, one])!)).toBe(true)
})
