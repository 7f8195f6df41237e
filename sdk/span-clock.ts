import { trace, type Context, type HrTime, type Span } from '@opentelemetry/api'

/**
 * One anchor for all spans of a trace in this process: the wall clock read once, everything else as the distance by
 * the monotonic clock, in whole nanoseconds. OpenTelemetry's own spans start with the wall clock's millisecond, so
 * that a child could end after its parent.
 */
export class SpanClock {
  private readonly seconds: number
  private readonly nanos: number
  private readonly origin: number

  constructor(monotonicMs = performance.now(), wallMs = wallClock(monotonicMs)) {
    this.seconds = Math.floor(wallMs / 1000)
    this.nanos = Math.round((wallMs - this.seconds * 1000) * 1e6)
    this.origin = monotonicMs
  }

  /** The wall time of a reading of `performance.now()`. */
  at(monotonicMs: number): HrTime {
    const nanos = this.nanos + Math.round((monotonicMs - this.origin) * 1e6)
    const carry = Math.floor(nanos / 1e9)
    return [this.seconds + carry, nanos - carry * 1e9]
  }
}

/** Where a span of this SDK keeps its clock. */
export const clockKey = Symbol('clock')

interface ClockHolder extends Span {
  [clockKey]?: SpanClock | undefined
}

/** Of spans that somebody else made. */
const clocks = new WeakMap<Span, SpanClock>()

/** The clock of the trace that is active in `context`; a new one where a trace begins in this process. */
export function clockFor(context: Context): SpanClock {
  const parent: ClockHolder | undefined = trace.getSpan(context)
  if (parent === undefined) return new SpanClock()
  return parent[clockKey] ?? clocks.get(parent) ?? new SpanClock()
}

/** Children of `span` use its clock. */
export function setClock(span: Span, clock: SpanClock): void {
  const holder: ClockHolder = span
  if (clockKey in holder) holder[clockKey] = clock
  else clocks.set(span, clock)
}

/** Finer than Date.now() as long as nobody stepped the wall clock since the process began; then Date.now() itself. */
function wallClock(monotonicMs: number): number {
  const fine = performance.timeOrigin + monotonicMs
  const coarse = Date.now()
  return Math.abs(fine - coarse) < 5 ? fine : coarse
}
