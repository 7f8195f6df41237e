import type { Broker, Strategy } from '@tapescope/engine'

export interface TimedStrategy {
  readonly strategy: Strategy
  /** ns from the call at one bar's close to the call at the next, of all runs since the last `takeNs`. */
  takeNs: () => number[]
}

/**
 * A strategy that times the bars of its run: from its first call at a bar to that at the next lies all that a bar costs, its
 * own orders being placed, then fills, stops and marks of every symbol. `onBar` is made once per symbol.
 */
export function timedStrategy(
  name: string,
  perSymbol: () => (bar: number, broker: Broker) => void,
): TimedStrategy {
  let times: number[] = []
  let mark = { bar: -1, ms: 0 }
  return {
    strategy: {
      name,
      start() {
        const onBar = perSymbol()
        mark = { bar: -1, ms: 0 }
        return {
          onBar(bar, broker) {
            if (bar !== mark.bar) {
              const ms = performance.now()
              if (bar === mark.bar + 1 && bar > 0) times.push((ms - mark.ms) * 1e6)
              mark = { bar, ms }
            }
            onBar(bar, broker)
          },
        }
      },
    },
    takeNs() {
      const taken = times
      times = []
      return taken
    },
  }
}
