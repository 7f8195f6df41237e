import { errorType } from '../record-error.ts'

export type PlainValue = string | number | boolean | null | PlainValue[] | { [key: string]: PlainValue }

interface PlainOptions {
  /** What becomes of an error's message. */
  readonly message: (text: string) => string
  readonly maxDepth?: number
  readonly maxItems?: number
  readonly maxText?: number
}

/**
 * Whatever a program logs as plain data: never throws, runs no `toJSON`, ends on circles, and is bounded in depth,
 * items and length. Errors become their type, message and cause; values that JSON does not have become texts.
 */
export function plainValue(value: unknown, options: PlainOptions): PlainValue {
  const { maxDepth = 6, maxItems = 100, maxText = 8192, message } = options
  const above = new Set<object>()

  const text = (one: string): string => (one.length > maxText ? `${one.slice(0, maxText)}…` : one)

  function plain(one: unknown, depth: number): PlainValue {
    switch (typeof one) {
      case 'string':
        return text(one)
      case 'number':
        return Number.isFinite(one) ? one : String(one)
      case 'boolean':
        return one
      case 'bigint':
        return String(one)
      case 'object':
        return one === null ? null : object(one, depth)
      case 'undefined':
        return null
      default:
        return `[${typeof one}]`
    }
  }

  function object(one: object, depth: number): PlainValue {
    if (above.has(one)) return '[circular]'
    if (depth === 0) return '[deep]'
    above.add(one)
    try {
      if (one instanceof Error) return error(one, depth)
      if (one instanceof Date) return Number.isNaN(one.getTime()) ? '[invalid date]' : one.toISOString()
      if (one instanceof URL) return one.href
      if (ArrayBuffer.isView(one)) return `[${one.constructor.name} of ${one.byteLength} bytes]`
      if (one instanceof Map)
        return entries(
          [...one].map(([key, entry]) => [String(key), () => entry]),
          depth,
        )
      if (one instanceof Set) return list([...one], depth)
      if (Array.isArray(one)) return list(one, depth)
      return entries(
        Object.keys(one).map((key) => [key, () => (one as Record<string, unknown>)[key]]),
        depth,
      )
    } catch {
      return '[unreadable]'
    } finally {
      above.delete(one)
    }
  }

  function list(values: unknown[], depth: number): PlainValue[] {
    const shown = values.slice(0, maxItems).map((one) => plain(one, depth - 1))
    if (values.length > maxItems) shown.push(`[${values.length - maxItems} more]`)
    return shown
  }

  function entries(pairs: [string, () => unknown][], depth: number): Record<string, PlainValue> {
    const shown: Record<string, PlainValue> = Object.create(null) as Record<string, PlainValue>
    for (const [key, read] of pairs.slice(0, maxItems)) {
      try {
        const entry = read()
        if (entry !== undefined) shown[text(key)] = plain(entry, depth - 1)
      } catch {
        shown[text(key)] = '[unreadable]'
      }
    }
    if (pairs.length > maxItems) shown['…'] = `${pairs.length - maxItems} more`
    return shown
  }

  function error(one: Error, depth: number): PlainValue {
    const { cause } = one
    return {
      type: errorType(one),
      message: text(message(typeof one.message === 'string' ? one.message : '[unreadable]')),
      ...(cause !== undefined && { cause: plain(cause, depth - 1) }),
    }
  }

  return plain(value, maxDepth)
}
