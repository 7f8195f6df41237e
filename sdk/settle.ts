import { types } from 'node:util'
import { whenForgotten } from './when-forgotten.ts'

/** Told once about how a call ended. Neither may throw. */
export interface Settled {
  completed(result: unknown): void
  failed(error: unknown): void
}

/**
 * Calls `work` and tells `settled` how it ended: at once when it is synchronous, when the promise settles when it
 * returns one. The caller gets exactly what `work` returned or threw. Another thenable (a query builder, say) may do
 * its work only when it is awaited, so nothing is asked of it: what its first `then` brings is its end, or that
 * nobody can reach it any more.
 */
export function settle<T>(work: () => T, settled: Settled): T {
  let result: T
  try {
    result = work()
  } catch (error) {
    settled.failed(error)
    throw error
  }
  if (!types.isPromise(result)) {
    if (!settlesLater(result, settled)) settled.completed(result)
    return result
  }
  result.then(
    (value: unknown) => settled.completed(value),
    (error: unknown) => settled.failed(error),
  )
  return result
}

type Then = (fulfilled?: unknown, rejected?: unknown) => unknown

/* oxlint-disable unicorn/no-thenable -- thenables are what this is about */
/** Puts a `then` of ours before a thenable's own, for one call. False when it is none, or cannot be changed. */
function settlesLater(result: unknown, settled: Settled): boolean {
  if (result === null || (typeof result !== 'object' && typeof result !== 'function')) return false
  try {
    const { then } = result as { then?: unknown }
    if (typeof then !== 'function') return false
    const own = Object.getOwnPropertyDescriptor(result, 'then')
    const keep = whenForgotten(result, () => settled.completed(undefined))
    const first = function (this: object, fulfilled?: unknown, rejected?: unknown): unknown {
      if (own === undefined) delete (this as { then?: unknown }).then
      else Object.defineProperty(this, 'then', own)
      keep()
      const completed = (value: unknown): unknown => {
        settled.completed(value)
        return typeof fulfilled === 'function' ? Reflect.apply(fulfilled, undefined, [value]) : value
      }
      const failed = (error: unknown): unknown => {
        settled.failed(error)
        if (typeof rejected === 'function') return Reflect.apply(rejected, undefined, [error])
        throw error
      }
      return Reflect.apply(then as Then, this, [completed, failed])
    }
    Object.defineProperty(result, 'then', { value: first, configurable: true, writable: true })
    return true
  } catch {
    return false
  }
}
