import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { Json, JsonValue } from '../otlp/codec.ts'
import { list, plainValue, text } from '../otlp/plain.ts'

/** One step of the `resource` and `attributes` processors. */
export const attributeAction = z
  .strictObject({
    key: z.string().min(1).optional(),
    pattern: z.string().optional().describe('for delete: a regular expression over keys'),
    value: z.union([z.string(), z.number(), z.boolean()]).optional(),
    from_attribute: z.string().optional(),
    action: z.enum(['insert', 'update', 'upsert', 'delete', 'hash']),
  })
  .check((ctx) => {
    const { action, key, pattern, value, from_attribute } = ctx.value
    const issue = (message: string) => ctx.issues.push({ code: 'custom', message, input: ctx.value })
    if (key === undefined && (action !== 'delete' || pattern === undefined)) issue(`${action} needs a key`)
    if (
      ['insert', 'update', 'upsert'].includes(action) &&
      value === undefined &&
      from_attribute === undefined
    )
      issue(`${action} needs a value or from_attribute`)
  })

export type AttributeAction = z.infer<typeof attributeAction>

/** Applies the steps in order to a decoded message that has attributes. */
export function applyActions(actions: readonly AttributeAction[], message: Json): Json {
  let attributes = list(message['attributes'])
  for (const action of actions) {
    const { key } = action
    const at = attributes.findIndex((pair) => text(pair['key']) === key)
    switch (action.action) {
      case 'delete': {
        const pattern = action.pattern === undefined ? undefined : new RegExp(action.pattern)
        attributes = attributes.filter(
          (pair) => text(pair['key']) !== key && !pattern?.test(text(pair['key'])),
        )
        break
      }
      case 'hash':
        if (at >= 0) attributes = replaced(attributes, at, { stringValue: hashOf(attributes[at]['value']) })
        break
      default: {
        const value = valueOf(action, attributes)
        if (value === undefined) break
        if (at >= 0 && action.action !== 'insert') attributes = replaced(attributes, at, value)
        else if (at < 0 && action.action !== 'update') attributes = [...attributes, { key: key!, value }]
      }
    }
  }
  return { ...message, attributes }
}

function replaced(attributes: readonly Json[], at: number, value: Json): Json[] {
  return attributes.map((pair, i) => (i === at ? { ...pair, value } : pair))
}

function valueOf(action: AttributeAction, attributes: readonly Json[]): Json | undefined {
  if (action.from_attribute !== undefined)
    return attributes.find((pair) => text(pair['key']) === action.from_attribute)?.['value'] as
      | Json
      | undefined
  const { value } = action
  if (typeof value === 'boolean') return { boolValue: value }
  if (typeof value === 'number')
    return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value }
  return { stringValue: value ?? '' }
}

/** As the Collector: SHA-256 of the value's text, in hexadecimal. */
function hashOf(value: JsonValue | undefined): string {
  const plain = plainValue((value ?? {}) as Json)
  const bytes = typeof plain === 'string' ? plain : JSON.stringify(plain)
  return createHash('sha256').update(bytes).digest('hex')
}
