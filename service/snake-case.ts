/** A JSON value with all its keys in snake_case, as the API and the JSONB columns have them. Typed arrays become arrays. */
export function snakeCase(value: unknown): unknown {
  if (ArrayBuffer.isView(value)) return Array.from(value as unknown as ArrayLike<number>)
  return renamed(value, (key) => key.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`))
}

/** The way back: `initial_capital` becomes `initialCapital`. */
export function camelCase(value: unknown): unknown {
  return renamed(value, (key) => key.replaceAll(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase()))
}

function renamed(value: unknown, rename: (key: string) => string): unknown {
  if (Array.isArray(value)) return value.map((entry) => renamed(entry, rename))
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(
    Object.entries(value).map(([key, entry]) => [rename(key), renamed(entry, rename)]),
  )
}
