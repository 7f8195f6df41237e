import { context, type Context } from '@opentelemetry/api'
import { settle, whenSettled } from './settle.ts'
import { whenForgotten } from './when-forgotten.ts'

/**
 * Calls one of the two, once, when `result` is over: at once for a value, when it settles for a promise or another
 * thenable, when it is used up, left or thrown out of for an iterator (generators too, synchronous or not), each step of
 * which runs in `active`. What nobody can reach any more is over as well. Neither may throw, nor hold `result`.
 */
export function whenOver(
  result: unknown,
  active: Context,
  completed: (value: unknown) => void,
  failed: (error: unknown) => void,
): void {
  // Nearly all results are plain values; only an object or a function can be something that is over later.
  if (!isObject(result)) completed(result)
  else
    whenSettled(
      result,
      (value) => {
        if (!followIterator(value, active, completed, failed)) completed(value)
      },
      failed,
    )
}

const isObject = (value: unknown): value is object =>
  value !== null && (typeof value === 'object' || typeof value === 'function')

type Step = (...args: unknown[]) => unknown

/** Puts steps of ours before an iterator's own; the object stays the same. False when it is none, or cannot be changed. */
function followIterator(
  value: unknown,
  active: Context,
  completed: (value: unknown) => void,
  failed: (error: unknown) => void,
): boolean {
  if (!isObject(value)) return false
  try {
    if (!isIterator(value)) return false
    let over = false
    const end = (how: () => void): void => {
      if (!over) how()
      over = true
    }
    const ended = (): void => end(() => completed(undefined))
    const threw = (error: unknown): void => end(() => failed(error))
    for (const name of ['next', 'return', 'throw'] as const) {
      const original = (value as Record<string, unknown>)[name]
      if (typeof original !== 'function') continue
      Object.defineProperty(value, name, {
        value: step(original as Step, active, ended, threw),
        configurable: true,
        writable: true,
      })
    }
    whenForgotten(value, ended)
    return true
  } catch {
    return false
  }
}

const isIterator = (value: object): boolean => {
  const { next } = value as { next?: unknown }
  return typeof next === 'function' && (Symbol.asyncIterator in value || Symbol.iterator in value)
}

/** A step that tells when it was the last. */
function step(original: Step, active: Context, ended: () => void, threw: (error: unknown) => void): Step {
  return function (this: unknown, ...args) {
    return settle(() => context.with(active, () => Reflect.apply(original, this, args)), {
      completed(result) {
        if ((result as IteratorResult<unknown> | undefined)?.done === true) ended()
      },
      failed: threw,
    })
  }
}
