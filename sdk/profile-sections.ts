import { createHook } from 'node:async_hooks'

/** Fullest the log may get between two drains; past it entries are counted and lost. */
const capacity = 200_000

/**
 * One entry of the section log. Times are microseconds of the monotonic clock (hrtime), the clock of V8's samples.
 * `start`/`end` bound a span whose whole life was one synchronous extent; `enter`/`exit` bound a stretch in which a
 * span was active, which is how a part of an asynchronous span is known.
 */
export type Section =
  | { at: number; do: 'start'; key: number; span: SectionSpan }
  | { at: number; do: 'end'; key: number; sync: boolean; from?: number; to?: number }
  | { at: number; do: 'enter'; spanId: string | null; traceId: string | null }
  | { at: number; do: 'exit' }

export interface SectionSpan {
  traceId: string
  spanId: string
  parentSpanId: string | null
  name: string
}

export interface DrainedSections {
  sections: Section[]
  lost: number
  /** No span that began before this can still turn out to be synchronous, microseconds. */
  settledUs: number
}

/** What this needs of a span, whichever OpenTelemetry SDK made it. */
interface SeenSpan {
  readonly name: string
  readonly startTime: readonly [number, number]
  readonly endTime: readonly [number, number]
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
  /** Logs a stretch in which the span of `context` is active, around `fn`. */
  within<T>(context: unknown, fn: () => T): T
  /** Logs continuations too, by async_hooks (costs what a promise hook costs). Returns what turns it off. */
  followAsync(activeContext: () => unknown): () => void
  /** Takes what was logged since the last drain. */
  drain(): DrainedSections
}

/**
 * Logs which span is active on this thread, in the clock of the CPU samples. A span that ends in the turn of the
 * event loop in which it began was one synchronous stretch; any other says nothing about who ran in between, and is
 * only credited with the stretches in which it was seen to be active.
 */
export function createSectionLog(): SectionLog {
  const offsetUs = monotonicOffsetMs() * 1000
  const now = (): number => performance.now() * 1000 + offsetUs
  const sections: Section[] = []
  /** Spans that began in this turn and have not ended. A new array each turn: an old one marks an old turn. */
  let turn: Set<number> | undefined
  let depth = 0
  let lost = 0
  let lastKey = 0
  const keys = new WeakMap<object, { key: number; turn: Set<number>; live: boolean }>()
  const starts = new Map<number, number>()

  function add(section: Section): void {
    if (sections.length < capacity) sections.push(section)
    else lost += 1
  }

  function thisTurn(): Set<number> {
    if (turn) return turn
    const begun = new Set<number>()
    turn = begun
    queueMicrotask(() => {
      if (turn === begun) endTurn()
    })
    return begun
  }

  function endTurn(): void {
    if (turn) for (const key of turn) starts.delete(key)
    turn = undefined
  }

  function within<T>(context: unknown, fn: () => T): T {
    const span = spanContextOf(context)
    add({ at: now(), do: 'enter', spanId: span?.spanId ?? null, traceId: span?.traceId ?? null })
    depth += 1
    try {
      return fn()
    } finally {
      depth -= 1
      add({ at: now(), do: 'exit' })
    }
  }

  return {
    within,
    onStart(span) {
      const at = now()
      const { traceId, spanId } = span.spanContext()
      lastKey += 1
      const begun = thisTurn()
      begun.add(lastKey)
      starts.set(lastKey, at)
      // A start time given by hand that is not now tells of a span made after the fact.
      const live = Math.abs(epochMs(span.startTime) - Date.now()) <= 3
      keys.set(span, { key: lastKey, turn: begun, live })
      const parentSpanId = span.parentSpanContext?.spanId ?? span.parentSpanId ?? null
      add({ at, do: 'start', key: lastKey, span: { traceId, spanId, parentSpanId, name: span.name } })
    },
    onEnd(span) {
      const known = keys.get(span)
      if (!known) return
      const at = now()
      const sync = known.turn === turn
      starts.delete(known.key)
      known.turn.delete(known.key)
      if (known.live) return add({ at, do: 'end', key: known.key, sync })
      // Made after the fact: its times count, and only where it lies inside a synchronous stretch.
      const toHr = (time: readonly [number, number]): number =>
        (epochMs(time) - performance.timeOrigin) * 1000 + offsetUs
      add({ at, do: 'end', key: known.key, sync, from: toHr(span.startTime), to: toHr(span.endTime) })
    },
    followAsync(activeContext) {
      const hook = createHook({
        before() {
          if (depth === 0) endTurn()
          const span = spanContextOf(activeContext())
          add({ at: now(), do: 'enter', spanId: span?.spanId ?? null, traceId: span?.traceId ?? null })
          depth += 1
        },
        after() {
          if (depth === 0) return
          depth -= 1
          add({ at: now(), do: 'exit' })
        },
      })
      hook.enable()
      return () => hook.disable()
    },
    drain() {
      let settledUs = now()
      for (const at of starts.values()) if (at < settledUs) settledUs = at
      const drained = { sections: sections.splice(0), lost, settledUs }
      lost = 0
      return drained
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

function spanContextOf(context: unknown): { traceId: string; spanId: string } | undefined {
  const getValue = (context as { getValue?: (key: symbol) => unknown } | undefined)?.getValue
  const span = getValue?.(spanKey) as { spanContext(): { traceId: string; spanId: string } } | undefined
  return span?.spanContext()
}
