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
  /** The last look-up, for conditions that ask the same span again. */
  private lastRows: Int32Array | undefined
  private lastSpan = -1
  private start = -1
  /** End of what `find` has found last. */
  end = -1

  constructor(key: string) {
    this.key = key
    this.bytes = Buffer.from(key, 'utf8')
  }

  /** Offset of the encoded AnyValue, -1 when the span has no such attribute; `end` then says where it ends. */
  find(batch: TraceBatch, span: number): number {
    if (batch.rows === this.lastRows && span === this.lastSpan) return this.start
    this.lastRows = batch.rows
    this.lastSpan = span
    this.start = this.search(batch, span)
    return this.start
  }

  private at({ start, end }: Range): number {
    this.end = end
    return start
  }

  private search(batch: TraceBatch, span: number): number {
    const { body, rows } = batch
    const row = span * STRIDE
    let pos = rows[row + FIRST_ATTRIBUTE]
    if (pos === 0) return -1
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
        if (i < 0) {
          const value = at + size
          // As a rule a short value follows, and nothing else.
          if (body[value] === 18 && value + 2 + body[value + 1] === stop) {
            this.end = stop
            return value + 2
          }
          return this.at(valueRange(body, value, stop))
        }
      } else if (body[pos] !== 10 || body[pos + 1] >= 0x80) {
        const slow = this.slow(body, pos, stop)
        if (slow) return this.at(slow)
      }
      pos = stop
    }
    const scattered = pos < end ? this.scattered(batch, pos, end) : undefined
    return scattered === undefined ? -1 : this.at(scattered)
  }

  /** A KeyValue whose key comes second or is long. */
  private slow(body: Buffer, start: number, stop: number): Range | undefined {
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
  private scattered(batch: TraceBatch, from: number, end: number): Range | undefined {
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
    const start = this.find(batch, span)
    return start < 0 ? undefined : readValue(batch.body, start, this.end)
  }

  /** Whether the span has this attribute with this text, given as UTF-8. */
  equals(batch: TraceBatch, span: number, text: Buffer): boolean {
    const start = this.find(batch, span)
    if (start < 0) return false
    const { body } = batch
    const { end } = this
    const size = text.length
    if (size < 0x80 && body[start] === 10 && start + 2 + body[start + 1] === end) {
      if (body[start + 1] !== size) return false
      let i = size - 1
      while (i >= 0 && body[start + 2 + i] === text[i]) i--
      return i < 0
    }
    return readValue(body, start, end) === text.toString('utf8')
  }

  ofResource(batch: TraceBatch, span: number): JsonValue | undefined {
    return resourceAttributes(batch, span)[this.key]
  }
}

interface Range {
  readonly start: number
  readonly end: number
}

function valueRange(body: Buffer, pos: number, stop: number): Range {
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
