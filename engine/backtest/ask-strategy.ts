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
  return run
}

/**
 * The bars from `first` to `end - 1` at which a strategy wants to be asked, as they are at the start; null for all.
 * @throws BacktestError unless they are whole numbers that ascend
 */
export function wakeBarsOf(
  { wakeBars }: StrategyRun,
  name: string,
  first: number,
  end: number,
): Int32Array | null {
  if (wakeBars === undefined) return null
  if (!Number.isInteger(wakeBars?.length))
    throw new BacktestError('strategy', null, `${name}: wakeBars must be a list of bars`)
  const { length } = wakeBars
  const wakes = new Int32Array(length)
  let count = 0
  let before = -1
  for (let i = 0; i < length; i++) {
    const bar = wakeBars[i]
    if (!(bar > before && Number.isInteger(bar)))
      throw new BacktestError('strategy', null, `${name}: wakeBars must ascend, got ${bar} at ${i}`)
    before = bar
    if (bar >= first && bar < end) wakes[count++] = bar
  }
  return wakes.subarray(0, count)
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
