import { seededRandom } from '../generator-random.ts'
import type { Broker, Strategy } from '../strategy.ts'

/** Orders of every kind at random; `check` is called at each close. */
export function randomOrders(
  seed: number,
  check: (bar: number, broker: Broker) => void = () => {},
): Strategy {
  return {
    name: 'random',
    start: ({ bars }) => {
      const random = seededRandom(seed)
      return {
        onBar(bar, broker) {
          check(bar, broker)
          const close = bars.close[bar]
          if (random.next() < 0.15) {
            const side = random.next() < 0.5 ? ('LONG' as const) : ('SHORT' as const)
            const sign = side === 'LONG' ? 1 : -1
            const type = (['market', 'limit', 'stop'] as const)[Math.floor(random.next() * 3)]
            const price = close * (1 + sign * (type === 'limit' ? -0.005 : 0.005))
            const stop = close * (1 - sign * (0.02 + random.next() * 0.05))
            const near = { price: close * (1 + sign * 0.03), frac: 0.5 }
            const far = { price: close * (1 + sign * 0.06), frac: 0.5 }
            broker.enter({
              side,
              type,
              ...(type === 'market' ? {} : { price, validBars: 5 }),
              ...(random.next() < 0.6 ? { stop, trailing: random.next() < 0.5 } : {}),
              ...(random.next() < 0.4 ? { targets: [near, far], ratchetStop: true } : {}),
              quantity: 1 + random.next() * 200,
            })
          }
          if (random.next() < 0.05) broker.exit({ frac: 0.25 + random.next() * 0.75 })
        },
      }
    },
  }
}
