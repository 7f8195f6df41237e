import type { Tracer } from '@opentelemetry/api'
import { processStore, type MetricStore } from './metric-store.ts'
import type { TimerOptions } from './run-timer.ts'
import { tracer } from './safe-span.ts'

/** What every wrapper takes; each has a default. */
export interface ObserveOptions {
  /** Time 1 bar in this many alone; default 512, beyond half a million bars some 1,000 a run. */
  readonly sampleEvery?: number
  /** How many of the slowest timed bars become spans; default 8, 0 for none. */
  readonly worst?: number
  /** How many facts become events of a run's span; default 32, all are counted. */
  readonly maxFacts?: number
  /** At most this many spans below a run's span; default 64. */
  readonly spanCap?: number
  /** Where metrics go; default the store of the process. */
  readonly store?: MetricStore
  /** Who makes the spans; default whatever is registered with OpenTelemetry. */
  readonly tracer?: Tracer
  /** A number from 0 to below 1, for the phase of the sampling; default Math.random. */
  readonly random?: () => number
}

export interface ResolvedObserveOptions {
  readonly timer: TimerOptions
  readonly spanCap: number
  readonly store: MetricStore
  readonly tracer: Tracer
}

export function resolveObserveOptions(options: ObserveOptions): ResolvedObserveOptions {
  const { sampleEvery, worst = 8, maxFacts = 32, spanCap = 64, random = Math.random } = options
  if (sampleEvery !== undefined) atLeast('sampleEvery', sampleEvery, 1)
  atLeast('worst', worst, 0)
  atLeast('maxFacts', maxFacts, 0)
  atLeast('spanCap', spanCap, 0)
  return {
    timer: { sampleEvery, worst, maxFacts, random },
    spanCap,
    store: options.store ?? processStore,
    // Asked at each run: an engine may be wrapped before telemetry starts, and outlive a stop and a second start.
    get tracer() {
      return options.tracer ?? tracer()
    },
  }
}

function atLeast(name: string, value: number, least: number): void {
  if (!Number.isSafeInteger(value) || value < least)
    throw new RangeError(`${name} is ${value}; give a whole number of at least ${least}`)
}
