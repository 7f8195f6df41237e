import { expect, test } from 'vitest'
import { generateBars } from '../generator.ts'
import { createSignalEngine } from '../signal-engine.ts'
import { createBacktestEngine } from './engine.ts'

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
