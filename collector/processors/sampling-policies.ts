import { z } from 'zod'
import { ConfigError } from '../config/read-config.ts'
import { section } from '../config/shapes.ts'
import { AttributeReader } from '../otlp/attributes.ts'
import type { JsonValue } from '../otlp/codec.ts'
import {
  END_TIME,
  SCOPE,
  START_TIME,
  STATUS,
  STRIDE,
  TRACE_ID,
  type Selection,
  type TraceBatch,
} from '../otlp/trace-batch.ts'
import { compileConditions } from './filter.ts'

/** All spans of a trace that have come so far. */
export interface PendingTrace {
  readonly parts: readonly Selection[]
}

export function spanCount(trace: PendingTrace): number {
  return trace.parts.reduce((sum, { spans }) => sum + spans.length, 0)
}

/** Whether a trace is to be kept, as far as one policy is concerned. */
export type Policy = (trace: PendingTrace) => boolean

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

export type PolicyConfig = z.infer<typeof policyShape>

/** `drop` policies decide against a trace whatever the others say. */
export function createPolicy(config: PolicyConfig, path: string): { policy: Policy; drops: boolean } {
  const all = (configs: readonly Leaf[]): Policy => {
    const policies = configs.map((config) => leafPolicy(config, `${path}::${config.name}`))
    return (trace) => policies.every((policy) => policy(trace))
  }
  switch (config.type) {
    case 'and':
      return { policy: all(required(config.and, config.type, path).and_sub_policy), drops: false }
    case 'drop':
      return { policy: all(required(config.drop, config.type, path).drop_sub_policy), drops: true }
    case 'not': {
      const inner = leafPolicy(required(config.not, config.type, path).not_sub_policy, path)
      return { policy: (trace) => !inner(trace), drops: false }
    }
    default:
      return { policy: leafPolicy(config as Leaf, path), drops: false }
  }
}

function required<T>(value: T | undefined, type: string, path: string): T {
  if (value === undefined)
    throw new ConfigError(`${path}: a policy of type ${type} needs a section "${type}"`)
  return value
}

function leafPolicy(config: Leaf, path: string): Policy {
  switch (config.type) {
    case 'always_sample':
      return () => true
    case 'status_code': {
      const codes = required(config.status_code, config.type, path).status_codes.map((code) =>
        ['UNSET', 'OK', 'ERROR'].indexOf(code),
      )
      return (trace) => anySpan(trace, (batch, span) => codes.includes(batch.rows[span * STRIDE + STATUS]))
    }
    case 'latency': {
      const { threshold_ms, upper_threshold_ms } = required(config.latency, config.type, path)
      return (trace) => hasLatency(trace, threshold_ms, upper_threshold_ms)
    }
    case 'boolean_attribute': {
      const { key, value } = required(config.boolean_attribute, config.type, path)
      return attributePolicy(key, (found) => found === value)
    }
    case 'numeric_attribute': {
      const { key, min_value, max_value } = required(config.numeric_attribute, config.type, path)
      if (min_value === undefined && max_value === undefined)
        throw new ConfigError(`${path}: numeric_attribute needs min_value or max_value`)
      const [min, max] = [min_value ?? -Infinity, max_value ?? Infinity]
      return attributePolicy(key, (found) => {
        const number = typeof found === 'string' ? NaN : Number(found)
        return number >= min && number <= max
      })
    }
    case 'string_attribute': {
      const { key, values, enabled_regex_matching } = required(config.string_attribute, config.type, path)
      const patterns = enabled_regex_matching ? values.map((value) => new RegExp(value, 'u')) : undefined
      const exact = new Set(values)
      return attributePolicy(
        key,
        (found) =>
          typeof found === 'string' &&
          (patterns ? patterns.some((pattern) => pattern.test(found)) : found !== '' && exact.has(found)),
      )
    }
    case 'span_count': {
      const { min_spans, max_spans } = required(config.span_count, config.type, path)
      return (trace) => {
        const count = spanCount(trace)
        return count >= min_spans && (max_spans === 0 || count <= max_spans)
      }
    }
    case 'ottl_condition': {
      const conditions = compileConditions(required(config.ottl_condition, config.type, path).span, path)
      return (trace) =>
        anySpan(trace, (batch, span) => conditions.some((condition) => condition(batch, span)))
    }
    case 'probabilistic': {
      const { hash_salt, sampling_percentage } = required(config.probabilistic, config.type, path)
      return probabilistic(hash_salt || 'default-hash-seed', sampling_percentage / 100)
    }
    default:
      throw new Error(`unknown policy ${String(config.type)}`)
  }
}

function anySpan(trace: PendingTrace, matches: (batch: TraceBatch, span: number) => boolean): boolean {
  for (const { batch, spans } of trace.parts)
    for (let i = 0; i < spans.length; i++) if (matches(batch, spans[i])) return true
  return false
}

/** As in the Collector, the resource's attributes count as well as the span's. */
function attributePolicy(key: string, matches: (value: JsonValue | undefined) => boolean): Policy {
  const reader = new AttributeReader(key)
  return (trace) => {
    for (const { batch, spans } of trace.parts) {
      let lastScope = -1
      for (let i = 0; i < spans.length; i++) {
        const scope = batch.rows[spans[i] * STRIDE + SCOPE]
        if (scope !== lastScope && matches(reader.ofResource(batch, spans[i]))) return true
        lastScope = scope
        if (matches(reader.ofSpan(batch, spans[i]))) return true
      }
    }
    return false
  }
}

/** Milliseconds from the earliest start to the latest end, whole ones as in the Collector. */
function hasLatency(trace: PendingTrace, threshold: number, upper: number): boolean {
  let start = Infinity
  let end = 0
  for (const { batch, spans } of trace.parts) {
    for (let i = 0; i < spans.length; i++) {
      const row = spans[i] * STRIDE
      const from = milliseconds(batch, batch.rows[row + START_TIME])
      const to = milliseconds(batch, batch.rows[row + END_TIME])
      if (from < start) start = from
      if (to > end) end = to
    }
  }
  const ms = Math.floor(Math.round((end - start) * 1e3) / 1e3)
  return ms > threshold && (upper === 0 || ms <= upper)
}

/** Nanoseconds at an offset, as milliseconds; exact to about half a microsecond in this century. */
function milliseconds(batch: TraceBatch, at: number): number {
  if (at === 0) return 0
  return (batch.body.readUInt32LE(at + 4) * 4294967296 + batch.body.readUInt32LE(at)) / 1e6
}

/** FNV-1a over the salt and the trace id against a share of 2^64, as in the Collector: both keep the same traces. */
function probabilistic(salt: string, share: number): Policy {
  const threshold = shareOfMax(share)
  const salted = fnv1a(OFFSET_BASIS, Buffer.from(salt, 'utf8'))
  return ({ parts: [first] }) => {
    if (share >= 1) return true
    if (share <= 0) return false
    const { batch, spans } = first
    const at = batch.rows[spans[0] * STRIDE + TRACE_ID]
    return fnv1a(salted, batch.body.subarray(at, at + 16)) <= threshold
  }
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
