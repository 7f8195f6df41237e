import type { Strategy } from './strategy.ts'

/** Buys what the cash can pay at the open after the first bar and never sells. */
export function buyAndHold(): Strategy {
  return {
    name: 'buy_and_hold',
    start: ({ first }) => ({
      wakeBars: [first],
      onBar(_bar, broker) {
        broker.enter({ side: 'LONG', quantity: 'max' })
      },
    }),
  }
}
