import { expect, test } from 'vitest'
import type { EntryOrder, Strategy } from '../strategy.ts'
import { createBacktestEngine } from './engine.ts'
import { randomWalk } from './scripted-bars.ts'

const bars = randomWalk(400, 21)
const engine = createBacktestEngine()

/** In at every tenth bar with the next of `orders`, out five bars later. */
function taking(orders: readonly ((close: number) => EntryOrder)[]): Strategy {
  return {
    name: 'taking',
    start: () => ({
      onBar(bar, broker) {
        if (bar % 10 === 0) broker.enter(orders[(bar / 10) % orders.length](bars.close[bar]))
        if (bar % 10 === 5) broker.exit({ frac: 1, reason: 'TIME' })
      },
    }),
  }
}

const plain = (): EntryOrder => ({ side: 'LONG', quantity: 10 })
const dressed = (close: number): EntryOrder => ({
  side: 'LONG',
  quantity: 7,
  type: 'limit',
  price: close * 1.01,
  validBars: 2,
  stop: close * 0.99,
  targets: [
    { price: close * 1.02, frac: 0.5 },
    { price: close * 1.03, frac: 0.5 },
  ],
  ratchetStop: true,
  trailing: true,
  tag: { pattern: 'SPRING', phase: 'C', campaign: 'c', confirmedBar: 0 },
})

test('an order and an entry that are used again carry nothing of those before', () => {
  const mixed = engine.run(bars, { strategy: taking([dressed, plain]) }).trades
  const alone = engine.run(bars, { strategy: taking([plain]) }).trades
  const plainOnes = mixed.filter(({ entryBar }) => (entryBar - 1) % 20 === 10)
  expect(plainOnes.length).toBe(20)
  const seen = ({ tradeId: _trade, positionId: _position, ...trade }: (typeof mixed)[number]) => trade
  expect(plainOnes.map(seen)).toEqual(alone.filter(({ entryBar }) => (entryBar - 1) % 20 === 10).map(seen))
  for (const trade of plainOnes)
    expect(trade).toMatchObject({
      initialStop: null,
      patternType: null,
      campaignId: null,
      exitReason: 'TIME',
    })
  expect(mixed.some(({ exitReason }) => exitReason === 'STOP' || exitReason === 'TARGET')).toBe(true)
})
