/** Told once about how a call ended. Neither may throw. */
export interface Settled {
  completed(result: unknown): void
  failed(error: unknown): void
}

/**
 * Calls `work` and tells `settled` how it ended: at once when it is synchronous, when the promise settles when it
 * returns one. The caller gets exactly what `work` returned or threw.
 */
export function settle<T>(work: () => T, settled: Settled): T {
  let result: T
  try {
    result = work()
  } catch (error) {
    settled.failed(error)
    throw error
  }
  if (!(result instanceof Promise)) {
    settled.completed(result)
    return result
  }
  result.then(
    (value: unknown) => settled.completed(value),
    (error: unknown) => settled.failed(error),
  )
  return result
}
