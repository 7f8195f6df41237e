import { context, type Context, type Span } from '@opentelemetry/api'
import { closeFailedSpan, closeSpan } from './safe-span.ts'
import { settle, whenSettled } from './settle.ts'
import { whenForgotten } from './when-forgotten.ts'

/**
 * Ends `span` when `result` is over: at once for a value, when it settles for a promise or another thenable, when it is
 * used up, left or thrown out of for an iterator (generators too, synchronous or not), each step of which runs in
 * `active`. What nobody can reach any more is over as well.
 */
export function endWhenOver(result: unknown, span: Span, active: Context): void {
  // Nearly all results are plain values; only an object or a function can be something that is over later.
  if (!isObject(result)) closeSpan(span)
  else
    whenSettled(
      result,
      (value) => {
        if (!followIterator(value, span, active)) closeSpan(span)
      },
      (error) => closeFailedSpan(span, error),
    )
}

const isObject = (value: unknown): value is object =>
  value !== null && (typeof value === 'object' || typeof value === 'function')

type Step = (...args: unknown[]) => unknown

/** Puts steps of ours before an iterator's own; the object stays the same. False when it is none, or cannot be changed. */
function followIterator(value: unknown, span: Span, active: Context): boolean {
  if (!isObject(value)) return false
  try {
    if (!isIterator(value)) return false
    for (const name of ['next', 'return', 'throw'] as const) {
      const original = (value as Record<string, unknown>)[name]
      if (typeof original !== 'function') continue
      Object.defineProperty(value, name, {
        value: step(original as Step, span, active),
        configurable: true,
        writable: true,
      })
    }
    whenForgotten(value, () => closeSpan(span))
    return true
  } catch {
    return false
  }
}

const isIterator = (value: object): boolean => {
  const { next } = value as { next?: unknown }
  return typeof next === 'function' && (Symbol.asyncIterator in value || Symbol.iterator in value)
}

/** A step that ends the span when it ends the iterator. */
function step(original: Step, span: Span, active: Context): Step {
  return function (this: unknown, ...args) {
    return settle(() => context.with(active, () => Reflect.apply(original, this, args)), {
      completed(result) {
        if ((result as IteratorResult<unknown> | undefined)?.done === true) closeSpan(span)
      },
      failed: (error) => closeFailedSpan(span, error),
    })
  }
}
