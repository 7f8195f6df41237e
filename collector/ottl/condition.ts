import { AttributeReader, resourceAttributes } from '../otlp/attributes.ts'
import { decode, type JsonValue } from '../otlp/codec.ts'
import { Scope } from '../otlp/schema.ts'
import {
  END_TIME,
  KIND,
  NAME,
  NAME_END,
  PARENT_ID,
  SCOPE,
  START_TIME,
  STATUS,
  STRIDE,
  type TraceBatch,
} from '../otlp/trace-batch.ts'

/** A condition of the OpenTelemetry Transformation Language that does not parse, or uses more than is supported. */
export class OttlError extends Error {
  override name = 'OttlError'
}

export type SpanCondition = (batch: TraceBatch, span: number) => boolean
type Value = JsonValue | bigint | undefined
interface Getter {
  (batch: TraceBatch, span: number): Value
  /** Set when it gives an attribute of the span, the name of the span, or always the same text. */
  readonly reader?: AttributeReader
  readonly isName?: boolean
  readonly text?: Buffer
}

const KINDS = ['UNSPECIFIED', 'INTERNAL', 'SERVER', 'CLIENT', 'PRODUCER', 'CONSUMER']
const ENUMS: ReadonlyMap<string, number> = new Map([
  ...KINDS.map((kind, i) => [`SPAN_KIND_${kind}`, i] as const),
  ...['UNSET', 'OK', 'ERROR'].map((code, i) => [`STATUS_CODE_${code}`, i] as const),
])

/** What paths are supported, for messages and documentation. */
export const OTTL_PATHS = [
  'attributes["key"]',
  'resource.attributes["key"]',
  'instrumentation_scope.name',
  'name',
  'kind',
  'kind.string',
  'status.code',
  'start_time_unix_nano',
  'end_time_unix_nano',
  'parent_span_id (against SpanID(0x0000000000000000) or nil)',
] as const

const TOKEN =
  /\s*(?:("(?:[^"\\]|\\.)*")|(0x[0-9a-fA-F]+)|(-?\d+\.\d+|-?\d+)|(==|!=|<=|>=|<|>|\(|\)|\[|\]|,|\.)|([A-Za-z_][A-Za-z0-9_]*))/y

/**
 * Compiles a condition: comparisons (==, !=, <, <=, >, >=) of paths with literals or with each other, `nil`,
 * `IsMatch(path, "regular expression")`, `not`, `and`, `or`, brackets. Paths may begin with `span.`. Values of
 * different types are unequal and in no order, as in the Collector. Conditions that share `readers` look an attribute
 * up once.
 */
export function compileCondition(text: string, readers = new Map<string, AttributeReader>()): SpanCondition {
  const parser = new Parser(text, readers)
  const condition = parser.or()
  parser.finish()
  return condition
}

class Parser {
  private readonly text: string
  private readonly tokens: string[] = []
  private at = 0

  private readonly readers: Map<string, AttributeReader>

  constructor(text: string, readers: Map<string, AttributeReader>) {
    this.readers = readers
    this.text = text
    TOKEN.lastIndex = 0
    while (text.slice(TOKEN.lastIndex).trim() !== '') {
      const from = TOKEN.lastIndex
      const match = TOKEN.exec(text)
      if (match === null) throw this.error(`cannot read "${text.slice(from).trim()}"`)
      this.tokens.push(match[0].trim())
    }
  }

  private error(why: string): OttlError {
    return new OttlError(`condition ${JSON.stringify(this.text)}: ${why}`)
  }

  private peek(): string | undefined {
    return this.tokens[this.at]
  }

  private next(): string {
    const token = this.tokens[this.at++]
    if (token === undefined) throw this.error('ends too early')
    return token
  }

  private expect(token: string): void {
    const found = this.next()
    if (found !== token) throw this.error(`expected ${token}, found ${found}`)
  }

  finish(): void {
    if (this.peek() !== undefined) throw this.error(`does not end before ${this.peek()}`)
  }

  or(): SpanCondition {
    let left = this.and()
    while (this.peek() === 'or') {
      this.next()
      const [a, b] = [left, this.and()]
      left = (batch, span) => a(batch, span) || b(batch, span)
    }
    return left
  }

  private and(): SpanCondition {
    let left = this.not()
    while (this.peek() === 'and') {
      this.next()
      const [a, b] = [left, this.not()]
      left = (batch, span) => a(batch, span) && b(batch, span)
    }
    return left
  }

  private not(): SpanCondition {
    if (this.peek() === 'not') {
      this.next()
      const inner = this.not()
      return (batch, span) => !inner(batch, span)
    }
    if (this.peek() === '(') {
      this.next()
      const inner = this.or()
      this.expect(')')
      return inner
    }
    if (this.peek() === 'IsMatch') return this.isMatch()
    if ((this.peek() === 'true' || this.peek() === 'false') && !isComparison(this.tokens[this.at + 1])) {
      const value = this.next() === 'true'
      return () => value
    }
    return this.comparison()
  }

  private isMatch(): SpanCondition {
    this.next()
    this.expect('(')
    const target = this.value()
    this.expect(',')
    const source = this.next()
    if (!source.startsWith('"')) throw this.error('IsMatch takes a regular expression in quotes')
    this.expect(')')
    const prefix = literalPrefix(unquote(source))
    if (prefix !== undefined && target.isName) return (batch, span) => nameBegins(batch, span, prefix)
    let pattern: RegExp
    try {
      pattern = new RegExp(unquote(source), 'u')
    } catch (cause) {
      throw this.error(`invalid regular expression: ${(cause as Error).message}`)
    }
    return (batch, span) => {
      const value = target(batch, span)
      if (value === undefined || value === null) return false
      return pattern.test(typeof value === 'object' ? JSON.stringify(value) : String(value))
    }
  }

  private comparison(): SpanCondition {
    const left = this.value()
    const operator = this.next()
    if (!isComparison(operator)) throw this.error(`expected a comparison, found ${operator}`)
    const right = this.value()
    const { reader } = left
    const { text } = right
    if (reader && text && operator === '==') return (batch, span) => reader.equals(batch, span, text)
    return (batch, span) => compare(left(batch, span), operator, right(batch, span))
  }

  private value(): Getter {
    const token = this.next()
    if (token.startsWith('"')) return constant(unquote(token))
    if (/^-?\d/.test(token)) return constant(Number(token))
    if (token === 'nil') return constant(undefined)
    if (token === 'true' || token === 'false') return constant(token === 'true')
    if (token === 'SpanID') {
      this.expect('(')
      const id = this.next()
      this.expect(')')
      if (!/^0x0{16}$/.test(id)) throw this.error('SpanID is supported for the empty id only')
      return constant(undefined)
    }
    const number = ENUMS.get(token)
    if (number !== undefined) return constant(number)
    return this.path(token === 'span' && this.peek() === '.' ? (this.expect('.'), this.next()) : token)
  }

  private path(first: string): Getter {
    let path = first
    while (this.peek() === '.') {
      this.next()
      path += `.${this.next()}`
    }
    let key: string | undefined
    if (this.peek() === '[') {
      this.next()
      const token = this.next()
      if (!token.startsWith('"')) throw this.error('an attribute key stands in double quotes')
      key = unquote(token)
      this.expect(']')
    }
    const getter = key === undefined ? pathGetter(path) : attributeGetter(path, key, this.readers)
    if (getter === undefined)
      throw this.error(
        `unknown path ${path}${key === undefined ? '' : '[…]'}; supported: ${OTTL_PATHS.join(', ')}`,
      )
    return getter
  }
}

function constant(value: Value): Getter {
  return typeof value === 'string'
    ? Object.assign(() => value, { text: Buffer.from(value, 'utf8') })
    : () => value
}

/** The text that a regular expression such as `^backtest\\.` asks a value to begin with; undefined for any other. */
function literalPrefix(pattern: string): Buffer | undefined {
  const match = /^\^((?:[\w /:-]|\\[./-])+)$/.exec(pattern)
  return match ? Buffer.from(match[1].replaceAll('\\', ''), 'utf8') : undefined
}

function nameBegins({ body, rows }: TraceBatch, span: number, prefix: Buffer): boolean {
  const at = rows[span * STRIDE + NAME]
  if (rows[span * STRIDE + NAME_END] - at < prefix.length) return false
  for (let i = 0; i < prefix.length; i++) if (body[at + i] !== prefix[i]) return false
  return true
}

function unquote(token: string): string {
  return token
    .slice(1, -1)
    .replace(/\\(.)/g, (_, char: string) => ({ n: '\n', t: '\t', r: '\r' })[char] ?? char)
}

function isComparison(token: string | undefined): boolean {
  return token !== undefined && ['==', '!=', '<', '<=', '>', '>='].includes(token)
}

function attributeGetter(
  path: string,
  key: string,
  readers: Map<string, AttributeReader>,
): Getter | undefined {
  if (path === 'attributes') {
    const reader = readers.get(key) ?? new AttributeReader(key)
    readers.set(key, reader)
    return Object.assign((batch: TraceBatch, span: number) => reader.ofSpan(batch, span), { reader })
  }
  if (path === 'resource.attributes') return (batch, span) => resourceAttributes(batch, span)[key]
  return undefined
}

function pathGetter(path: string): Getter | undefined {
  switch (path) {
    case 'name':
      return Object.assign(
        ({ body, rows }: TraceBatch, span: number) =>
          body.toString('utf8', rows[span * STRIDE + NAME], rows[span * STRIDE + NAME_END]),
        { isName: true },
      )
    case 'kind':
      return (batch, span) => batch.rows[span * STRIDE + KIND]
    case 'kind.string':
      return (batch, span) => {
        const name = KINDS[batch.rows[span * STRIDE + KIND]] ?? ''
        return name.charAt(0) + name.slice(1).toLowerCase()
      }
    case 'status.code':
      return (batch, span) => batch.rows[span * STRIDE + STATUS]
    case 'start_time_unix_nano':
      return (batch, span) => nanos(batch, batch.rows[span * STRIDE + START_TIME])
    case 'end_time_unix_nano':
      return (batch, span) => nanos(batch, batch.rows[span * STRIDE + END_TIME])
    case 'parent_span_id':
      return (batch, span) => (batch.rows[span * STRIDE + PARENT_ID] === 0 ? undefined : 'set')
    case 'instrumentation_scope.name':
      return (batch, span) =>
        decode(Scope, batch.scopes[batch.rows[span * STRIDE + SCOPE]].bytes)['name'] ?? ''
    default:
      return undefined
  }
}

function nanos(batch: TraceBatch, at: number): bigint {
  return at === 0 ? 0n : batch.body.readBigUInt64LE(at)
}

function compare(a: Value, operator: string, b: Value): boolean {
  if (operator === '==') return same(a, b)
  if (operator === '!=') return !same(a, b)
  const ordered = (isNumber(a) && isNumber(b)) || (typeof a === 'string' && typeof b === 'string')
  if (!ordered) return false
  switch (operator) {
    case '<':
      return a < b
    case '<=':
      return a <= b
    case '>':
      return a > b
    default:
      return a >= b
  }
}

function isNumber(value: Value): value is number | bigint {
  return typeof value === 'number' || typeof value === 'bigint'
}

function same(a: Value, b: Value): boolean {
  if (isNumber(a) && isNumber(b)) return Number(a) === Number(b)
  return (a ?? undefined) === (b ?? undefined)
}
