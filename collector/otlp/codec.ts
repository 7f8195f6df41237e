import { WIRE_TYPE, type Field, type Message, type Scalar } from './schema.ts'
import { BYTES, FIXED32, FIXED64, MAX_DEPTH, PayloadError, VARINT, WireReader, WireWriter } from './wire.ts'

/** A message in the shape of OTLP's JSON encoding: 64-bit integers are decimal strings, ids hexadecimal. */
export type Json = { [key: string]: JsonValue }
export type JsonValue = string | number | boolean | null | Json | JsonValue[]

/** Reads a message. Unknown fields are ignored. Throws PayloadError when the bytes are not that message. */
export function decode(type: Message, buf: Buffer, start = 0, end: number = buf.length, depth = 0): Json {
  if (depth > MAX_DEPTH) throw new PayloadError(`${type.name} is nested deeper than ${MAX_DEPTH}`)
  const reader = new WireReader(buf, start, end)
  const out: Json = {}
  while (reader.pos < end) {
    const tag = reader.tag()
    const field = type.byId[tag >>> 3]
    if (field === undefined) {
      reader.skip(tag)
      continue
    }
    const wire = tag & 7
    if (typeof field.type === 'object') {
      if (wire !== BYTES) throw wrongWireType(type, field, wire)
      const stop = reader.length()
      const value = decode(field.type, buf, reader.pos, stop, depth + 1)
      reader.pos = stop
      if (field.repeated) append(out, field.name, value)
      else out[field.name] = value
    } else if (field.repeated && wire === BYTES && WIRE_TYPE[field.type] !== BYTES) {
      const stop = reader.length()
      const packed = new WireReader(buf, reader.pos, stop)
      while (packed.pos < stop) append(out, field.name, readScalar(packed, field.type))
      reader.pos = stop
    } else {
      if (wire !== WIRE_TYPE[field.type]) throw wrongWireType(type, field, wire)
      const value = readScalar(reader, field.type)
      if (field.repeated) append(out, field.name, value)
      else out[field.name] = value
    }
  }
  return out
}

function append(out: Json, name: string, value: JsonValue): void {
  const list = out[name]
  if (Array.isArray(list)) list.push(value)
  else out[name] = [value]
}

function wrongWireType(type: Message, field: Field, wire: number): PayloadError {
  return new PayloadError(`${type.name}.${field.name} has wire type ${wire}`)
}

function readScalar(reader: WireReader, type: Scalar): JsonValue {
  const { buf } = reader
  switch (type) {
    case 'string': {
      const stop = reader.length()
      const text = buf.toString('utf8', reader.pos, stop)
      reader.pos = stop
      return text
    }
    case 'bytes': {
      const stop = reader.length()
      const text = buf.toString('base64', reader.pos, stop)
      reader.pos = stop
      return text
    }
    case 'id16':
    case 'id8': {
      const stop = reader.length()
      const length = stop - reader.pos
      if (length !== 0 && length !== (type === 'id16' ? 16 : 8))
        throw new PayloadError(`an id of ${length} bytes at byte ${reader.pos}`)
      const text = buf.toString('hex', reader.pos, stop)
      reader.pos = stop
      return text
    }
    case 'bool':
      return reader.varint64() !== 0n
    case 'int32':
    case 'enum':
      return Number(BigInt.asIntN(32, reader.varint64()))
    case 'uint32':
      return Number(BigInt.asUintN(32, reader.varint64()))
    case 'sint32': {
      const zigzag = Number(BigInt.asUintN(32, reader.varint64()))
      return (zigzag >>> 1) ^ -(zigzag & 1)
    }
    case 'int64':
      return BigInt.asIntN(64, reader.varint64()).toString()
    case 'uint64':
      return reader.varint64().toString()
    case 'fixed32':
      return buf.readUInt32LE(reader.advance(4))
    case 'fixed64':
      return buf.readBigUInt64LE(reader.advance(8)).toString()
    case 'sfixed64':
      return buf.readBigInt64LE(reader.advance(8)).toString()
    case 'double': {
      const value = buf.readDoubleLE(reader.advance(8))
      return Number.isFinite(value) ? value : String(value)
    }
    default:
      throw new Error(`unknown scalar ${String(type)}`)
  }
}

/**
 * Writes a message from its JSON shape, after OTLP's JSON rules: camelCase or snake_case names, unknown names
 * ignored, integers as numbers or decimal strings, ids in hexadecimal of any case. Throws PayloadError naming
 * the path of what does not fit.
 */
export function encode(type: Message, json: Json): Buffer {
  const writer = new WireWriter()
  writeMessage(writer, type, json, type.name, 0)
  return writer.bytes()
}

function writeMessage(writer: WireWriter, type: Message, json: Json, path: string, depth: number): void {
  if (depth > MAX_DEPTH) throw new PayloadError(`${path.slice(0, 80)}… is nested deeper than ${MAX_DEPTH}`)
  for (const [key, value] of Object.entries(json)) {
    if (value === null) continue
    const field = type.byName.get(key) ?? type.byName.get(camelCase(key))
    if (field === undefined) continue
    const at = `${path}.${key}`
    if (!field.repeated) {
      writeField(writer, field, value, at, depth)
    } else {
      if (!Array.isArray(value)) throw new PayloadError(`${at} must be an array`)
      for (const [i, item] of value.entries()) writeField(writer, field, item, `${at}[${i}]`, depth)
    }
  }
}

function camelCase(name: string): string {
  return name.includes('_') ? name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()) : name
}

function writeField(writer: WireWriter, field: Field, value: JsonValue, path: string, depth: number): void {
  const { id, type } = field
  if (typeof type === 'object') {
    if (value === null || typeof value !== 'object' || Array.isArray(value))
      throw new PayloadError(`${path} must be an object`)
    writer.message(id, (inner) => writeMessage(inner, type, value, path, depth + 1))
    return
  }
  switch (type) {
    case 'string':
      if (typeof value !== 'string') throw new PayloadError(`${path} must be a string`)
      writer.string(id, value)
      return
    case 'bytes':
      if (typeof value !== 'string') throw new PayloadError(`${path} must be a base64 string`)
      writer.field(id, Buffer.from(value, 'base64'))
      return
    case 'id16':
    case 'id8': {
      const digits = type === 'id16' ? 32 : 16
      if (
        typeof value !== 'string' ||
        !/^[0-9a-fA-F]*$/.test(value) ||
        (value.length !== digits && value !== '')
      )
        throw new PayloadError(`${path} must be ${digits} hexadecimal digits`)
      if (value !== '') writer.field(id, Buffer.from(value, 'hex'))
      return
    }
    case 'bool':
      if (typeof value !== 'boolean') throw new PayloadError(`${path} must be true or false`)
      writer.tag(id, VARINT)
      writer.varint(value ? 1 : 0)
      return
    case 'double':
      writer.tag(id, FIXED64)
      writer.double(double(value, path))
      return
    case 'fixed32':
      writer.tag(id, FIXED32)
      writer.fixed32(Number(integer(value, path)))
      return
    case 'fixed64':
    case 'sfixed64':
      writer.tag(id, FIXED64)
      writer.fixed64(integer(value, path))
      return
    case 'sint32': {
      const number = Number(BigInt.asIntN(32, integer(value, path)))
      writer.tag(id, VARINT)
      writer.varint(((number << 1) ^ (number >> 31)) >>> 0)
      return
    }
    default:
      writer.tag(id, VARINT)
      writer.varint64(integer(value, path))
  }
}

function integer(value: JsonValue, path: string): bigint {
  if (typeof value === 'number' && Number.isInteger(value)) return BigInt(value)
  if (typeof value === 'string' && /^-?\d{1,20}$/.test(value)) return BigInt(value)
  throw new PayloadError(`${path} must be an integer`)
}

function double(value: JsonValue, path: string): number {
  if (typeof value === 'number') return value
  if (typeof value === 'string' && /^(NaN|-?Infinity|-?\d[\d.eE+-]*)$/.test(value)) return Number(value)
  throw new PayloadError(`${path} must be a number`)
}
