import { decode, type JsonValue } from './codec.ts'
import { AnyValue } from './schema.ts'
import { decodeResource, END, FIRST_ATTRIBUTE, SCOPE, STRIDE, type TraceBatch } from './trace-batch.ts'
import { attributesOf, plainValue } from './plain.ts'
import { WireReader } from './wire.ts'

const ATTRIBUTE = 74

/**
 * Looks up attributes of spans in a batch by key, without decoding the span. The batch has been scanned, so its
 * bytes are sound here.
 */
export class AttributeReader {
  readonly key: string
  private readonly bytes: Buffer

  constructor(key: string) {
    this.key = key
    this.bytes = Buffer.from(key, 'utf8')
  }

  /** Offset of the encoded AnyValue and its end, or undefined when the span has no such attribute. */
  find(batch: TraceBatch, span: number): { start: number; end: number } | undefined {
    const { body, rows } = batch
    const row = span * STRIDE
    let pos = rows[row + FIRST_ATTRIBUTE]
    if (pos === 0) return undefined
    const end = rows[row + END]
    const { bytes } = this
    const size = bytes.length
    while (pos < end && body[pos] === ATTRIBUTE) {
      // Length of the KeyValue: one byte, unless it is long.
      let length = body[++pos]
      if (length < 0x80) pos++
      else {
        const reader = new WireReader(body, pos, end)
        length = reader.length() - reader.pos
        pos = reader.pos
      }
      const stop = pos + length
      if (body[pos] === 10 && body[pos + 1] === size && size < 0x80) {
        const at = pos + 2
        let i = size - 1
        while (i >= 0 && body[at + i] === bytes[i]) i--
        if (i < 0) return valueRange(body, at + size, stop)
      } else if (body[pos] !== 10 || body[pos + 1] >= 0x80) {
        const slow = this.slow(body, pos, stop)
        if (slow) return slow
      }
      pos = stop
    }
    return pos < end ? this.scattered(batch, pos, end) : undefined
  }

  /** A KeyValue whose key comes second or is long. */
  private slow(body: Buffer, start: number, stop: number): { start: number; end: number } | undefined {
    const reader = new WireReader(body, start, stop)
    let matches = this.bytes.length === 0
    let value = { start: stop, end: stop }
    while (reader.pos < stop) {
      const tag = reader.tag()
      if (tag === 10) {
        const end = reader.length()
        matches = this.bytes.equals(body.subarray(reader.pos, end))
        reader.pos = end
      } else if (tag === 18) {
        const end = reader.length()
        value = { start: reader.pos, end }
        reader.pos = end
      } else reader.skip(tag)
    }
    return matches ? value : undefined
  }

  /** Attributes that other fields stand between: rare, and allowed. */
  private scattered(batch: TraceBatch, from: number, end: number) {
    const reader = new WireReader(batch.body, from, end)
    while (reader.pos < end) {
      const tag = reader.tag()
      if (tag !== ATTRIBUTE) {
        reader.skip(tag)
        continue
      }
      const stop = reader.length()
      const found = this.slow(batch.body, reader.pos, stop)
      if (found) return found
      reader.pos = stop
    }
    return undefined
  }

  /** The value as JavaScript has it; undefined when the span has no such attribute. */
  ofSpan(batch: TraceBatch, span: number): JsonValue | undefined {
    const range = this.find(batch, span)
    return range && readValue(batch.body, range.start, range.end)
  }

  ofResource(batch: TraceBatch, span: number): JsonValue | undefined {
    return resourceAttributes(batch, span)[this.key]
  }
}

function valueRange(body: Buffer, pos: number, stop: number): { start: number; end: number } {
  if (pos < stop && body[pos] === 18) {
    const length = body[pos + 1]
    if (length < 0x80) return { start: pos + 2, end: pos + 2 + length }
  }
  const reader = new WireReader(body, pos, stop)
  let range = { start: stop, end: stop }
  while (reader.pos < stop) {
    const tag = reader.tag()
    if (tag === 18) {
      const end = reader.length()
      range = { start: reader.pos, end }
      reader.pos = end
    } else reader.skip(tag)
  }
  return range
}

/** An encoded AnyValue. Strings and small integers take the short way. */
export function readValue(body: Buffer, start: number, end: number): JsonValue {
  if (start === end) return null
  if (body[start] === 10 && start + 2 + body[start + 1] === end) return body.toString('utf8', start + 2, end)
  if (body[start] === 16 && start + 2 === end) return body[start + 1] !== 0
  if (body[start] === 24 && start + 2 === end) return body[start + 1]
  return plainValue(decode(AnyValue, body, start, end))
}

const resourceMaps = new WeakMap<object, Record<string, JsonValue>>()

/** Attributes of the resource that a span belongs to, decoded once per resource. */
export function resourceAttributes(batch: TraceBatch, span: number): Record<string, JsonValue> {
  const entry = batch.resources[batch.scopes[batch.rows[span * STRIDE + SCOPE]].resource]
  let map = resourceMaps.get(entry)
  if (map === undefined) {
    map = attributesOf(decodeResource(entry))
    resourceMaps.set(entry, map)
  }
  return map
}
