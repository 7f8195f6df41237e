import type { EngineObserver } from '@tapescope/sdk'

/**
 * A word from each side, in shared memory: the run tells how far it is, whoever owns it tells it to stop. Neither needs
 * the other's event loop.
 */
const cancelled = 0
const barsDone = 1
const barsTotal = 2

export function createControl(): Int32Array {
  return new Int32Array(new SharedArrayBuffer(3 * Int32Array.BYTES_PER_ELEMENT))
}

export function requestStop(control: Int32Array): void {
  Atomics.store(control, cancelled, 1)
}

export function progressOf(control: Int32Array): { barsDone: number; barsTotal: number } {
  return { barsDone: Atomics.load(control, barsDone), barsTotal: Atomics.load(control, barsTotal) }
}

/** Reports the bars done at each block of a run. Makes the run throw an `AbortError` once it was told to stop. */
export function watchRun(control: Int32Array): EngineObserver {
  const nothing = () => undefined
  return {
    runStarted({ kind, bars }) {
      // Signals within a backtest are a run of their own.
      if (kind !== 'backtest') return undefined
      Atomics.store(control, barsTotal, bars ?? 0)
      return {
        blockStarted(first, end) {
          if (Atomics.load(control, cancelled) === 1) {
            throw new DOMException('the run was cancelled', 'AbortError')
          }
          Atomics.add(control, barsDone, end - first)
          return -1
        },
        barStarted: nothing,
        stageEnded: nothing,
        barEnded: () => -1,
        blockEnded: nothing,
        fact: () => false,
        runEnded: nothing,
      }
    },
  }
}
