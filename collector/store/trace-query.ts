import { AttributeReader, resourceAttributes } from '../otlp/attributes.ts'
import type { JsonValue } from '../otlp/codec.ts'
import { NAME, NAME_END, STRIDE, type TraceBatch } from '../otlp/trace-batch.ts'
import { serviceName } from './span-view.ts'

/** Which traces to list. What is left out does not restrict. */
export interface TraceQuery {
  readonly limit: number
  /** One span of the trace must have this service, this name and all these attributes. */
  readonly service?: string | undefined
  readonly name?: string | undefined
  readonly attributes?: readonly { readonly key: string; readonly value: string | undefined }[]
  /** Of the whole trace, from its earliest start to its latest end. */
  readonly minDurationMs?: number | undefined
  /** Whether a span of the trace must, or must not, have the status error. */
  readonly error?: boolean | undefined
  /** Bounds of the trace's start, epoch ms, both included. */
  readonly from?: number | undefined
  readonly to?: number | undefined
}

/** A query parameter that cannot be read; the message names it. */
export class QueryError extends Error {
  override name = 'QueryError'
}

const PARAMETERS = ['service', 'name', 'minDurationMs', 'attribute', 'error', 'from', 'to', 'limit']
const MAX_LIMIT = 1000

/** Reads the parameters of `GET /api/traces` and `GET /api/runs`. Throws QueryError. */
export function readTraceQuery(parameters: URLSearchParams): TraceQuery {
  for (const name of new Set(parameters.keys())) {
    if (!PARAMETERS.includes(name))
      throw new QueryError(`${name}: unknown parameter; supported: ${PARAMETERS.join(', ')}`)
    if (name !== 'attribute' && parameters.getAll(name).length > 1)
      throw new QueryError(`${name} may be given once`)
  }
  const read = <T>(name: string, parse: (text: string) => T | undefined, expected: string): T | undefined => {
    const text = parameters.get(name)
    if (text === null) return undefined
    const value = parse(text)
    if (value === undefined) throw new QueryError(`${name} must be ${expected}, found "${text.slice(0, 80)}"`)
    return value
  }
  const query = {
    service: read('service', filled, 'a service'),
    name: read('name', filled, 'a span name'),
    minDurationMs: read('minDurationMs', milliseconds, 'a number of milliseconds from 0 up'),
    attributes: parameters.getAll('attribute').map(attribute),
    error: read('error', (text) => ({ true: true, false: false })[text], 'true or false'),
    from: read('from', time, 'a time such as 2026-01-31T09:30:00Z'),
    to: read('to', time, 'a time such as 2026-01-31T09:30:00Z'),
    limit: Math.min(read('limit', above0, 'a whole number above 0') ?? 100, MAX_LIMIT),
  }
  if (query.from !== undefined && query.to !== undefined && query.from > query.to)
    throw new QueryError('from must not be after to')
  return query
}

function filled(text: string): string | undefined {
  return text === '' ? undefined : text
}

function milliseconds(text: string): number | undefined {
  return /^\d+(\.\d+)?$/.test(text) ? Number(text) : undefined
}

function above0(text: string): number | undefined {
  return /^\d{1,9}$/.test(text) && Number(text) > 0 ? Number(text) : undefined
}

function time(text: string): number | undefined {
  const ms = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?$/.test(text)
    ? Date.parse(text)
    : NaN
  return Number.isNaN(ms) ? undefined : ms
}

function attribute(text: string): { key: string; value: string | undefined } {
  const colon = text.indexOf(':')
  const key = colon < 0 ? text : text.slice(0, colon)
  if (key === '') throw new QueryError(`attribute must be key or key:value, found "${text.slice(0, 80)}"`)
  return { key, value: colon < 0 ? undefined : text.slice(colon + 1) }
}

/** What a query asks of one span of the trace; undefined when it asks nothing. */
export function spanMatcher(query: TraceQuery): ((batch: TraceBatch, span: number) => boolean) | undefined {
  const { service } = query
  const checks: ((batch: TraceBatch, span: number) => boolean)[] = []
  if (query.name !== undefined) {
    const name = Buffer.from(query.name)
    checks.push(({ body, rows }, span) => {
      const row = span * STRIDE
      return body.compare(name, 0, name.length, rows[row + NAME], rows[row + NAME_END]) === 0
    })
  }
  if (service !== undefined)
    checks.push((batch, span) => serviceName(resourceAttributes(batch, span)) === service)
  for (const { key, value } of query.attributes ?? []) {
    const reader = new AttributeReader(key)
    checks.push((batch, span) => {
      const found = reader.ofSpan(batch, span) ?? resourceAttributes(batch, span)[key]
      return found !== undefined && (value === undefined || textOf(found) === value)
    })
  }
  if (checks.length === 0) return undefined
  return (batch, span) => checks.every((check) => check(batch, span))
}

function textOf(value: JsonValue): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}
