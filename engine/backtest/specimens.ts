import type { BarSeries } from '../bar-series.ts'
import type { RunObserver } from '../observer.ts'
import { buyAndHold } from '../strategy-buy-and-hold.ts'
import { smaCross } from '../strategy-sma-cross.ts'
import { Account } from './account.ts'
import { resolveConfig } from './config.ts'
import { Desk } from './desk.ts'
import { reportOf } from './report.ts'
import { RunFacts } from './run-facts.ts'
import { Simulation } from './simulation.ts'

let kept: readonly unknown[] | undefined

const nobody: RunObserver = {
  blockStarted: () => -1,
  barStarted() {},
  stageEnded() {},
  barEnded: () => -1,
  blockEnded() {},
  fact: () => false,
  runEnded() {},
}

/**
 * Keeps one object of each kind that runs are made of. V8 forgets a class's layout at a full collection that finds no
 * instance, and with it all machine code made for it: the run after it would be as slow as the first (decision 14).
 *
 * They are made by a few short runs, some milliseconds, once a process. A loop that becomes hot in its first call is compiled in
 * the middle of it, knowing nothing of what comes behind; that code is thrown away at the end of each call and made
 * again. After these runs the compiler has seen every loop to its end.
 */
export function keepSpecimens(): readonly unknown[] {
  return (kept ??= make())
}

function make(): readonly unknown[] {
  const bars = zigzag(96)
  // In whole lots and in parts of them, so that no code is made for whole numbers alone, to be thrown away at the first fraction.
  const configs = [{}, { lotSize: 0.001, positionFrac: 0.3 }].map((config) => resolveConfig(config, '-'))
  const played = Array.from({ length: 24 }, (_, k) => {
    const strategy = k % 2 === 0 ? smaCross({ fast: 2, slow: 5 }) : buyAndHold()
    const simulation = new Simulation(new Account(configs[(k >> 1) % 2], [bars]), strategy, 0, bars.length)
    // The first ones watched: code that finds the facts' layout forgotten waits for their first use to be thrown away.
    simulation.play(k < 8 ? new RunFacts(nobody) : undefined)
    reportOf({}, simulation, bars.length)
    return simulation
  })
  // A position stays open and an order waits: entries and orders have a layout, too.
  const { account } = played[0]
  const [book] = account.books
  const desk = new Desk(account, book)
  desk.bar = 2
  desk.enter({ side: 'LONG', quantity: 1.5 })
  account.fillEntries(book, 3)
  desk.enter({ side: 'LONG', quantity: 1.5 })
  desk.exit()
  return [played[0], played[1], desk]
}

/** Prices that go up and down, so that there is something to trade. */
function zigzag(length: number): BarSeries {
  const column = (value: (i: number) => number): Float64Array =>
    Float64Array.from({ length }, (_, i) => value(i))
  const close = (i: number): number => 100.5 + 10 * Math.sin(i / 5)
  return {
    symbol: '-',
    timeframe: '1d',
    length,
    time: column((i) => i * 86_400_000),
    open: column((i) => close(i) - 0.25),
    high: column((i) => close(i) + 0.5),
    low: column((i) => close(i) - 0.5),
    close: column(close),
    volume: column(() => 1000.5),
  }
}
