import { types } from 'node:util'
import { whenForgotten } from './when-forgotten.ts'

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
  whenSettled(
    result,
    (value) => settled.completed(value),
    (error) => settled.failed(error),
  )
  return result
}

/**
 * Calls one of the two, once: at once for a result that is there, when a promise settles for a promise. Another
 * thenable (a query builder, say) may do its work only when it is awaited, so nothing is asked of it: what its first
 * `then` brings is its end, or that nobody can reach it any more.
 */
export function whenSettled(
  result: unknown,
  completed: (value: unknown) => void,
  failed: (error: unknown) => void,
): void {
  if (types.isPromise(result)) result.then(completed, failed)
  else if (!settlesLater(result, completed, failed)) completed(result)
}

type Then = (fulfilled?: unknown, rejected?: unknown) => unknown

/* oxlint-disable unicorn/no-thenable -- thenables are what this is about */
/** Puts a `then` of ours before a thenable's own, for one call. False when it is none, or cannot be changed. */
function settlesLater(
  result: unknown,
  completed: (value: unknown) => void,
  failed: (error: unknown) => void,
): boolean {
  if (result === null || (typeof result !== 'object' && typeof result !== 'function')) return false
  try {
    const { then } = result as { then?: unknown }
    if (typeof then !== 'function') return false
    const own = Object.getOwnPropertyDescriptor(result, 'then')
    const keep = whenForgotten(result, () => completed(undefined))
    const first = function (this: object, fulfilled?: unknown, rejected?: unknown): unknown {
      if (own === undefined) delete (this as { then?: unknown }).then
      else Object.defineProperty(this, 'then', own)
      keep()
      const onFulfilled = (value: unknown): unknown => {
        completed(value)
        return typeof fulfilled === 'function' ? Reflect.apply(fulfilled, undefined, [value]) : value
      }
      const onRejected = (error: unknown): unknown => {
        failed(error)
        if (typeof rejected === 'function') return Reflect.apply(rejected, undefined, [error])
        throw error
      }
      return Reflect.apply(then as Then, this, [onFulfilled, onRejected])
    }
    Object.defineProperty(result, 'then', { value: first, configurable: true, writable: true })
    return true
  } catch {
    return false
  }
}
