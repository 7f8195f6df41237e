import { instrumentEngine } from './instrument-engine.ts'
import { bindCounter, bindHistogram, type BoundCounter } from './instruments.ts'
import type { RunInfo, RunOutcome } from './observed-run.ts'
import { seriesOf, withObserver, type SeriesInfo } from './read-run.ts'
import { SeenBars } from './seen-bars.ts'
import { SignalFacts } from './signal-facts.ts'
import { StreamObserver } from './stream-observer.ts'
import { resolveObserveOptions, type ObserveOptions } from './telemetry-options.ts'

/** What a signal engine looks like: a whole series with `generate`, bar by bar with `open`. */
export interface SignalEngineShape {
  generate(bars: never, run?: never): unknown
  open?(series: never, run?: never): unknown
}

/** What `instrumentSignalEngine` takes besides the options of every wrapper. */
export interface SignalOptions extends ObserveOptions {
  /** `replay` for reading bars again (to answer a query, say): nothing it finds is counted as found. Default `live`. */
  readonly mode?: 'live' | 'replay'
  /** The filter of the request, for the label `pattern_type`; default `all`. */
  readonly patternType?: string
}

export interface SeriesReader<Engine extends SignalEngineShape> {
  /** Reads symbol, timeframe and number of bars from the arguments, where the first does not name them so. */
  readonly series?: (...args: Parameters<Engine['generate']>) => SeriesInfo
}

/**
 * The same signal engine, observed: each `generate` is a span `signals.generate` with its stages and slowest bars,
 * each block of an open session a span `signals.stream`. Patterns, signals, rejections, bars and latencies are
 * counted where they happen; a pattern in bars that this process has seen before is not counted again.
 */
export function instrumentSignalEngine<Engine extends SignalEngineShape>(
  engine: Engine,
  options: SignalOptions & SeriesReader<Engine> = {},
): Engine {
  const resolved = resolveObserveOptions(options)
  const { store } = resolved
  const { mode = 'live', patternType = 'all' } = options
  const read = (options.series ?? seriesOf) as (...args: unknown[]) => SeriesInfo
  const seen = SeenBars.of(engine)
  const factsOf = ({ symbol = 'unknown', timeframe = 'unknown' }: RunInfo): SignalFacts =>
    new SignalFacts(symbol, mode === 'live' ? seen.since(symbol, timeframe) : undefined, store)

  const generate = {
    describe: (...args: unknown[]): RunInfo => ({ spanName: 'signals.generate', mode, ...read(...args) }),
    observe: withObserver(1),
    listener: factsOf,
    ended({ symbol = 'unknown', timeframe = 'unknown' }: RunInfo, { durationMs, bars, span }: RunOutcome) {
      const labels = { symbol, pattern_type: patternType }
      bindCounter('signal_generation_requests_total', labels, store).add()
      bindHistogram('signal_generation_latency_seconds', labels, store).recordInSpan(durationMs / 1000, span)
      bindCounter('bars_processed_total', { mode, timeframe }, store).add(bars)
    },
  }
  const open = {
    describe: (series: unknown): RunInfo => ({ spanName: 'signals.stream', mode, ...seriesOf(series) }),
    observe: withObserver(1),
    opens: {
      observer: (info: RunInfo) => new StreamObserver(info, resolved, factsOf(info)),
      wrap: (session: unknown, { timeframe = 'unknown' }: RunInfo) =>
        countPushes(session, bindCounter('bars_processed_total', { mode, timeframe }, store)),
    },
  }
  return instrumentEngine<SignalEngineShape>(
    engine,
    { generate: generate as never, open: open as never },
    options,
  ) as Engine
}

/** The session, with each bar that its `push` took counted. */
function countPushes(session: unknown, bars: BoundCounter): unknown {
  if (typeof session !== 'object' || session === null) return session
  const methods = new Map<PropertyKey, unknown>()
  return new Proxy(session, {
    get(target, name) {
      const known = methods.get(name)
      if (known !== undefined) return known
      const value: unknown = Reflect.get(target, name, target)
      if (typeof value !== 'function') return value
      const method = name === 'push' ? counted : value.bind(target)
      function counted(...args: unknown[]): unknown {
        const outcome: unknown = Reflect.apply(value as () => unknown, target, args)
        bars.add()
        return outcome
      }
      methods.set(name, method)
      return method
    },
  })
}
