import { createHook, executionAsyncId } from 'node:async_hooks'
import { createSectionWriter, type TakenSections } from './profile-section-columns.ts'

/** Clocks of OpenTelemetry SDKs step by a millisecond and may be set. */
const clockStepUs = 3000

/** What this needs of a span, whichever OpenTelemetry SDK made it. */
interface SeenSpan {
  readonly name: string
  readonly startTime: readonly [number, number]
  readonly parentSpanContext?: { spanId: string } | undefined
  readonly parentSpanId?: string | undefined
  spanContext(): { traceId: string; spanId: string }
}

/** Structurally an OpenTelemetry SpanProcessor (1.x to 3.x). */
export interface SectionProcessor {
  onStart(span: SeenSpan, context?: unknown): void
  onEnd(span: SeenSpan): void
  forceFlush(): Promise<void>
  shutdown(): Promise<void>
}

export interface SectionLog extends SectionProcessor {
  /** The span of `context` is active from here to the `exit` that belongs to this. */
  enter(context: unknown): void
  exit(): void
  /** Logs continuations too, by async_hooks (costs what a promise hook costs). Returns what turns it off. */
  followAsync(activeContext: () => unknown): () => void
  /** Takes what was logged since the last drain, which must have been read. May interrupt the thread anywhere. */
  drain(): TakenSections
}

/** A callback of the event loop, as far as it can be told apart: the spans that began in it and have not ended. */
type Turn = Map<number, { asyncId: number }>

/**
 * Logs which span is active on this thread, in the clock of the CPU samples. A span that ends in the callback in which
 * it began was one synchronous stretch; any other says nothing about who ran in between, and is only credited with the
 * stretches in which it was seen to be active. A callback is told apart by its async id (`process.nextTick`, timers,
 * I/O) and by a microtask (promises, which have none while nobody hooks them).
 */
export function createSectionLog(memory: SharedArrayBuffer): SectionLog {
  const offsetUs = monotonicOffsetMs() * 1000
  const now = (): number => performance.now() * 1000 + offsetUs
  const columns = createSectionWriter(memory)
  let turn: Turn | undefined
  let depth = 0
  let lastKey = 0
  let lastAt = 0
  const keys = new WeakMap<object, { key: number; turn: Turn; asyncId: number }>()

  function thisTurn(): Turn {
    if (turn) return turn
    const begun: Turn = new Map()
    turn = begun
    queueMicrotask(() => {
      if (turn === begun) turn = undefined
    })
    return begun
  }

  function enter(context: unknown): void {
    const span = spanOf(context)
    lastAt = now()
    columns.enter(lastAt, span && keys.get(span)?.key, span?.spanContext())
    depth += 1
  }

  function exit(): void {
    depth -= 1
    lastAt = now()
    columns.exit(lastAt)
  }

  return {
    enter,
    exit,
    onStart(span) {
      const at = now()
      // Made after the fact, it tells of earlier work: its start, given by hand, lies before what was seen last. One of
      // now may lie back as well, when the thread had to wait for a core.
      const startedUs = at + (epochMs(span.startTime) - Date.now()) * 1000
      const live = startedUs <= at + clockStepUs && startedUs >= Math.min(lastAt, at) - clockStepUs
      const { traceId, spanId } = span.spanContext()
      const parentSpanId = span.parentSpanContext?.spanId ?? span.parentSpanId ?? null
      lastKey += 1
      if (live) {
        const begun = thisTurn()
        const known = { key: lastKey, turn: begun, asyncId: executionAsyncId() }
        keys.set(span, known)
        begun.set(lastKey, known)
      }
      lastAt = at
      columns.start(at, lastKey, { traceId, spanId, parentSpanId, name: span.name })
    },
    onEnd(span) {
      const known = keys.get(span)
      if (!known) return
      lastAt = now()
      known.turn.delete(known.key)
      const sync = known.turn === turn && known.asyncId === executionAsyncId()
      columns.end(lastAt, known.key, sync)
    },
    followAsync(activeContext) {
      const hook = createHook({
        before() {
          if (depth === 0) turn = undefined
          enter(activeContext())
        },
        after() {
          if (depth > 0) exit()
        },
      })
      hook.enable()
      return () => hook.disable()
    },
    drain() {
      const untilUs = now()
      const asyncId = executionAsyncId()
      for (const [key, begun] of turn ?? []) if (begun.asyncId === asyncId) columns.still(untilUs, key)
      return columns.take(untilUs)
    },
    forceFlush: () => Promise.resolve(),
    shutdown: () => Promise.resolve(),
  }
}

/**
 * Monotonic milliseconds (hrtime) minus `performance.now()`. The first reads of either clock are slow, so the pair
 * that was read closest together counts.
 */
export function monotonicOffsetMs(): number {
  let offset = 0
  let closest = Infinity
  for (let i = 0; i < 50; i += 1) {
    const before = performance.now()
    const monotonic = Number(process.hrtime.bigint()) / 1e6
    const apart = performance.now() - before
    if (apart >= closest) continue
    closest = apart
    offset = monotonic - before - apart / 2
  }
  return offset
}

function epochMs(time: readonly [number, number]): number {
  return time[0] * 1000 + time[1] / 1e6
}

/** The API's own key of the span in a context (`createContextKey` is `Symbol.for`), the same in every copy of it. */
const spanKey = Symbol.for('OpenTelemetry Context Key SPAN')

interface ContextSpan {
  spanContext(): { traceId: string; spanId: string }
}

function spanOf(context: unknown): ContextSpan | undefined {
  const getValue = (context as { getValue?: (key: symbol) => unknown } | undefined)?.getValue
  return getValue?.(spanKey) as ContextSpan | undefined
}
