/** A JSON value with all its keys in snake_case, as the API and the JSONB columns have them. Typed arrays become arrays. */
export function snakeCase(value: unknown): unknown {
  if (ArrayBuffer.isView(value)) return Array.from(value as unknown as ArrayLike<number>)
  return renamed(value, toSnakeCase)
}

/** The way back: `initial_capital` becomes `initialCapital`. */
export function camelCase(value: unknown): unknown {
  return renamed(value, (key) => key.replaceAll(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase()))
}

/**
 * Names that were converted before: the records of the engine have the same few names again and again. Those that a user
 * chooses (of a strategy's parameters, say) are not kept beyond a number that the engine's never reach.
 */
const known = new Map<string, string>()
const knownAtMost = 1_000

function toSnakeCase(key: string): string {
  let name = known.get(key)
  if (name !== undefined) return name
  name = key.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
  if (known.size < knownAtMost) known.set(key, name)
  return name
}

function renamed(value: unknown, rename: (key: string) => string): unknown {
  if (value === null || typeof value !== 'object') return value
  if (Array.isArray(value)) return value.map((entry) => renamed(entry, rename))
  const made: Record<string, unknown> = {}
  for (const key of Object.keys(value)) {
    const name = rename(key)
    const entry = renamed((value as Record<string, unknown>)[key], rename)
    // A plain assignment would call the setter of the prototype.
    if (name === '__proto__') Object.defineProperty(made, name, { value: entry, enumerable: true })
    else made[name] = entry
  }
  return made
}
