import type { Context } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'

/**
 * The library's, which makes a new frame (a copy of a map) for each call. What runs in the context that is active already,
 * which is most of what a pool calls back, needs none.
 */
export class ContextManager extends AsyncLocalStorageContextManager {
  override with<Args extends unknown[], Act extends (...args: Args) => ReturnType<Act>>(
    given: Context,
    act: Act,
    thisArg?: ThisParameterType<Act>,
    ...args: Args
  ): ReturnType<Act> {
    if (given === this.active()) return act.apply(thisArg, args)
    return super.with(given, act, thisArg, ...args)
  }
}
