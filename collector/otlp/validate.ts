import { WIRE_TYPE, type Message } from './schema.ts'
import { BYTES, MAX_DEPTH, PayloadError, type WireReader } from './wire.ts'

/**
 * Checks a message that ends at `stop` against its table and moves behind it; answers with how many messages of the
 * counted kind it holds. Whatever passes can be decoded. Throws PayloadError.
 */
export function validate(
  type: Message,
  reader: WireReader,
  stop: number,
  depth: number,
  counted = '-',
): number {
  if (depth > MAX_DEPTH) throw new PayloadError(`${type.name} is nested deeper than ${MAX_DEPTH}`)
  const outer = reader.end
  reader.end = stop
  let found = type.name.endsWith(counted) ? 1 : 0
  while (reader.pos < stop) {
    const tag = reader.tag()
    const field = type.byId[tag >>> 3]
    if (field === undefined) {
      reader.skip(tag)
      continue
    }
    const wire = tag & 7
    if (typeof field.type === 'object') {
      if (wire !== BYTES) throw new PayloadError(`${type.name}.${field.name} has wire type ${wire}`)
      found += validate(field.type, reader, reader.length(), depth + 1, counted)
      continue
    }
    const at = reader.pos
    reader.skip(tag)
    const packed = field.repeated && wire === BYTES
    if (field.type === 'id16' || field.type === 'id8') {
      const size = field.type === 'id16' ? 17 : 9
      if (wire !== BYTES || (reader.pos - at !== size && reader.pos - at !== 1))
        throw new PayloadError(`${type.name}.${field.name} is not an id of ${size - 1} bytes`)
    } else if (!packed && wire !== WIRE_TYPE[field.type]) {
      throw new PayloadError(`${type.name}.${field.name} has wire type ${wire}`)
    }
  }
  reader.end = outer
  return found
}
