import type { Attributes } from '@opentelemetry/api'

/** What was made of fixed attributes once: masked by the redactor, and encoded. */
export interface FixedAttributes {
  readonly values: Attributes
  readonly count: number
  /** Characters of the longest text. */
  readonly longest: number
  /** The redactor that has masked `values`. */
  redactor: object | undefined
  /** As fields of an OTLP span. */
  bytes: Uint8Array | undefined
}

const key = Symbol('fixed attributes')

/**
 * Attributes that many spans begin with, plain values only. Give them to `startSpan` like any others: a span of this SDK shares them and
 * what is made of them; one of another SDK copies them as usual.
 */
export function fixAttributes(attributes: Record<string, string | number | boolean>): Readonly<Attributes> {
  const texts = Object.values(attributes).map((value) => (typeof value === 'string' ? value.length : 0))
  const fixed: FixedAttributes = {
    values: attributes,
    count: texts.length,
    longest: Math.max(0, ...texts),
    redactor: undefined,
    bytes: undefined,
  }
  return Object.defineProperty(attributes, key, { value: fixed, enumerable: false })
}

export function fixedAttributes(attributes: Attributes): FixedAttributes | undefined {
  return (attributes as { [key]?: FixedAttributes })[key]
}
