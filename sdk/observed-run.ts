import {
  context as contextApi,
  trace,
  type Attributes,
  type Context,
  type Span,
  type SpanContext,
  type Tracer,
} from '@opentelemetry/api'
import { addFacts, buildRunSpans } from './build-run-spans.ts'
import type { EngineObserver, RunDescription, RunObserver } from './engine-observer.ts'
import type { MetricStore } from './metric-store.ts'
import { countCost } from './observation-cost.ts'
import { errorType, recordError } from './record-error.ts'
import { RunTimer, type TimerListener, type TimerOptions } from './run-timer.ts'
import { smallAttributes } from './small-attributes.ts'
import { clockFor, setClock, type SpanClock } from './span-clock.ts'

/** What is known of a run before it begins. */
export interface RunInfo {
  /** Name of the run's span, such as `backtest.run`. */
  readonly spanName: string
  readonly symbol?: string | undefined
  readonly timeframe?: string | undefined
  readonly mode?: string | undefined
  /** How many bars it is given. */
  readonly bars?: number | undefined
  /** What was asked for: small, flat, not identifying. */
  readonly attributes?: Readonly<Record<string, string | number | boolean>> | undefined
}

/** How an observed run ended. */
export interface RunOutcome {
  readonly status: 'completed' | 'failed' | 'cancelled'
  readonly durationMs: number
  readonly bars: number
  readonly span: Span
}

interface ObservedRunOptions {
  readonly tracer: Tracer
  readonly timer: TimerOptions
  readonly store: MetricStore
  /** At most this many spans below the run's own. */
  readonly spanCap: number
  readonly listener?: TimerListener | undefined
  /** The run is over when the engine tells its observer so, not when somebody calls `completed` or `failed`. */
  readonly endsItself?: boolean
  /** Called when the run has ended, before its span does. */
  readonly ended?: ((outcome: RunOutcome) => void) | undefined
}

/**
 * One run: its span, and itself the observer that times what happens in it. An engine that never calls the observer gets the
 * run's span alone. A run that the engine starts within this one (signals within a backtest) becomes a span below it.
 */
export class ObservedRun implements EngineObserver {
  readonly span: Span
  readonly context: Context
  private readonly info: RunInfo
  private readonly options: ObservedRunOptions
  private readonly clock: SpanClock
  private readonly startedAt: number
  private timer: RunTimer | undefined
  private bars: number | undefined

  constructor(info: RunInfo, options: ObservedRunOptions, parent: Context = contextApi.active()) {
    this.info = info
    this.options = options
    this.clock = clockFor(parent)
    this.startedAt = performance.now()
    const startTime = this.clock.at(this.startedAt)
    this.span = options.tracer.startSpan(
      info.spanName,
      { startTime, attributes: runAttributes(info, options.store) },
      parent,
    )
    setClock(this.span, this.clock)
    this.context = trace.setSpan(parent, this.span)
  }

  spanContext(): SpanContext {
    return this.span.spanContext()
  }

  /** The engine returned; `bars` overrides what was announced. */
  completed(bars?: number): void {
    this.end('completed', bars)
  }

  /** The engine threw `error`; the caller throws it on. */
  failed(error: unknown): void {
    const cancelled = errorType(error) === 'AbortError'
    if (!cancelled) recordError(this.span, error, this.clock.at(performance.now()))
    else this.span.setAttribute('error.type', 'AbortError')
    this.end(cancelled ? 'cancelled' : 'failed')
  }

  /** The engine begins; what it does is timed from here. */
  runStarted(run: RunDescription): RunObserver {
    if (this.timer !== undefined) return this.beginNested(run)
    const { listener, endsItself } = this.options
    this.timer = new RunTimer(run, this.options.timer, {
      barTimed: listener?.barTimed?.bind(listener),
      factTold: listener?.factTold?.bind(listener),
      blockEnded: listener?.blockEnded?.bind(listener),
      hears: listener?.hears?.bind(listener),
      refused: () => this.options.store.misuse('fact_invalid'),
      runEnded: (outcome) => {
        this.bars = outcome.bars
        listener?.runEnded?.(outcome)
        if (endsItself !== true) return
        if (outcome.error === undefined) this.completed()
        else this.failed(outcome.error)
      },
    })
    this.timer.startedAt = this.startedAt
    this.span.setAttributes(prefixed(run.attributes, this.options.store))
    return this.timer
  }

  private beginNested(run: RunDescription): RunObserver {
    const { symbol, timeframe, bars } = run
    const info = { spanName: spanNameOf(run.kind), symbol, timeframe, bars: bars ?? undefined }
    const { tracer, timer, spanCap, store } = this.options
    return new ObservedRun(
      info,
      { tracer, timer, spanCap, store, endsItself: true },
      this.context,
    ).runStarted(run)
  }

  private end(status: RunOutcome['status'], bars = this.bars ?? this.info.bars ?? 0): void {
    const endedAt = performance.now()
    const { span, timer, options } = this
    try {
      span.setAttribute('tapescope.status', status)
      span.setAttribute('tapescope.bars', bars)
      options.ended?.({ status, durationMs: endedAt - this.startedAt, bars, span })
      if (timer !== undefined && span.isRecording()) {
        timer.endedAt = Math.min(timer.endedAt, endedAt)
        span.setAttribute('tapescope.bars.timed', timer.timedBars)
        span.setAttributes(options.listener?.describe?.() ?? {})
        addFacts(span, timer, this.clock, options.store)
        buildRunSpans(timer, options.tracer, this.context, this.clock, options.spanCap)
      }
    } finally {
      span.end(this.clock.at(endedAt))
    }
    timer?.release()
    const built = performance.now() - endedAt
    const overheadMs = built + (timer?.clockReads ?? 0) * clockReadMs()
    countCost(options.store, overheadMs, endedAt - this.startedAt + built)
  }
}

const spanNameOf = (kind: string): string =>
  kind === 'backtest' ? 'backtest.run' : kind === 'signals' ? 'signals.generate' : `${kind}.run`

function runAttributes({ symbol, timeframe, mode, attributes }: RunInfo, store: MetricStore): Attributes {
  const series = {
    'tapescope.symbol': symbol,
    'tapescope.timeframe': timeframe,
    'tapescope.mode': mode,
  }
  return { ...smallAttributes(series, store), ...(attributes !== undefined && prefixed(attributes, store)) }
}

function prefixed(attributes: unknown, store: MetricStore): Attributes {
  const named: Attributes = {}
  for (const [name, value] of Object.entries(smallAttributes(attributes, store)))
    named[`tapescope.run.${name}`] = value
  return named
}

let measuredReadMs: number | undefined

/** What one reading of the clock costs here, measured once. */
function clockReadMs(): number {
  if (measuredReadMs !== undefined) return measuredReadMs
  const rounds = 2000
  const start = performance.now()
  for (let i = 0; i < rounds; i++) performance.now()
  measuredReadMs = (performance.now() - start) / rounds
  return measuredReadMs
}
