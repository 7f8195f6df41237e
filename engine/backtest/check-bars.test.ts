import { expect, test } from 'vitest'
import { BacktestError } from './errors.ts'
import { createBacktestEngine } from './engine.ts'
import { randomWalk } from './scripted-bars.ts'

const columns = ['time', 'open', 'high', 'low', 'close', 'volume'] as const

test.each([1, 2, 7, 8, 4096, 4097])(
  'of %i bars the first bad one is named, whatever is wrong with it',
  (length) => {
    const engine = createBacktestEngine()
    for (const bar of new Set([0, 1, length - 2, length - 1].filter((bar) => bar >= 0 && bar < length)))
      for (const column of columns)
        for (const value of [NaN, Infinity, -Infinity, -1]) {
          if (column === 'time' && value === -1 && bar === 0) continue
          const bars = randomWalk(length, 3)
          bars[column][bar] = value
          let error: unknown
          try {
            engine.run(bars, { strategy: 'buy_and_hold' })
          } catch (thrown) {
            error = thrown
          }
          expect([column, value, bar, error instanceof BacktestError && error.bar]).toEqual([
            column,
            value,
            bar,
            bar,
          ])
        }
  },
)
