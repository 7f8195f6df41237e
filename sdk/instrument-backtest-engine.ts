import { instrumentEngine } from './instrument-engine.ts'
import { bindCounter, bindHistogram } from './instruments.ts'
import type { RunInfo, RunOutcome } from './observed-run.ts'
import { resolveObserveOptions, type ObserveOptions } from './telemetry-options.ts'
import { seriesOf, withObserver, type SeriesInfo } from './read-run.ts'

/** What a backtest engine looks like: `run(bars, config?, { observer }?)`, synchronous or not. */
export interface BacktestEngineShape {
  run(bars: never, config?: never, run?: never): unknown
}

export interface BacktestOptions<Engine extends BacktestEngineShape> extends ObserveOptions {
  /** Reads symbol, timeframe and number of bars from the arguments of `run`, where the first does not name them so. */
  readonly series?: (...args: Parameters<Engine['run']>) => SeriesInfo
}

/**
 * The same backtest engine, observed: each `run` is a span `backtest.run` with its stages and slowest bars, counts
 * in `backtest_executions_total`, `backtest_duration_seconds` and, when it ends, `bars_processed_total`.
 */
export function instrumentBacktestEngine<Engine extends BacktestEngineShape>(
  engine: Engine,
  options: BacktestOptions<Engine> = {},
): Engine {
  const { store } = resolveObserveOptions(options)
  const read = (options.series ?? seriesOf) as (...args: unknown[]) => SeriesInfo
  const adapter = {
    describe: (...args: unknown[]): RunInfo => ({
      spanName: 'backtest.run',
      mode: 'backtest',
      ...read(...args),
    }),
    observe: withObserver(2),
    ended({ symbol = 'unknown', timeframe = 'unknown' }: RunInfo, outcome: RunOutcome) {
      const { status, durationMs, bars, span } = outcome
      bindCounter('backtest_executions_total', { symbol, status }, store).add()
      bindHistogram('backtest_duration_seconds', { symbol }, store).recordInSpan(durationMs / 1000, span)
      if (status === 'completed')
        bindCounter('bars_processed_total', { mode: 'backtest', timeframe }, store).add(bars)
    },
  }
  return instrumentEngine<BacktestEngineShape>(engine, { run: adapter as never }, options) as Engine
}
