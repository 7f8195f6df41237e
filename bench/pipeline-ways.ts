import { context } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import {
  createBacktestEngine,
  createSignalEngine,
  type BacktestEngine,
  type BarSeries,
  type EngineObserver,
} from '@tapescope/engine'
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import { BatchSpanProcessor, TracerProvider, type SpanExporter } from '@opentelemetry/sdk-trace'
import {
  createLogger,
  instrumentBacktestEngine,
  instrumentSignalEngine,
  startTelemetry,
  type ObserveOptions,
} from '@tapescope/sdk'
import { startSink } from './otlp-sink.ts'

/** Of the backtest. */
export const config = { strategy: 'wyckoff_all', haltCleared: true } as const

/** What is run over the bars. */
export type Work = 'backtest' | 'signals'

export interface Observation {
  /** One run over the bars, until what it has to tell is sent. Answers with a digest of the result. */
  pass(bars: BarSeries): unknown
  close?(): Promise<void>
}

// One of each for all ways of a process: of two engines made alike the second took 1.6 % longer, watched or not.
const backtestEngine = createBacktestEngine()
const signalEngine = createSignalEngine()

/** The bare engine, watched by `observer` if there is one. */
function bare(work: Work, observer?: EngineObserver): Observation {
  const run = observer === undefined ? undefined : { observer }
  return {
    pass: (bars) =>
      work === 'backtest'
        ? backtestEngine.run(bars, config, run).trades.length
        : signalEngine.generate(bars, run).signals.length,
  }
}

/** Asks for 1 bar in `every` and does nothing: what being watched costs the engine itself. */
export const nobody = (every: number): EngineObserver => ({
  runStarted() {
    let end = 0
    return {
      blockStarted(first, blockEnd) {
        end = blockEnd
        const timed = Math.ceil(first / every) * every
        return timed < blockEnd ? timed : -1
      },
      barStarted() {},
      stageEnded() {},
      barEnded: (bar) => (bar + every < end ? bar + every : -1),
      blockEnded() {},
      fact: () => false,
      runEnded() {},
    }
  },
})

/** How to observe, in the words of the SDK. */
interface Observing {
  readonly options: ObserveOptions
  readonly logs: 'none' | 'runs' | 'trades'
}

/** As `startTelemetry()` and the wrappers give it, sending to a backend. */
async function observed(
  work: Work,
  { options, logs }: Observing,
  engine: Pick<BacktestEngine, 'run'> = backtestEngine,
): Promise<Observation> {
  const sink = await startSink()
  process.env['OTEL_EXPORTER_OTLP_ENDPOINT'] = sink.url
  const telemetry = await startTelemetry({
    // Under callgrind all takes fifty times as long.
    deadlineMs: 120_000,
    ...(logs !== 'none' && { logsExporter: ['otlp'] }),
  })
  const log = logs === 'none' ? undefined : createLogger({ write: () => undefined })
  const backtest = instrumentBacktestEngine(engine, options)
  const signals = instrumentSignalEngine(signalEngine, options)
  const found = (bars: BarSeries): number => {
    if (work === 'signals') return signals.generate(bars).signals.length
    const { trades } = backtest.run(bars, config)
    if (logs === 'trades') for (const trade of trades) log?.info('trade closed', { ...trade })
    return trades.length
  }
  return {
    async pass(bars) {
      log?.info('run started', { symbol: bars.symbol, bars: bars.length })
      const result = found(bars)
      log?.info('run ended', { symbol: bars.symbol, found: result })
      if (!(await telemetry.flush())) throw new Error('not everything was sent')
      return result
    },
    async close() {
      await telemetry.shutdown()
      sink.close()
    },
  }
}

const nowhere: SpanExporter = {
  export: (_spans, done) => done({ code: 0 }),
  shutdown: async () => undefined,
}

/** Plain OpenTelemetry, as its documentation shows: a span for each stage of each bar, or one `record` per bar. */
function plain(work: Work, what: 'spans' | 'histogram'): Observation {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  const provider = new TracerProvider({ spanProcessors: [new BatchSpanProcessor({ exporter: nowhere })] })
  const tracer = provider.getTracer('bench')
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 })
  const meters = new MeterProvider({ readers: [reader] })
  const histogram = meters.getMeter('bench').createHistogram('bar_seconds', { unit: 's' })
  const labels = { symbol: 'SPY', timeframe: '1d' }
  const observer: EngineObserver = {
    runStarted({ stages }) {
      let end = 0
      let began = 0
      let stage = what === 'spans' ? tracer.startSpan(`stage.${stages[0]}`) : undefined
      return {
        blockStarted(first, blockEnd) {
          end = blockEnd
          return first
        },
        barStarted(bar) {
          began = performance.now()
          stage?.setAttribute('bar', bar)
        },
        stageEnded(index) {
          if (stage === undefined) return
          stage.end()
          stage = tracer.startSpan(`stage.${stages[(index + 1) % stages.length]}`, { attributes: labels })
        },
        barEnded(bar) {
          if (what === 'histogram') histogram.record((performance.now() - began) / 1000, labels)
          return bar + 1 < end ? bar + 1 : -1
        },
        blockEnded() {},
        fact() {},
        runEnded: () => stage?.end(),
      }
    },
  }
  return {
    ...bare(work, observer),
    async close() {
      await Promise.all([provider.shutdown(), meters.shutdown()])
    },
  }
}

const plainly: Observing = { options: {}, logs: 'none' }
const fully: Observing = { options: { worst: 32, maxFacts: 128 }, logs: 'runs' }

interface Way {
  readonly about: string
  start(work: Work): Observation | Promise<Observation>
}

/** Ways to observe a run of the whole pipeline; the first is the bare engine. */
export const ways: Readonly<Record<string, Way>> = {
  none: { about: 'not observed', start: (work) => bare(work) },
  default: {
    about: 'default telemetry, sent to a backend within the time',
    start: (work) => observed(work, plainly),
  },
  full: {
    about:
      'worst 32 bars as spans, 128 facts, exemplars, a log line at the start and end of a run, all sent within the time',
    start: (work) => observed(work, fully),
  },
  'trade-logs': {
    about: 'the same with a log line for each trade',
    start: (work) => observed(work, { ...fully, logs: 'trades' }),
  },
  watched: {
    about: 'watched by an observer that asks for 1 bar in 1,000 and does nothing',
    start: (work) => bare(work, nobody(1000)),
  },
  'opentelemetry-spans': {
    about: 'plain OpenTelemetry: a span per stage and bar',
    start: (work) => plain(work, 'spans'),
  },
  'opentelemetry-histogram': {
    about: 'plain OpenTelemetry: a histogram record with two attributes per bar',
    start: (work) => plain(work, 'histogram'),
  },
}

export const works: readonly Work[] = ['backtest', 'signals']

/** Observation by itself: the calls of a recorded run, `default` or `full`, sent like any other. */
export const replays = {
  default: (engine: Pick<BacktestEngine, 'run'>) => observed('backtest', plainly, engine),
  full: (engine: Pick<BacktestEngine, 'run'>) => observed('backtest', fully, engine),
}
