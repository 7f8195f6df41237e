/** Texts up to this length are written by a loop: a call into Node's buffers costs more. */
const shortText = 64

/**
 * Writes protobuf into a buffer that grows. Numbers of fields are given as tags: number × 8 + wire type (0 varint,
 * 1 eight bytes, 2 with a length, 5 four bytes).
 */
export class ProtoWriter {
  bytes: Buffer
  pos = 0

  constructor(size = 16_384) {
    this.bytes = Buffer.allocUnsafeSlow(size)
  }

  /** A message or text with a length begins; answers with what `end` needs. */
  begin(tag: number): number {
    this.varint(tag)
    return ++this.pos
  }

  /** Writes the length of what came since `begin`; long ones are moved to make room for it. */
  end(start: number): void {
    const length = this.pos - start
    if (length < 128) {
      this.bytes[start - 1] = length
      return
    }
    const more = length < 16_384 ? 1 : length < 2_097_152 ? 2 : length < 268_435_456 ? 3 : 4
    this.room(more)
    this.bytes.copyWithin(start + more, start, this.pos)
    this.pos = start - 1
    this.varint(length)
    this.pos += length
  }

  /** A whole number from 0 to 2^32 - 1. */
  varint(value: number): void {
    this.room(10)
    const { bytes } = this
    let rest = value
    while (rest > 127) {
      bytes[this.pos++] = (rest & 127) | 128
      rest >>>= 7
    }
    bytes[this.pos++] = rest
  }

  /** A whole number of 64 bits, negative ones as two's complement. */
  integer(value: number): void {
    if (value >= 0 && value <= 0xffffffff) {
      this.varint(value)
      return
    }
    this.room(10)
    let rest = BigInt.asUintN(64, BigInt(value))
    while (rest > 127n) {
      this.bytes[this.pos++] = Number(rest & 127n) | 128
      rest >>= 7n
    }
    this.bytes[this.pos++] = Number(rest)
  }

  double(value: number): void {
    this.room(8)
    this.pos = this.bytes.writeDoubleLE(value, this.pos)
  }

  fixed32(value: number): void {
    this.room(4)
    this.pos = this.bytes.writeUInt32LE(value, this.pos)
  }

  /** Seconds and nanoseconds as nanoseconds in 64 bits; exact, without a BigInt. */
  nanoseconds(seconds: number, nanos: number): void {
    this.room(8)
    const low = Math.imul(seconds, 1e9) >>> 0
    // The product is rounded to a multiple of 256 at the most, far less than half of 2^32.
    const high = Math.round((seconds * 1e9 - low) / 0x1_0000_0000)
    const sum = low + nanos
    const carry = sum >= 0x1_0000_0000 ? 1 : 0
    this.pos = this.bytes.writeUInt32LE(sum >>> 0, this.pos)
    this.pos = this.bytes.writeUInt32LE((high + carry) >>> 0, this.pos)
  }

  /** UTF-8 with its length. */
  text(text: string): void {
    const { length } = text
    if (length > shortText) {
      this.longText(text)
      return
    }
    this.room(length + 1)
    const { bytes } = this
    const start = this.pos
    let pos = start
    bytes[pos++] = length
    for (let i = 0; i < length; i++) {
      const code = text.charCodeAt(i)
      if (code > 127) {
        this.longText(text)
        return
      }
      bytes[pos++] = code
    }
    this.pos = pos
  }

  raw(bytes: Uint8Array): void {
    this.varint(bytes.length)
    this.room(bytes.length)
    this.bytes.set(bytes, this.pos)
    this.pos += bytes.length
  }

  /** Fields that are encoded already. */
  append(fields: Uint8Array): void {
    this.room(fields.length)
    this.bytes.set(fields, this.pos)
    this.pos += fields.length
  }

  /** Two hex digits a byte, with the length. */
  hex(text: string): void {
    const count = text.length >>> 1
    this.varint(count)
    this.room(count)
    const { bytes } = this
    let { pos } = this
    for (let i = 0; i < count; i++)
      bytes[pos++] = (digit(text.charCodeAt(2 * i)) << 4) | digit(text.charCodeAt(2 * i + 1))
    this.pos = pos
  }

  private longText(text: string): void {
    const length = Buffer.byteLength(text)
    this.varint(length)
    this.room(length)
    this.pos += this.bytes.write(text, this.pos)
  }

  private room(more: number): void {
    if (this.pos + more <= this.bytes.length) return
    const grown = Buffer.allocUnsafeSlow(Math.max(this.bytes.length * 2, this.pos + more))
    grown.set(this.bytes.subarray(0, this.pos))
    this.bytes = grown
  }
}

const digit = (code: number): number => (code < 58 ? code - 48 : (code | 32) - 87)
