import { decode, type Json } from './codec.ts'
import { Resource, Scope } from './schema.ts'
import { validate } from './validate.ts'
import { BYTES, MAX_DEPTH, PayloadError, varintSize, WireReader } from './wire.ts'

/**
 * Columns of `TraceBatch.rows`. Offsets are into `body`; 0 means absent (no field of a span can start there).
 * A span's values stay in the body until somebody asks for one.
 */
export const TAG = 0
export const START = 1
export const END = 2
export const TRACE_ID = 3
export const SPAN_ID = 4
export const PARENT_ID = 5
export const NAME = 6
export const NAME_END = 7
export const START_TIME = 8
export const END_TIME = 9
export const FIRST_ATTRIBUTE = 10
/** From here on values, not offsets. */
export const KIND = 11
export const STATUS = 12
export const SCOPE = 13
export const STRIDE = 14

export interface ResourceEntry {
  /** The encoded Resource message. */
  readonly bytes: Buffer
  readonly schemaUrl: Buffer
}

export interface ScopeEntry {
  /** Position in `resources`. */
  readonly resource: number
  /** The encoded InstrumentationScope message. */
  readonly bytes: Buffer
  readonly schemaUrl: Buffer
}

/** Spans as byte ranges of the request they came in. Immutable: a processor that changes spans makes a new one. */
export interface TraceBatch {
  readonly signal: 'traces'
  readonly body: Buffer
  readonly resources: readonly ResourceEntry[]
  readonly scopes: readonly ScopeEntry[]
  /** `count` rows of STRIDE columns. */
  readonly rows: Int32Array
  readonly count: number
  /** Whether `body` is exactly the encoding of this batch, so that it can be passed on as it is. */
  readonly whole: boolean
}

const EMPTY = Buffer.alloc(0)
const TAG_LENGTH = (1 << 3) | BYTES

/**
 * Validates an encoded ExportTraceServiceRequest and finds its spans, in one pass and without decoding.
 * Throws PayloadError for anything that is not that message.
 */
export function scanTraces(body: Buffer): TraceBatch {
  const scan = new TraceScan(body)
  return scan.request()
}

let lastRows = new Int32Array(512 * STRIDE)

class TraceScan {
  private readonly reader: WireReader
  private readonly resources: ResourceEntry[] = []
  private readonly scopes: ScopeEntry[] = []
  private rows = lastRows
  private count = 0

  constructor(body: Buffer) {
    this.reader = new WireReader(body)
  }

  request(): TraceBatch {
    const { reader } = this
    const { buf } = reader
    const size = buf.length
    while (reader.pos < size) {
      const tag = reader.tag()
      if (tag === TAG_LENGTH) this.within(reader.length(), () => this.resourceSpans())
      else if (tag >>> 3 === 1) throw wrongWireType('ExportTraceServiceRequest.resource_spans', tag)
      else reader.skip(tag)
    }
    lastRows = this.rows
    return {
      signal: 'traces',
      body: buf,
      resources: this.resources,
      scopes: this.scopes,
      rows: this.rows.slice(0, this.count * STRIDE),
      count: this.count,
      whole: true,
    }
  }

  /** Narrows the reader to a nested message. */
  private within(stop: number, read: () => void): void {
    const { reader } = this
    const outer = reader.end
    reader.end = stop
    read()
    reader.pos = stop
    reader.end = outer
  }

  private resourceSpans(): void {
    const { reader } = this
    const { buf, end } = reader
    const resource = this.resources.length
    let bytes: Buffer = EMPTY
    let schemaUrl: Buffer = EMPTY
    this.resources.push({ bytes, schemaUrl })
    while (reader.pos < end) {
      const tag = reader.tag()
      switch (tag) {
        case 10: {
          const stop = reader.length()
          bytes = buf.subarray(reader.pos, stop)
          validate(Resource, reader, stop, 2)
          break
        }
        case 18:
          this.within(reader.length(), () => this.scopeSpans(resource))
          break
        case 26: {
          const stop = reader.length()
          schemaUrl = buf.subarray(reader.pos, stop)
          reader.pos = stop
          break
        }
        default:
          if (tag >>> 3 < 4) throw wrongWireType('ResourceSpans', tag)
          reader.skip(tag)
      }
    }
    this.resources[resource] = { bytes, schemaUrl }
  }

  private scopeSpans(resource: number): void {
    const { reader } = this
    const { buf, end } = reader
    const scope = this.scopes.length
    let bytes: Buffer = EMPTY
    let schemaUrl: Buffer = EMPTY
    this.scopes.push({ resource, bytes, schemaUrl })
    while (reader.pos < end) {
      const at = reader.pos
      const tag = reader.tag()
      switch (tag) {
        case 10: {
          const stop = reader.length()
          bytes = buf.subarray(reader.pos, stop)
          validate(Scope, reader, stop, 3)
          break
        }
        case 18: {
          const stop = reader.length()
          this.span(at, stop, scope)
          break
        }
        case 26: {
          const stop = reader.length()
          schemaUrl = buf.subarray(reader.pos, stop)
          reader.pos = stop
          break
        }
        default:
          if (tag >>> 3 < 4) throw wrongWireType('ScopeSpans', tag)
          reader.skip(tag)
      }
    }
    this.scopes[scope] = { resource, bytes, schemaUrl }
  }

  private span(at: number, stop: number, scope: number): void {
    const { reader } = this
    const outer = reader.end
    reader.end = stop
    const row = this.count++ * STRIDE
    if (row + STRIDE > this.rows.length) {
      const grown = new Int32Array(this.rows.length * 2)
      grown.set(this.rows)
      this.rows = grown
    }
    const { rows } = this
    rows.fill(0, row, row + STRIDE)
    rows[row + TAG] = at
    rows[row + START] = reader.pos
    rows[row + END] = stop
    rows[row + SCOPE] = scope
    while (reader.pos < stop) {
      const fieldAt = reader.pos
      const tag = reader.tag()
      switch (tag) {
        case 10:
          rows[row + TRACE_ID] = this.id(16)
          break
        case 18:
          rows[row + SPAN_ID] = this.id(8)
          break
        case 34:
          rows[row + PARENT_ID] = this.id(8)
          break
        case 42: {
          const end = reader.length()
          rows[row + NAME] = reader.pos
          rows[row + NAME_END] = end
          reader.pos = end
          break
        }
        case 48:
          rows[row + KIND] = reader.varint() | 0
          break
        case 57:
          rows[row + START_TIME] = reader.advance(8)
          break
        case 65:
          rows[row + END_TIME] = reader.advance(8)
          break
        case 74:
          if (rows[row + FIRST_ATTRIBUTE] === 0) rows[row + FIRST_ATTRIBUTE] = fieldAt
          keyValue(reader, reader.length(), 4)
          break
        case 26:
          reader.pos = reader.length()
          break
        case 90:
          this.event(reader.length())
          break
        case 106:
          this.link(reader.length())
          break
        case 122:
          this.status(reader.length(), row)
          break
        case 80:
        case 96:
        case 112:
          reader.varint()
          break
        case 133:
          reader.advance(4)
          break
        default:
          if (tag >>> 3 <= 16) throw wrongWireType('Span', tag)
          reader.skip(tag)
      }
    }
    reader.end = outer
  }

  /** An id is empty or of full length; the offset of its bytes, 0 for an empty one. */
  private id(size: number): number {
    const { reader } = this
    const stop = reader.length()
    const at = reader.pos
    if (stop === at) return 0
    if (stop - at !== size) throw new PayloadError(`an id of ${stop - at} bytes at byte ${at}`)
    reader.pos = stop
    return at
  }

  private status(stop: number, row: number): void {
    const { reader } = this
    const outer = reader.end
    reader.end = stop
    while (reader.pos < stop) {
      const tag = reader.tag()
      if (tag === 24) this.rows[row + STATUS] = reader.varint() | 0
      else if (tag === 18) reader.pos = reader.length()
      else if (tag >>> 3 === 2 || tag >>> 3 === 3) throw wrongWireType('Status', tag)
      else reader.skip(tag)
    }
    reader.end = outer
  }

  private event(stop: number): void {
    const { reader } = this
    const outer = reader.end
    reader.end = stop
    while (reader.pos < stop) {
      const tag = reader.tag()
      if (tag === 26) keyValue(reader, reader.length(), 5)
      else if (tag === 9) reader.advance(8)
      else if (tag === 18) reader.pos = reader.length()
      else if (tag === 32) reader.varint()
      else if (tag >>> 3 < 5) throw wrongWireType('Span.Event', tag)
      else reader.skip(tag)
    }
    reader.end = outer
  }

  private link(stop: number): void {
    const { reader } = this
    const outer = reader.end
    reader.end = stop
    while (reader.pos < stop) {
      const tag = reader.tag()
      if (tag === 10) this.id(16)
      else if (tag === 18) this.id(8)
      else if (tag === 26) reader.pos = reader.length()
      else if (tag === 34) keyValue(reader, reader.length(), 5)
      else if (tag === 40) reader.varint()
      else if (tag === 53) reader.advance(4)
      else if (tag >>> 3 < 7) throw wrongWireType('Span.Link', tag)
      else reader.skip(tag)
    }
    reader.end = outer
  }
}

function wrongWireType(what: string, tag: number): PayloadError {
  return new PayloadError(`field ${tag >>> 3} of ${what} has wire type ${tag & 7}`)
}

/**
 * Validates a KeyValue that ends at `stop` and moves behind it. `depth` is the message's own below the request, as
 * decoding counts it: what passes here can be decoded later.
 */
function keyValue(reader: WireReader, stop: number, depth: number): void {
  guardDepth(depth)
  const outer = reader.end
  reader.end = stop
  while (reader.pos < stop) {
    const tag = reader.tag()
    if (tag === 10) reader.pos = reader.length()
    else if (tag === 18) anyValue(reader, reader.length(), depth + 1)
    else if (tag >>> 3 < 3) throw wrongWireType('KeyValue', tag)
    else reader.skip(tag)
  }
  reader.end = outer
}

function anyValue(reader: WireReader, stop: number, depth: number): void {
  guardDepth(depth)
  const outer = reader.end
  reader.end = stop
  while (reader.pos < stop) {
    const tag = reader.tag()
    if (tag === 10 || tag === 58) reader.pos = reader.length()
    else if (tag === 16 || tag === 24) reader.varint()
    else if (tag === 33) reader.advance(8)
    else if (tag === 42 || tag === 50) values(reader, reader.length(), tag === 50, depth + 1)
    else if (tag >>> 3 < 8) throw wrongWireType('AnyValue', tag)
    else reader.skip(tag)
  }
  reader.end = outer
}

/** An ArrayValue or a KeyValueList. */
function values(reader: WireReader, stop: number, keyed: boolean, depth: number): void {
  guardDepth(depth)
  const outer = reader.end
  reader.end = stop
  while (reader.pos < stop) {
    const tag = reader.tag()
    if (tag !== 10) {
      if (tag >>> 3 === 1) throw wrongWireType('values', tag)
      reader.skip(tag)
    } else if (keyed) keyValue(reader, reader.length(), depth + 1)
    else anyValue(reader, reader.length(), depth + 1)
  }
  reader.end = outer
}

function guardDepth(depth: number): void {
  if (depth > MAX_DEPTH) throw new PayloadError(`a value is nested deeper than ${MAX_DEPTH}`)
}

const decodedResources = new WeakMap<ResourceEntry, Json>()

/** The resource's message, decoded once. */
export function decodeResource(entry: ResourceEntry): Json {
  let decoded = decodedResources.get(entry)
  if (decoded === undefined) {
    decoded = decode(Resource, entry.bytes)
    decodedResources.set(entry, decoded)
  }
  return decoded
}

/** Nanoseconds at an offset as epoch ms, exact to about half a microsecond in this century; 0 when absent. */
export function epochMs(body: Buffer, at: number): number {
  return at === 0 ? 0 : (body.readUInt32LE(at + 4) * 4294967296 + body.readUInt32LE(at)) / 1e6
}

/** Some of a batch's spans, by row number in rising order. */
interface Selection {
  readonly batch: TraceBatch
  readonly spans: readonly number[] | Int32Array
}

/**
 * One batch, with a body of its own, out of spans of several. Spans of one scope of one request stay together
 * and in order; ranges that touch are copied at once. Resources and scopes stay where they were. The body is written into `scratch` when that is given and large
 * enough: the batch is then gone when its owner uses it again.
 */
export function gather(selections: readonly Selection[], scratch?: Buffer): TraceBatch {
  const resources: ResourceEntry[] = []
  const scopes: ScopeEntry[] = []
  const groups: { batch: TraceBatch; scope: number; newScope: number; spans: number[]; bytes: number }[] = []
  let count = 0
  for (const { batch, spans } of selections) {
    const resourceAt = new Map<number, number>()
    const groupAt = new Map<number, (typeof groups)[number]>()
    let last: (typeof groups)[number] | undefined
    for (const span of spans) {
      const row = span * STRIDE
      const scope = batch.rows[row + SCOPE]
      if (last?.scope !== scope) {
        last = groupAt.get(scope)
        if (last === undefined) {
          const entry = batch.scopes[scope]
          let resource = resourceAt.get(entry.resource)
          if (resource === undefined) {
            resource = resources.push(batch.resources[entry.resource]) - 1
            resourceAt.set(entry.resource, resource)
          }
          const newScope = scopes.push({ ...entry, resource }) - 1
          last = { batch, scope, newScope, spans: [], bytes: 0 }
          groupAt.set(scope, last)
          groups.push(last)
        }
      }
      last.spans.push(span)
      last.bytes += batch.rows[row + END] - batch.rows[row + TAG]
      count++
    }
  }
  const scopeSizes = groups.map((group) => {
    const entry = group.batch.scopes[group.scope]
    return entrySize(entry) + group.bytes
  })
  const resourceSizes = resources.map(entrySize)
  for (const [i, size] of scopeSizes.entries()) resourceSizes[scopes[i].resource] += fieldSize(size)
  const size = resourceSizes.reduce((sum, size) => sum + fieldSize(size), 0)
  const body =
    scratch !== undefined && size <= scratch.length ? scratch.subarray(0, size) : Buffer.allocUnsafeSlow(size)
  const rows = new Int32Array(count * STRIDE)
  let pos = 0
  let out = 0
  let next = 0
  for (const [r, resource] of resources.entries()) {
    pos = prefix(body, pos, 10, resourceSizes[r])
    pos = field(body, pos, 10, resource.bytes)
    for (; next < groups.length && scopes[next].resource === r; next++) {
      const { batch, spans } = groups[next]
      const scope = scopes[next]
      pos = prefix(body, pos, 18, scopeSizes[next])
      pos = field(body, pos, 10, scope.bytes)
      const source = batch.rows
      for (let i = 0; i < spans.length;) {
        const from = source[spans[i] * STRIDE + TAG]
        let to = from
        const delta = pos - from
        for (; i < spans.length && source[spans[i] * STRIDE + TAG] === to; i++) {
          const row = spans[i] * STRIDE
          to = source[row + END]!
          for (let column = 0; column < KIND; column++) {
            const offset = source[row + column]
            rows[out + column] = offset === 0 ? 0 : offset + delta
          }
          rows[out + KIND] = source[row + KIND]!
          rows[out + STATUS] = source[row + STATUS]!
          rows[out + SCOPE] = next
          out += STRIDE
        }
        batch.body.copy(body, pos, from, to)
        pos += to - from
      }
      if (scope.schemaUrl.length > 0) pos = field(body, pos, 26, scope.schemaUrl)
    }
    if (resource.schemaUrl.length > 0) pos = field(body, pos, 26, resource.schemaUrl)
  }
  return { signal: 'traces', body, resources, scopes, rows, count, whole: true }
}

/** Encoded spans of one scope, wherever their bytes are. */
export interface SpanRange {
  readonly resource: ResourceEntry
  readonly scope: ScopeEntry
  readonly bytes: number
  copyTo(target: Buffer, at: number): void
}

/** An encoded request of these spans. Ranges of the same resource and scope, by identity, stand together. */
export function assemble(ranges: readonly SpanRange[]): Buffer {
  const byResource = new Map<ResourceEntry, Map<ScopeEntry, { ranges: SpanRange[]; size: number }>>()
  for (const range of ranges) {
    let scopes = byResource.get(range.resource)
    if (scopes === undefined) byResource.set(range.resource, (scopes = new Map()))
    let group = scopes.get(range.scope)
    if (group === undefined) {
      group = { ranges: [], size: entrySize(range.scope) }
      scopes.set(range.scope, group)
    }
    group.ranges.push(range)
    group.size += range.bytes
  }
  const resourceSizes = new Map<ResourceEntry, number>()
  let total = 0
  for (const [resource, scopes] of byResource) {
    let size = entrySize(resource)
    for (const group of scopes.values()) size += fieldSize(group.size)
    resourceSizes.set(resource, size)
    total += fieldSize(size)
  }
  const body = Buffer.allocUnsafeSlow(total)
  let pos = 0
  for (const [resource, scopes] of byResource) {
    pos = prefix(body, pos, 10, resourceSizes.get(resource)!)
    pos = field(body, pos, 10, resource.bytes)
    for (const [scope, group] of scopes) {
      pos = prefix(body, pos, 18, group.size)
      pos = field(body, pos, 10, scope.bytes)
      for (const range of group.ranges) {
        range.copyTo(body, pos)
        pos += range.bytes
      }
      if (scope.schemaUrl.length > 0) pos = field(body, pos, 26, scope.schemaUrl)
    }
    if (resource.schemaUrl.length > 0) pos = field(body, pos, 26, resource.schemaUrl)
  }
  return body
}

/** What a resource or a scope takes beside what lies in it. */
function entrySize(entry: { readonly bytes: Buffer; readonly schemaUrl: Buffer }): number {
  return fieldSize(entry.bytes.length) + (entry.schemaUrl.length > 0 ? fieldSize(entry.schemaUrl.length) : 0)
}

function fieldSize(length: number): number {
  return 1 + varintSize(length) + length
}

function prefix(body: Buffer, pos: number, tag: number, length: number): number {
  body[pos++] = tag
  let rest = length
  while (rest >= 128) {
    body[pos++] = (rest & 0x7f) | 0x80
    rest >>>= 7
  }
  body[pos++] = rest
  return pos
}

function field(body: Buffer, pos: number, tag: number, bytes: Buffer): number {
  const at = prefix(body, pos, tag, bytes.length)
  bytes.copy(body, at)
  return at + bytes.length
}

/** All rows of a batch. */
export function allSpans(batch: TraceBatch): Int32Array {
  const all = new Int32Array(batch.count)
  for (let span = 0; span < all.length; span++) all[span] = span
  return all
}

/** The encoded request of a batch: its own body when that is one, else written anew. */
export function encodeTraces(batch: TraceBatch): Buffer {
  return batch.whole ? batch.body : gather([{ batch, spans: allSpans(batch) }]).body
}
