import {
  diag,
  SpanStatusCode,
  type Attributes,
  type AttributeValue,
  type Exception,
  type HrTime,
  type Link,
  type Span,
  type SpanContext,
  type SpanKind,
  type SpanStatus,
  type TimeInput,
} from '@opentelemetry/api'
import {
  AddAttributeDecision,
  cleanSimpleAttributes,
  hrTimeDuration,
  maybeAddAttribute,
  timeInputToHrTime,
  type InstrumentationScope,
} from '@opentelemetry/core'
import type { Resource } from '@opentelemetry/resources'
import type { ReadableSpan, SpanLimits, SpanProcessor, TimedEvent } from '@opentelemetry/sdk-trace'
import type { FixedAttributes } from './fixed-attributes.ts'
import { clockKey, type SpanClock } from '../span-clock.ts'

/** What all spans of a provider share. */
export interface SpanSettings {
  readonly resource: Resource
  readonly processors: readonly SpanProcessor[]
  readonly limits: Required<SpanLimits>
}

export interface SpanStart {
  readonly name: string
  readonly kind: SpanKind
  readonly spanContext: SpanContext
  readonly parentSpanContext: SpanContext | undefined
  readonly instrumentationScope: InstrumentationScope
  readonly startTime: HrTime
  /** Of its trace in this process; undefined when the start was given, and the end will be too. */
  readonly clock: SpanClock | undefined
  readonly fixed: FixedAttributes | undefined
}

const notYet: HrTime = [0, 0]
// Most spans have neither, so they share these until they do.
const noLinks: Link[] = []
const noEvents: TimedEvent[] = []
const unset: SpanStatus = { code: SpanStatusCode.UNSET }

/**
 * A span, at a third of what the library's costs: plain values are taken without the library's walk through them,
 * times come from the clock of the trace. What is rare (nested values, limits, events) is the library's own code.
 */
export class RecordedSpan implements Span, ReadableSpan {
  name: string
  readonly kind: SpanKind
  readonly parentSpanContext?: SpanContext
  readonly instrumentationScope: InstrumentationScope
  startTime: HrTime
  endTime: HrTime = notYet
  status: SpanStatus = unset
  /** Those that it began with together with many others, until somebody asks for `attributes` or sets one of them. */
  fixed: FixedAttributes | undefined
  /** All others. */
  own: Attributes = {}
  links: Link[] = noLinks
  events: TimedEvent[] = noEvents
  ended = false
  droppedAttributesCount = 0
  droppedEventsCount = 0
  droppedLinksCount = 0
  public [clockKey]: SpanClock | undefined
  private readonly settings: SpanSettings
  private readonly context: SpanContext
  private attributeCount: number

  constructor(settings: SpanSettings, start: SpanStart) {
    this.settings = settings
    this.context = start.spanContext
    this.name = start.name
    this.kind = start.kind
    if (start.parentSpanContext !== undefined) this.parentSpanContext = start.parentSpanContext
    this.instrumentationScope = start.instrumentationScope
    this.startTime = start.startTime
    this[clockKey] = start.clock
    this.fixed = start.fixed
    this.attributeCount = start.fixed?.count ?? 0
  }

  get attributes(): Attributes {
    if (this.fixed !== undefined) {
      this.own = { ...this.fixed.values, ...this.own }
      this.fixed = undefined
    }
    return this.own
  }

  get resource(): Resource {
    return this.settings.resource
  }

  get duration(): HrTime {
    return this.ended ? hrTimeDuration(this.startTime, this.endTime) : [-1, -1]
  }

  spanContext(): SpanContext {
    return this.context
  }

  isRecording(): boolean {
    return !this.ended
  }

  setAttribute(key: string, value: AttributeValue): this {
    if (this.refuses('setAttribute') || value === undefined) return this
    const { limits } = this.settings
    const plain =
      typeof value === 'number' ||
      typeof value === 'boolean' ||
      (typeof value === 'string' && value.length <= limits.attributeValueLengthLimit)
    const { fixed } = this
    const attributes = fixed !== undefined && Object.hasOwn(fixed.values, key) ? this.attributes : this.own
    if (plain && key.length > 0) {
      if (!Object.hasOwn(attributes, key)) {
        if (this.attributeCount >= limits.attributeCountLimit) return this.dropAttribute()
        this.attributeCount++
      }
      attributes[key] = value
      return this
    }
    const decision = maybeAddAttribute({
      key,
      value,
      attributes,
      limits,
      currentAttributesCount: this.attributeCount,
    })
    if (decision === AddAttributeDecision.DROP_LIMIT_REACHED) return this.dropAttribute()
    if (decision === AddAttributeDecision.ADD_NEW) this.attributeCount++
    return this
  }

  setAttributes(attributes: Attributes): this {
    for (const key of Object.keys(attributes)) this.setAttribute(key, attributes[key])
    return this
  }

  addEvent(name: string, attributesOrTime?: Attributes | TimeInput, time?: TimeInput): this {
    if (this.refuses('addEvent')) return this
    const { limits } = this.settings
    if (limits.eventCountLimit === 0) {
      this.droppedEventsCount++
      return this
    }
    if (this.events.length >= limits.eventCountLimit) {
      this.events.shift()
      this.droppedEventsCount++
    }
    const onlyTime = isTime(attributesOrTime)
    const at = time ?? (onlyTime ? attributesOrTime : undefined)
    this.ownEvents().push({
      name,
      time: at === undefined ? this.now() : timeInputToHrTime(at),
      ...(onlyTime || attributesOrTime === undefined ? {} : this.eventAttributes(attributesOrTime)),
    })
    return this
  }

  /**
   * `addEvent` for who gives its attributes away: at most `count` of them, plain values or flat arrays of plain values. They are
   * not copied unless the limits ask for it.
   */
  giveEvent(name: string, attributes: Attributes, count: number, time: HrTime): void {
    const { eventCountLimit, attributePerEventCountLimit, attributeValueLengthLimit } = this.settings.limits
    const fits =
      this.events.length < eventCountLimit &&
      count <= attributePerEventCountLimit &&
      attributeValueLengthLimit === Infinity
    if (this.ended || !fits) this.addEvent(name, attributes, time)
    else this.ownEvents().push({ name, time, attributes, droppedAttributesCount: 0 })
  }

  addLink({ context, attributes }: Link): this {
    if (this.refuses('addLink')) return this
    const { limits } = this.settings
    if (limits.linkCountLimit === 0) {
      this.droppedLinksCount++
      return this
    }
    if (this.links.length >= limits.linkCountLimit) {
      this.links.shift()
      this.droppedLinksCount++
    }
    const cleaned = cleanSimpleAttributes(attributes, {
      attributeCountLimit: limits.attributePerLinkCountLimit,
      attributeValueLengthLimit: limits.attributeValueLengthLimit,
    })
    if (this.links === noLinks) this.links = []
    this.links.push({ context, ...cleaned })
    return this
  }

  addLinks(links: readonly Link[]): this {
    for (const link of links) this.addLink(link)
    return this
  }

  setStatus({ code, message }: SpanStatus): this {
    if (this.refuses('setStatus') || code === SpanStatusCode.UNSET) return this
    if (this.status.code === SpanStatusCode.OK) return this
    this.status = code === SpanStatusCode.ERROR && typeof message === 'string' ? { code, message } : { code }
    return this
  }

  updateName(name: string): this {
    if (!this.refuses('updateName')) this.name = name
    return this
  }

  recordException(exception: Exception, time?: TimeInput): void {
    const attributes: Attributes = {}
    if (typeof exception === 'string') attributes['exception.message'] = exception
    else {
      const { code, name, message, stack } = exception
      if (code || name) attributes['exception.type'] = String(code || name)
      if (message) attributes['exception.message'] = message
      if (stack) attributes['exception.stacktrace'] = stack
    }
    if (attributes['exception.type'] === undefined && attributes['exception.message'] === undefined) return
    this.addEvent('exception', attributes, time)
  }

  end(endTime?: TimeInput): void {
    if (this.ended) {
      diag.error(`tapescope: a span was ended twice: ${this.name}`)
      return
    }
    this.endTime = endTime === undefined ? this.now() : timeInputToHrTime(endTime)
    if (isBefore(this.endTime, this.startTime)) {
      diag.warn(`tapescope: a span would end before it started, its duration is 0: ${this.name}`)
      this.endTime = this.startTime
    }
    const { processors } = this.settings
    for (const processor of processors) processor.onEnding?.(this)
    this.ended = true
    for (const processor of processors) processor.onEnd(this)
  }

  /** A copy of plain values; anything else goes the library's way. */
  private eventAttributes(given: Attributes): Pick<TimedEvent, 'attributes' | 'droppedAttributesCount'> {
    const { attributePerEventCountLimit, attributeValueLengthLimit } = this.settings.limits
    const attributes: Attributes = {}
    let count = 0
    for (const key of Object.keys(given)) {
      const value = given[key]
      const plain =
        typeof value === 'number' ||
        typeof value === 'boolean' ||
        (typeof value === 'string' && value.length <= attributeValueLengthLimit)
      if (!plain || key === '' || ++count > attributePerEventCountLimit)
        return cleanSimpleAttributes(given, {
          attributeCountLimit: attributePerEventCountLimit,
          attributeValueLengthLimit,
        })
      attributes[key] = value
    }
    return { attributes, droppedAttributesCount: 0 }
  }

  private ownEvents(): TimedEvent[] {
    if (this.events === noEvents) this.events = []
    return this.events
  }

  private now(): HrTime {
    return this[clockKey]?.at(performance.now()) ?? timeInputToHrTime(Date.now())
  }

  private refuses(what: string): boolean {
    if (this.ended) diag.warn(`tapescope: ${what} after the end of the span ${this.name}`)
    return this.ended
  }

  private dropAttribute(): this {
    if (this.droppedAttributesCount++ === 0)
      diag.warn(`tapescope: the span ${this.name} has as many attributes as it may have`)
    return this
  }
}

const isTime = (given: unknown): given is TimeInput =>
  typeof given === 'number' || given instanceof Date || (Array.isArray(given) && given.length === 2)

const isBefore = (one: HrTime, other: HrTime): boolean =>
  one[0] < other[0] || (one[0] === other[0] && one[1] < other[1])
