import type { Strategy, StrategyRun } from '../strategy.ts'
import type { Desk } from './desk.ts'
import { EngineError } from '../engine-error.ts'
import { badBar } from './check-bars.ts'
import { BacktestError } from './errors.ts'

/** Starts a strategy on one symbol, refusing what is none. */
export function startStrategy(strategy: Strategy, context: Parameters<Strategy['start']>[0]): StrategyRun {
  let run: StrategyRun | null | undefined
  try {
    run = strategy.start(context)
  } catch (error) {
    throw strategyError(strategy.name, null, error)
  }
  if (typeof run?.onBar !== 'function') {
    throw new BacktestError('strategy', null, `${strategy.name}: start must return an object with onBar`)
  }
  const { wakeBars } = run
  if (wakeBars !== undefined) {
    if (!Number.isInteger(wakeBars?.length)) {
      throw new BacktestError('strategy', null, `${strategy.name}: wakeBars must be a list of bars`)
    }
    for (let i = 0; i < wakeBars.length; i++) {
      const bar = wakeBars[i]
      if (!Number.isInteger(bar) || bar < 0 || (i > 0 && bar <= wakeBars[i - 1])) {
        throw new BacktestError(
          'strategy',
          null,
          `${strategy.name}: wakeBars must ascend, got ${bar} at ${i}`,
        )
      }
    }
  }
  return run
}

/** What a strategy threw, unless the engine itself refused what it did. */
export function strategyError(name: string, bar: number | null, error: unknown): BacktestError {
  if (error instanceof BacktestError) return error
  // A strategy that looks at the bars in blocks finds a bad one first.
  if (error instanceof EngineError && (error.code === 'invalid_bar' || error.code === 'unsorted_bar'))
    return badBar(error)
  const message = error instanceof Error ? error.message : String(error)
  return new BacktestError('strategy', bar, `${name} threw: ${message}`, error)
}

export function nonsense(name: string, bar: number, returned: unknown): BacktestError {
  const what = returned instanceof Promise ? 'a promise; onBar must be synchronous' : typeof returned
  return new BacktestError('strategy', bar, `${name}: onBar must return nothing, returned ${what}`)
}

/** Asks a strategy at the close of `bar`. `name` is how errors call it. */
export function askStrategy(run: StrategyRun, name: string, bar: number, desk: Desk): void {
  desk.bar = bar
  let returned: unknown
  try {
    returned = run.onBar(bar, desk)
  } catch (error) {
    throw strategyError(name, bar, error)
  }
  if (returned !== undefined) throw nonsense(name, bar, returned)
}
