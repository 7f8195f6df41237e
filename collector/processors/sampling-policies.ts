import { z } from 'zod'
import { ConfigError } from '../config/read-config.ts'
import { section } from '../config/shapes.ts'
import { AttributeReader } from '../otlp/attributes.ts'
import type { JsonValue } from '../otlp/codec.ts'
import { END_TIME, epochMs, START_TIME, STATUS, STRIDE, type TraceBatch } from '../otlp/trace-batch.ts'
import { compileConditions } from './filter.ts'

/** What is known of a trace while its spans come in; nothing has to be read again when it is decided about. */
export interface TraceFacts {
  /** The trace id, one character a byte. */
  readonly id: string
  count: number
  /** Earliest start and latest end, epoch ms. */
  start: number
  end: number
  /** Which of the questions about single spans have been answered with yes, a bit each. */
  seen: number
}

/** Whether a trace is to be kept, as far as one policy is concerned. */
export type Policy = (trace: TraceFacts) => boolean

type SpanQuestion = (batch: TraceBatch, span: number) => boolean

/** Questions have a bit each in a number. */
const MAX_QUESTIONS = 31

/** What the policies of one processor ask of each span. */
export class SpanQuestions {
  private readonly questions: SpanQuestion[] = []

  /** A policy that holds once the question is answered with yes for a span of the trace. */
  any(question: SpanQuestion, path: string): Policy {
    if (this.questions.length === MAX_QUESTIONS)
      throw new ConfigError(`${path}: more than ${MAX_QUESTIONS} policies look at single spans`)
    const bit = 1 << this.questions.length
    this.questions.push(question)
    return (trace) => (trace.seen & bit) !== 0
  }

  /** Notes what a span tells about its trace. */
  ask(trace: TraceFacts, batch: TraceBatch, span: number): void {
    const { body, rows } = batch
    const row = span * STRIDE
    trace.count++
    const start = epochMs(body, rows[row + START_TIME])
    const end = epochMs(body, rows[row + END_TIME])
    if (start < trace.start) trace.start = start
    if (end > trace.end) trace.end = end
    const { questions } = this
    for (let i = 0; i < questions.length; i++)
      if ((trace.seen & (1 << i)) === 0 && questions[i](batch, span)) trace.seen |= 1 << i
  }
}

const leafShape = {
  always_sample: section({}).optional(),
  latency: z.strictObject({ threshold_ms: z.number(), upper_threshold_ms: z.number().default(0) }).optional(),
  numeric_attribute: z
    .strictObject({ key: z.string(), min_value: z.number().optional(), max_value: z.number().optional() })
    .optional(),
  probabilistic: z
    .strictObject({ hash_salt: z.string().default(''), sampling_percentage: z.number().min(0).max(100) })
    .optional(),
  status_code: z.strictObject({ status_codes: z.array(z.enum(['OK', 'ERROR', 'UNSET'])).min(1) }).optional(),
  string_attribute: z
    .strictObject({
      key: z.string(),
      values: z.array(z.string()).min(1),
      enabled_regex_matching: z.boolean().default(false),
      cache_max_size: z.number().optional(),
    })
    .optional(),
  boolean_attribute: z.strictObject({ key: z.string(), value: z.boolean() }).optional(),
  span_count: z
    .strictObject({
      min_spans: z.int().nonnegative().default(0),
      max_spans: z.int().nonnegative().default(0),
    })
    .optional(),
  ottl_condition: z
    .strictObject({
      error_mode: z.enum(['ignore', 'silent', 'propagate']).default('propagate'),
      span: z.array(z.string()).min(1),
    })
    .optional(),
}

const LEAVES = Object.keys(leafShape) as [keyof typeof leafShape, ...(keyof typeof leafShape)[]]

const leaf = z.strictObject({ name: z.string().min(1), type: z.enum(LEAVES), ...leafShape })

type Leaf = z.infer<typeof leaf>

export const policyShape = z.strictObject({
  name: z.string().min(1),
  type: z.enum([...LEAVES, 'and', 'not', 'drop']),
  ...leafShape,
  and: z.strictObject({ and_sub_policy: z.array(leaf).min(1) }).optional(),
  not: z.strictObject({ not_sub_policy: leaf }).optional(),
  drop: z.strictObject({ drop_sub_policy: z.array(leaf).min(1) }).optional(),
})

type PolicyConfig = z.infer<typeof policyShape>

/** `drop` policies decide against a trace whatever the others say. */
export function createPolicy(
  config: PolicyConfig,
  path: string,
  spans: SpanQuestions,
): { policy: Policy; drops: boolean } {
  const all = (configs: readonly Leaf[]): Policy => {
    const policies = configs.map((config) => leafPolicy(config, `${path}::${config.name}`, spans))
    return (trace) => policies.every((policy) => policy(trace))
  }
  switch (config.type) {
    case 'and':
      return { policy: all(required(config.and, config.type, path).and_sub_policy), drops: false }
    case 'drop':
      return { policy: all(required(config.drop, config.type, path).drop_sub_policy), drops: true }
    case 'not': {
      const inner = leafPolicy(required(config.not, config.type, path).not_sub_policy, path, spans)
      return { policy: (trace) => !inner(trace), drops: false }
    }
    default:
      return { policy: leafPolicy(config as Leaf, path, spans), drops: false }
  }
}

function required<T>(value: T | undefined, type: string, path: string): T {
  if (value === undefined)
    throw new ConfigError(`${path}: a policy of type ${type} needs a section "${type}"`)
  return value
}

function leafPolicy(config: Leaf, path: string, spans: SpanQuestions): Policy {
  const attribute = (key: string, matches: (value: JsonValue | undefined) => boolean) =>
    spans.any(attributeQuestion(key, matches), path)
  switch (config.type) {
    case 'always_sample':
      return () => true
    case 'status_code': {
      const codes = required(config.status_code, config.type, path).status_codes.map((code) =>
        ['UNSET', 'OK', 'ERROR'].indexOf(code),
      )
      return spans.any((batch, span) => codes.includes(batch.rows[span * STRIDE + STATUS]), path)
    }
    case 'latency': {
      const { threshold_ms, upper_threshold_ms } = required(config.latency, config.type, path)
      return (trace) => hasLatency(trace, threshold_ms, upper_threshold_ms)
    }
    case 'boolean_attribute': {
      const { key, value } = required(config.boolean_attribute, config.type, path)
      return attribute(key, (found) => found === value)
    }
    case 'numeric_attribute': {
      const { key, min_value, max_value } = required(config.numeric_attribute, config.type, path)
      if (min_value === undefined && max_value === undefined)
        throw new ConfigError(`${path}: numeric_attribute needs min_value or max_value`)
      const [min, max] = [min_value ?? -Infinity, max_value ?? Infinity]
      return attribute(key, (found) => {
        const number = typeof found === 'string' ? NaN : Number(found)
        return number >= min && number <= max
      })
    }
    case 'string_attribute': {
      const { key, values, enabled_regex_matching } = required(config.string_attribute, config.type, path)
      const patterns = enabled_regex_matching ? values.map((value) => new RegExp(value, 'u')) : undefined
      const exact = new Set(values)
      return attribute(
        key,
        (found) =>
          typeof found === 'string' &&
          (patterns ? patterns.some((pattern) => pattern.test(found)) : found !== '' && exact.has(found)),
      )
    }
    case 'span_count': {
      const { min_spans, max_spans } = required(config.span_count, config.type, path)
      return ({ count }) => count >= min_spans && (max_spans === 0 || count <= max_spans)
    }
    case 'ottl_condition': {
      const conditions = compileConditions(required(config.ottl_condition, config.type, path).span, path)
      return spans.any((batch, span) => conditions.some((condition) => condition(batch, span)), path)
    }
    case 'probabilistic': {
      const { hash_salt, sampling_percentage } = required(config.probabilistic, config.type, path)
      return probabilistic(hash_salt || 'default-hash-seed', sampling_percentage / 100)
    }
    default:
      throw new Error(`unknown policy ${String(config.type)}`)
  }
}

/** As in the Collector, the resource's attributes count as well as the span's. */
function attributeQuestion(key: string, matches: (value: JsonValue | undefined) => boolean): SpanQuestion {
  const reader = new AttributeReader(key)
  return (batch, span) => matches(reader.ofSpan(batch, span)) || matches(reader.ofResource(batch, span))
}

/** Milliseconds from the earliest start to the latest end, whole ones as in the Collector. */
function hasLatency({ start, end }: TraceFacts, threshold: number, upper: number): boolean {
  const ms = Math.floor(Math.round((end - start) * 1e3) / 1e3)
  return ms > threshold && (upper === 0 || ms <= upper)
}

/** FNV-1a over the salt and the trace id against a share of 2^64, as in the Collector: both keep the same traces. */
function probabilistic(salt: string, share: number): Policy {
  const threshold = shareOfMax(share)
  const salted = fnv1a(OFFSET_BASIS, Buffer.from(salt, 'utf8'))
  return ({ id }) => share >= 1 || (share > 0 && fnv1a(salted, Buffer.from(id, 'latin1')) <= threshold)
}

const OFFSET_BASIS = 0xcbf29ce484222325n
const MASK = 0xffffffffffffffffn

function fnv1a(seed: bigint, bytes: Uint8Array): bigint {
  // 64-bit multiplication in four limbs of 16 bits; the prime is 2^40 + 0x1b3.
  let a = Number(seed & 0xffffn)
  let b = Number((seed >> 16n) & 0xffffn)
  let c = Number((seed >> 32n) & 0xffffn)
  let d = Number((seed >> 48n) & 0xffffn)
  for (let i = 0; i < bytes.length; i++) {
    a ^= bytes[i]
    const a0 = a * 0x1b3
    const b0 = b * 0x1b3 + (a0 >>> 16)
    const c0 = c * 0x1b3 + (b0 >>> 16) + (a << 8)
    const d0 = d * 0x1b3 + Math.floor(c0 / 65536) + (b << 8)
    a = a0 & 0xffff
    b = b0 & 0xffff
    c = c0 & 0xffff
    d = d0 & 0xffff
  }
  return (BigInt(d) << 48n) | (BigInt(c) << 32n) | (BigInt(b) << 16n) | BigInt(a)
}

/** Share of the largest 64-bit number, in the precision of Go's big.Float (64 bits for the product). */
function shareOfMax(share: number): bigint {
  const buffer = new DataView(new ArrayBuffer(8))
  buffer.setFloat64(0, share)
  const bits = buffer.getBigUint64(0)
  const exponent = Number((bits >> 52n) & 0x7ffn) - 1075
  const mantissa = (bits & 0xfffffffffffffn) | 0x10000000000000n
  const product = mantissa * MASK
  return exponent < 0 ? product >> BigInt(-exponent) : product << BigInt(exponent)
}
