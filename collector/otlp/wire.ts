/** Something in a payload that is not valid protobuf or not valid OTLP. Answered with 400, never retried. */
export class PayloadError extends Error {
  override name = 'PayloadError'
}

/** Protobuf wire types that OTLP uses. */
export const VARINT = 0
export const FIXED64 = 1
export const BYTES = 2
export const FIXED32 = 5

/** Nesting of messages and values that a payload may have; deeper ones are refused. */
export const MAX_DEPTH = 64

/**
 * Reads protobuf wire format from `buf` between `pos` and `end`. Every read checks its bounds and throws
 * PayloadError, so that a scan over hostile bytes ends in one of two ways.
 */
export class WireReader {
  readonly buf: Buffer
  pos: number
  end: number

  constructor(buf: Buffer, pos = 0, end: number = buf.length) {
    this.buf = buf
    this.pos = pos
    this.end = end
  }

  /** A field's key, (number << 3) | wire type. */
  tag(): number {
    const pos = this.pos
    if (pos >= this.end) throw new PayloadError(`truncated at byte ${pos}`)
    const first = this.buf[pos]
    if (first < 0x80) {
      this.pos = pos + 1
      if (first < 8) throw new PayloadError(`field number 0 at byte ${pos}`)
      return first
    }
    const tag = this.varint()
    if (tag < 8 || tag > 0xffffffff) throw new PayloadError(`invalid field key at byte ${pos}`)
    return tag
  }

  /** An unsigned varint. Above 2^53 the value loses its low bits; use `varint64` where they matter. */
  varint(): number {
    const buf = this.buf
    const end = this.end
    let pos = this.pos
    let value = 0
    let scale = 1
    for (let i = 0; i < 10; i++) {
      if (pos >= end) throw new PayloadError(`truncated varint at byte ${pos}`)
      const byte = buf[pos++]
      value += (byte & 0x7f) * scale
      if (byte < 0x80) {
        this.pos = pos
        return value
      }
      scale *= 128
    }
    throw new PayloadError(`varint longer than 10 bytes at byte ${this.pos}`)
  }

  varint64(): bigint {
    let value = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      if (this.pos >= this.end) throw new PayloadError(`truncated varint at byte ${this.pos}`)
      const byte = this.buf[this.pos++]
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return BigInt.asUintN(64, value)
    }
    throw new PayloadError(`varint longer than 10 bytes at byte ${this.pos}`)
  }

  /** A length prefix; answers with the end of the content that starts at `pos`. */
  length(): number {
    const at = this.pos
    let length: number
    if (at < this.end && this.buf[at] < 0x80) {
      length = this.buf[at]!
      this.pos = at + 1
    } else {
      length = this.varint()
    }
    const end = this.pos + length
    if (end > this.end) throw new PayloadError(`length ${length} at byte ${at} runs past the end`)
    return end
  }

  /** Moves over n bytes that must be there. */
  advance(n: number): number {
    const at = this.pos
    if (at + n > this.end) throw new PayloadError(`truncated at byte ${this.end}`)
    this.pos = at + n
    return at
  }

  /** Moves over a field's value whose number is unknown. Groups are not part of OTLP and are refused. */
  skip(tag: number): void {
    switch (tag & 7) {
      case VARINT:
        this.varint()
        return
      case FIXED64:
        this.advance(8)
        return
      case BYTES:
        this.pos = this.length()
        return
      case FIXED32:
        this.advance(4)
        return
      default:
        throw new PayloadError(`wire type ${tag & 7} of field ${tag >>> 3} at byte ${this.pos}`)
    }
  }
}

/** Bytes that a varint of this value takes. */
export function varintSize(value: number): number {
  let size = 1
  while (value >= 128) {
    value = Math.floor(value / 128)
    size++
  }
  return size
}

/** Writes protobuf wire format into a buffer that grows. Finish with `bytes()`. */
export class WireWriter {
  private buf: Buffer
  private pos = 0

  constructor(capacity = 1024) {
    this.buf = Buffer.allocUnsafe(capacity)
  }

  get length(): number {
    return this.pos
  }

  bytes(): Buffer {
    return this.buf.subarray(0, this.pos)
  }

  private room(n: number): void {
    if (this.pos + n <= this.buf.length) return
    const grown = Buffer.allocUnsafe(Math.max(this.buf.length * 2, this.pos + n))
    this.buf.copy(grown, 0, 0, this.pos)
    this.buf = grown
  }

  varint(value: number): void {
    this.room(10)
    while (value >= 128) {
      this.buf[this.pos++] = (value % 128) | 0x80
      value = Math.floor(value / 128)
    }
    this.buf[this.pos++] = value
  }

  varint64(value: bigint): void {
    this.room(10)
    let rest = BigInt.asUintN(64, value)
    while (rest >= 128n) {
      this.buf[this.pos++] = Number(rest & 0x7fn) | 0x80
      rest >>= 7n
    }
    this.buf[this.pos++] = Number(rest)
  }

  tag(field: number, wireType: number): void {
    this.varint(field * 8 + wireType)
  }

  fixed32(value: number): void {
    this.room(4)
    this.pos = this.buf.writeUInt32LE(value >>> 0, this.pos)
  }

  fixed64(value: bigint): void {
    this.room(8)
    this.pos = this.buf.writeBigUInt64LE(BigInt.asUintN(64, value), this.pos)
  }

  double(value: number): void {
    this.room(8)
    this.pos = this.buf.writeDoubleLE(value, this.pos)
  }

  raw(bytes: Uint8Array, start = 0, end: number = bytes.length): void {
    const n = end - start
    this.room(n)
    if (n < 64) for (let i = start; i < end; i++) this.buf[this.pos++] = bytes[i]!
    else {
      this.buf.set(bytes.subarray(start, end), this.pos)
      this.pos += n
    }
  }

  /** A length-delimited field. */
  field(field: number, bytes: Uint8Array): void {
    this.tag(field, BYTES)
    this.varint(bytes.length)
    this.raw(bytes)
  }

  string(field: number, text: string): void {
    this.field(field, Buffer.from(text, 'utf8'))
  }

  /** A nested message, written by `body`; its length goes in front when it is known. */
  message(field: number, body: (writer: WireWriter) => void): void {
    this.tag(field, BYTES)
    const start = this.pos
    body(this)
    const length = this.pos - start
    const prefix = varintSize(length)
    this.room(prefix)
    this.buf.copyWithin(start + prefix, start, this.pos)
    this.pos = start
    this.varint(length)
    this.pos = start + prefix + length
  }
}
