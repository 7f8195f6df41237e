import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { components, type Components } from '../components.ts'
import { OTTL_PATHS } from '../ottl/condition.ts'
import { serviceShape, type JsonSchema, type Kind } from './check-config.ts'

/** What the shapes say about one key, as JSON Schema tells it. */
interface Described extends JsonSchema {
  readonly type?: string | readonly string[]
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly anyOf?: readonly Described[]
  readonly default?: unknown
  readonly description?: string
  readonly required?: readonly string[]
}

const TITLES: Readonly<Record<Kind, string>> = {
  receivers: 'Receivers',
  processors: 'Processors',
  connectors: 'Connectors',
  exporters: 'Exporters',
  extensions: 'Extensions',
}

/** Where the page lies in the repository. */
export const SIDECAR_DOC = join(import.meta.dirname, '..', '..', 'docs', 'sidecar.md')

/** The page about everything that a configuration of the sidecar may say, from the shapes that read it. */
export function sidecarDoc(known: Components = components): string {
  const parts = [
    `# What the sidecar takes of a Collector configuration

Made from the shapes that read the configuration, by \`npx node collector/config/sidecar-doc.ts\`; a test fails when it is
out of date. A component or key that is not here is refused at the start, with its path. \`[]\` stands for the items of a
list, \`*\` for any name. Durations are written as in Go: \`250ms\`, \`5s\`, \`1m30s\`, or \`0\`.`,
  ]
  for (const kind of Object.keys(TITLES) as Kind[]) {
    parts.push(`## ${TITLES[kind]}`)
    for (const factory of known[kind]) {
      const facts = [`${sentence(factory.summary)}.`]
      if ('signals' in factory) facts.push(`Signals: ${factory.signals.join(', ')}.`)
      if ('routes' in factory)
        facts.push(`From and to: ${factory.routes.map(([from, to]) => `${from} to ${to}`).join(', ')}.`)
      if (factory.aliases) facts.push(`Also accepted as ${factory.aliases.map(code).join(', ')}.`)
      parts.push(`### ${factory.type}`, facts.join(' '), table(factory.config))
      for (const [key, reason] of Object.entries(factory.ignored ?? {}))
        parts.push(`${code(key)} is accepted without effect: ${reason}.`)
    }
  }
  parts.push(
    '## Service',
    table(serviceShape),
    '## OTTL conditions',
    'Comparisons (`==`, `!=`, `<`, `<=`, `>`, `>=`) of paths with literals or with each other, `nil`, ' +
      '`IsMatch(path, "regular expression")`, `not`, `and`, `or`, brackets. A path may begin with `span.`:',
    OTTL_PATHS.map((path) => `- ${path.replace(/^\S+/, code)}`).join('\n'),
  )
  return `${parts.join('\n\n')}\n`
}

function table(shape: z.ZodType): string {
  const schema = z.toJSONSchema(shape, { io: 'input', unrepresentable: 'any' }) as Described
  const rows = keys(schema, '')
  if (rows.length === 0) return 'It has no keys.'
  return ['| key | value | default | |', '|---|---|---|---|', ...rows].join('\n')
}

function keys(schema: Described, path: string): string[] {
  const rows: string[] = []
  for (const [key, property] of Object.entries(schema.properties ?? {}) as [string, Described][]) {
    const at = path === '' ? key : `${path}.${key}`
    const inner = [...keys(property, at), ...inside(property, at)]
    // A map of which every key has its own row needs none, unless something is to be said about it.
    if (inner.length === 0 || property.description !== undefined || property.type === 'array') {
      const fallback = schema.required?.includes(key) ? 'needed' : defaultOf(property)
      const note = property.description ?? ''
      rows.push(`| ${[code(at), typeOf(property), fallback, note].map(cell).join(' | ')} |`)
    }
    rows.push(...inner)
  }
  return rows
}

/** Keys of the items of a list, or of a map with any names. */
function inside(schema: Described, at: string): string[] {
  if (schema.items) return keys(schema.items, `${at}[]`)
  const any = schema.additionalProperties
  if (typeof any !== 'object') return []
  // A shape that takes any further key is for parts of the file that only the Collector reads.
  if (Object.keys(any).length === 0) return [`| ${code(`${at}.*`)} | any |  | accepted without effect |`]
  return keys(any, `${at}.*`)
}

function typeOf(schema: Described): string {
  if (schema.const !== undefined) return code(JSON.stringify(schema.const))
  if (schema.enum) return schema.enum.map((value) => code(String(value))).join(', ')
  // The shape of durations.
  if (schema.anyOf?.[0]?.type === 'string' && schema.anyOf[1]?.const === 0) return 'duration'
  if (schema.anyOf) return schema.anyOf.map(typeOf).join(' or ')
  if (schema.items) return `list of: ${typeOf(schema.items)}`
  return [schema.type ?? 'any']
    .flat()
    .map((type) => TYPES[type] ?? type)
    .join(' or ')
}

const TYPES: Readonly<Record<string, string>> = {
  integer: 'whole number',
  object: 'map',
  boolean: 'true or false',
}

function defaultOf(schema: Described): string {
  return schema.default === undefined ? '' : code(JSON.stringify(schema.default))
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|')
}

function code(text: string): string {
  return `\`${text}\``
}

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}

if (import.meta.main) writeFileSync(SIDECAR_DOC, sidecarDoc())
