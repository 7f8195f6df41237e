import { expect, test } from 'vitest'
import { generateBars } from '../generator.ts'
import { createSignalEngine } from '../signal-engine.ts'
import type { Strategy } from '../strategy.ts'
import { createBacktestEngine } from './engine.ts'
import { scriptedBars } from './scripted-bars.ts'

const { bars } = generateBars({ seed: 7, length: 6000 })

test('the default strategy trades the signals of the signal engine at the next open, each one once', () => {
  const result = createBacktestEngine().run(bars, { haltCleared: true, maxOpenPositions: 100 })
  expect(result.config.strategy).toBe('wyckoff_all')
  expect(result.trades.length).toBeGreaterThan(5)
  const known = new Set(
    createSignalEngine()
      .generate(bars)
      .patterns.map((pattern) => pattern.type as string),
  )
  const seen = new Set<string>()
  for (const trade of result.trades) {
    expect(trade.entryBar).toBe(trade.signalBar + 1)
    expect(trade.confirmedBar).toBe(trade.signalBar)
    expect(known.has(trade.patternType!)).toBe(true)
    expect(trade.initialStop).not.toBeNull()
    const key = `${trade.signalBar} ${trade.patternType} ${trade.campaignId}`
    expect(seen.has(key)).toBe(false)
    seen.add(key)
  }
})

test('wyckoff_spring trades Springs alone; scaled exits close one entry in parts', () => {
  const springs = createBacktestEngine().run(bars, { strategy: 'wyckoff_spring', haltCleared: true })
  expect(new Set(springs.trades.map((trade) => trade.patternType))).toEqual(new Set(['SPRING']))
  const scaled = createBacktestEngine().run(bars, { exitMode: 'scaled', haltCleared: true })
  const parts = Map.groupBy(scaled.trades, (trade) => `${trade.signalBar} ${trade.patternType}`)
  expect([...parts.values()].some((trades) => trades.length > 1)).toBe(true)
})

test('two runs give the same result to the last digit', () => {
  const engine = createBacktestEngine()
  const [one, two] = [engine.run(bars, { haltCleared: true }), engine.run(bars, { haltCleared: true })]
  expect(JSON.stringify(one.trades)).toBe(JSON.stringify(two.trades))
  expect(one.metrics).toEqual(two.metrics)
  expect(one.equity.value).toEqual(two.equity.value)
})

test.each(['one stop', 'an exit', 'different stops'])(
  'a campaign of two entries is over when both are, by %s',
  (how) => {
    const open: number[] = []
    const strategy: Strategy = {
      name: 'two',
      start: () => ({
        onBar(bar, broker) {
          open.push(broker.campaigns().filter((campaign) => campaign.open).length)
          for (const stop of [95, how === 'different stops' ? 90 : 95]) {
            if (bar === 0)
              broker.enter({ side: 'LONG', quantity: 1, stop, tag: { campaign: 'C', pattern: 'SOS' } })
          }
          if (bar === 1 && how === 'an exit') broker.exit()
        },
      }),
    }
    const falling = [100, 100, 94, 89, 89].map((price) => [price, price + 1, price - 1, price] as const)
    const { trades } = createBacktestEngine().run(scriptedBars(falling), { strategy })
    expect(trades.length).toBe(2)
    expect(open).toEqual(how === 'different stops' ? [0, 1, 1, 0, 0] : [0, 1, 0, 0, 0])
  },
)
