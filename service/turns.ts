/** Hands out places, so that many callers at once wait here and not with a connection of the database in hand. */
export interface Turns {
  /**
   * Resolves when a place is free and nobody of the same `name` has one, with a function that gives the place back.
   * Rejects with what `onLate` makes when that takes longer than `waitMs`.
   */
  take(name: string, waitMs: number, onLate: () => Error): Promise<() => void>
  /** Whoever waits now is sent away with this error. */
  dismiss(error: Error): void
}

interface Waiting {
  name: string
  begin: (release: () => void) => void
  leave: (error: Error) => void
}

export function createTurns(places: number): Turns {
  /** In the order in which they came. */
  const waiting = new Set<Waiting>()
  const busy = new Set<string>()

  function next(): void {
    for (const one of waiting) {
      if (busy.size >= places) return
      if (busy.has(one.name)) continue
      waiting.delete(one)
      busy.add(one.name)
      one.begin(() => {
        busy.delete(one.name)
        next()
      })
    }
  }

  return {
    take(name, waitMs, onLate) {
      const { promise, resolve, reject } = Promise.withResolvers<() => void>()
      const timer = setTimeout(() => one.leave(onLate()), waitMs)
      const one: Waiting = {
        name,
        begin(release) {
          clearTimeout(timer)
          resolve(release)
        },
        leave(error) {
          clearTimeout(timer)
          waiting.delete(one)
          reject(error)
        },
      }
      waiting.add(one)
      next()
      return promise
    },
    dismiss(error) {
      for (const one of waiting) one.leave(error)
    },
  }
}
