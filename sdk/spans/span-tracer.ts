import {
  context,
  INVALID_SPAN_CONTEXT,
  isSpanContextValid,
  SpanKind,
  trace,
  type Attributes,
  type Context,
  type Link,
  type Span,
  type SpanOptions,
  type Tracer,
} from '@opentelemetry/api'
import { isTracingSuppressed, timeInputToHrTime, type InstrumentationScope } from '@opentelemetry/core'
import {
  ParentBasedSampler,
  SamplingDecision,
  type Sampler,
  type SamplingResult,
} from '@opentelemetry/sdk-trace'
import { randomFillSync } from 'node:crypto'
import { randomFlag, sampledFlag } from '../context/trace-flags.ts'
import { clockFor } from '../span-clock.ts'
import { fixedAttributes, type FixedAttributes } from './fixed-attributes.ts'
import { RecordedSpan, type SpanSettings } from './recorded-span.ts'

const noAttributes: Attributes = {}
const followed: SamplingResult = { decision: SamplingDecision.RECORD_AND_SAMPLED }
const noLinks: Link[] = []

/**
 * Starts spans. Beyond the library's tracer: its ids are random and say so (the random flag of W3C Trace Context; a
 * span of a trace that came from elsewhere has what its parent had), and all spans of a trace are on one clock.
 */
export class SpanTracer implements Tracer {
  private readonly scope: InstrumentationScope
  private readonly settings: SpanSettings
  private readonly sampler: Sampler
  private readonly follows: boolean

  constructor(scope: InstrumentationScope, settings: SpanSettings, sampler: Sampler) {
    this.scope = scope
    this.settings = settings
    this.sampler = sampler
    this.follows = sampler instanceof ParentBasedSampler
  }

  startSpan(name: string, options: SpanOptions = {}, given: Context = context.active()): Span {
    const parentContext = options.root === true ? trace.deleteSpan(given) : given
    if (isTracingSuppressed(parentContext)) return trace.wrapSpanContext(INVALID_SPAN_CONTEXT)
    const parent = trace.getSpan(parentContext)
    let above = parent?.spanContext()
    if (above !== undefined && !(parent instanceof RecordedSpan) && !isSpanContextValid(above))
      above = undefined
    const traceId = above?.traceId ?? randomHex(16)
    const spanId = randomHex(8)
    const { kind = SpanKind.INTERNAL, attributes = noAttributes, links = noLinks, startTime } = options
    // What a sampler that follows the parent would say of one that is being recorded here.
    const sampling =
      this.follows && parent instanceof RecordedSpan && (above!.traceFlags & sampledFlag) !== 0
        ? followed
        : this.sampler.shouldSample(parentContext, traceId, name, kind, attributes, links)
    const sampled = sampling.decision === SamplingDecision.RECORD_AND_SAMPLED ? sampledFlag : 0
    const random = above === undefined ? randomFlag : above.traceFlags & randomFlag
    const traceState = sampling.traceState ?? above?.traceState
    const spanContext = {
      traceId,
      spanId,
      traceFlags: sampled | random,
      ...(traceState !== undefined && { traceState }),
    }
    if (sampling.decision === SamplingDecision.NOT_RECORD) return trace.wrapSpanContext(spanContext)
    const clock = startTime === undefined ? clockFor(parentContext) : undefined
    const fixed = this.fixedWithinLimits(attributes)
    const span = new RecordedSpan(this.settings, {
      name,
      kind,
      spanContext,
      parentSpanContext: above,
      instrumentationScope: this.scope,
      startTime: clock?.at(performance.now()) ?? timeInputToHrTime(startTime!),
      clock,
      fixed,
    })
    if (attributes !== noAttributes && fixed === undefined) span.setAttributes(attributes)
    if (sampling.attributes !== undefined) span.setAttributes(sampling.attributes)
    if (links.length > 0) span.addLinks(links)
    for (const processor of this.settings.processors) processor.onStart(span, parentContext)
    return span
  }

  private fixedWithinLimits(attributes: Attributes): FixedAttributes | undefined {
    const fixed = fixedAttributes(attributes)
    if (fixed === undefined) return undefined
    const { attributeCountLimit, attributeValueLengthLimit } = this.settings.limits
    const fits = fixed.count <= attributeCountLimit && fixed.longest <= attributeValueLengthLimit
    return fits ? fixed : undefined
  }

  startActiveSpan<Act extends (span: Span) => unknown>(name: string, ...rest: unknown[]): ReturnType<Act> {
    const act = rest.pop() as Act
    const [options, given = context.active()] = rest as [SpanOptions?, Context?]
    const span = this.startSpan(name, options, given)
    return context.with(trace.setSpan(given, span), act as (span: Span) => ReturnType<Act>, undefined, span)
  }
}

const pool = Buffer.allocUnsafeSlow(512)
let digits = ''
let used = 0

/**
 * From a pool: to ask the system for every id would cost more than the rest of the span. An id is a slice of the pool's
 * text, which it keeps alive; so the pool is small.
 */
function randomHex(bytes: number): string {
  if (used + 2 * bytes > digits.length) {
    digits = randomFillSync(pool).toString('hex')
    used = 0
  }
  used += 2 * bytes
  return digits.slice(used - 2 * bytes, used)
}
