import type { Attributes } from '@opentelemetry/api'
import type { MetricStore } from './metric-store.ts'

/** What a span takes, `null` apart. */
type Fitting = string | number | boolean | string[] | number[] | boolean[]

const longestText = 4096
export const mostAttributes = 64

/**
 * A copy of what somebody gave as attributes, fit for a span: texts (cut at 4,096 characters), numbers, booleans and
 * flat arrays of them, 64 at most. Anything else is left out and counted in `tapescope_misuse_total`; nothing is thrown
 * and nothing is serialised. Undefined values are left out silently.
 */
export function smallAttributes(given: unknown, store: MetricStore): Attributes {
  return plainCopy(given) ?? fittedCopy(given, store)
}

/** The whole of it when all is plain, which is nearly always: V8 copies an object at once faster than by name. */
function plainCopy(given: unknown): Attributes | undefined {
  if (typeof given !== 'object' || given === null) return undefined
  try {
    const copy: Record<string, unknown> = { ...given }
    const names = Object.keys(copy)
    if (names.length > mostAttributes) return undefined
    for (const name of names) if (name === '__proto__' || !isPlain(copy[name])) return undefined
    return copy
  } catch {
    return undefined
  }
}

function isPlain(value: unknown): boolean {
  if (typeof value === 'string') return value.length <= longestText
  return typeof value === 'number' ? Number.isFinite(value) : typeof value === 'boolean'
}

function fittedCopy(given: unknown, store: MetricStore): Attributes {
  const kept: Attributes = {}
  if (typeof given !== 'object' || given === null) {
    store.misuse('attribute_invalid')
    return kept
  }
  let count = 0
  try {
    for (const name of Object.keys(given)) {
      if (count === mostAttributes) {
        store.misuse('attribute_over_limit')
        break
      }
      const value = name === '__proto__' ? null : readValue(given, name)
      if (value === undefined) continue
      const fit = fitting(value, store)
      if (fit === undefined) {
        store.misuse('attribute_invalid')
        continue
      }
      kept[name] = fit
      count++
    }
  } catch {
    store.misuse('attribute_invalid')
  }
  return kept
}

function readValue(given: object, name: string): unknown {
  try {
    return (given as Record<string, unknown>)[name]
  } catch {
    return null
  }
}

function fitting(value: unknown, store: MetricStore): Fitting | undefined {
  switch (typeof value) {
    case 'string':
      return cutText(value, store)
    case 'number':
      return Number.isFinite(value) ? value : undefined
    case 'boolean':
      return value
    default:
      return Array.isArray(value) ? fittingArray(value, store) : undefined
  }
}

function fittingArray(values: readonly unknown[], store: MetricStore): Fitting | undefined {
  if (values.length > mostAttributes) return undefined
  if (values.every((value) => typeof value === 'string')) return values.map((text) => cutText(text, store))
  if (values.every((value) => typeof value === 'number' && Number.isFinite(value)))
    return [...values] as number[]
  if (values.every((value) => typeof value === 'boolean')) return [...values]
  return undefined
}

function cutText(text: string, store: MetricStore): string {
  if (text.length <= longestText) return text
  store.misuse('attribute_cut')
  return `${text.slice(0, longestText)}…`
}
