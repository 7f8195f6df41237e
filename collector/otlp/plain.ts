import type { Json, JsonValue } from './codec.ts'

export function text(value: JsonValue | undefined, fallback = ''): string {
  return typeof value === 'string' ? value : fallback
}

export function list(value: JsonValue | undefined): Json[] {
  return Array.isArray(value) ? (value as Json[]) : []
}

/** The attributes of a decoded message as plain values. A key that occurs twice keeps its first value. */
export function attributesOf(message: Json): Record<string, JsonValue> {
  return keyValues(message['attributes'])
}

export function keyValues(value: JsonValue | undefined): Record<string, JsonValue> {
  const out: Record<string, JsonValue> = Object.create(null) as Record<string, JsonValue>
  for (const pair of list(value)) {
    const key = text(pair['key'])
    if (!(key in out)) out[key] = plainValue((pair['value'] ?? {}) as Json)
  }
  return out
}

/** An AnyValue. Integers beyond 2^53 stay decimal strings, bytes stay base64. */
export function plainValue(value: Json): JsonValue {
  const [kind] = Object.keys(value)
  if (kind === undefined) return null
  const inner = value[kind]!
  switch (kind) {
    case 'intValue': {
      const number = Number(inner)
      return Number.isSafeInteger(number) ? number : inner
    }
    case 'arrayValue':
      return list((inner as Json)['values']).map(plainValue)
    case 'kvlistValue':
      return keyValues((inner as Json)['values'])
    default:
      return inner
  }
}
