import { context as contextApi } from '@opentelemetry/api'
import type { EngineObserver } from './engine-observer.ts'
import { ObservedRun, type RunInfo, type RunOutcome } from './observed-run.ts'
import type { TimerListener } from './run-timer.ts'
import { rememberTrace } from './trace-of.ts'
import {
  resolveObserveOptions,
  type ObserveOptions,
  type ResolvedObserveOptions,
} from './telemetry-options.ts'
import { whenOver } from './when-over.ts'

/**
 * How to read one method of an engine. Only `describe` is needed; an engine that takes an observer gets `observe`
 * too, and then its stages and bars are seen as well.
 */
export interface MethodAdapter<Args extends readonly unknown[], Result> {
  /** What this call will do, from its arguments. Keep it small: nothing here is copied or serialised. */
  readonly describe: (...args: Args) => RunInfo
  /** The arguments with the observer put where the engine looks for one. */
  readonly observe?: (args: Args, observer: EngineObserver) => Args
  /** How many bars a result stands for, when `describe` could not know. */
  readonly barsOf?: (result: Awaited<Result>) => number | undefined
  /** What listens while the run goes on. */
  readonly listener?: (info: RunInfo) => TimerListener | undefined
  /** Called when the run has ended, before its span does: the place for metrics. */
  readonly ended?: (info: RunInfo, outcome: RunOutcome) => void
  /**
   * For a method that opens something that lives on (a session, a stream) instead of running to an end: the call gets
   * no span, the observer comes from here, and `wrap` may put something in the place of what was opened.
   */
  readonly opens?: {
    readonly observer: (info: RunInfo) => EngineObserver
    readonly wrap?: (result: Result, info: RunInfo) => Result
  }
}

type Methods<Engine> = {
  readonly [Name in keyof Engine]?: Engine[Name] extends (...args: infer Args) => infer Result
    ? MethodAdapter<Args, Result>
    : never
}

/**
 * The same engine, observed: each method that `methods` names becomes a run with its span and metrics, all others are
 * passed through. What the engine returns and throws is what the caller gets; telemetry that fails is counted in
 * `tapescope_misuse_total` and the engine runs without it.
 */
export function instrumentEngine<Engine extends object>(
  engine: Engine,
  methods: Methods<Engine>,
  options: ObserveOptions = {},
): Engine {
  if (typeof engine !== 'object' || engine === null)
    throw new TypeError(
      `the engine is ${engine === null ? 'null' : typeof engine}; give an object with methods`,
    )
  const resolved = resolveObserveOptions(options)
  const made = new Map<PropertyKey, { readonly original: unknown; readonly wrapped: unknown }>()
  // The proxy stands for an object that inherits from the engine and not for the engine itself, whose methods, if it
  // is frozen, a proxy would have to give out as they are. All that changes or lists properties goes to the engine.
  const proxy: Engine = new Proxy(Object.create(engine) as Engine, {
    get(_, name) {
      const value: unknown = Reflect.get(engine, name, engine)
      if (typeof value !== 'function' || name === 'constructor') return value
      const known = made.get(name)
      if (known?.original === value) return known.wrapped
      const adapter = Object.hasOwn(methods, name) ? methods[name as keyof Engine] : undefined
      const call = (...args: unknown[]): unknown => {
        const result: unknown =
          adapter === undefined
            ? Reflect.apply(value, engine, args)
            : observedCall(value as AnyMethod, engine, args, adapter, resolved)
        return result === engine ? proxy : result
      }
      const wrapped = renamed(call, value as AnyMethod)
      made.set(name, { original: value, wrapped })
      return wrapped
    },
    set: (_, name, value) => Reflect.set(engine, name, value, engine),
    deleteProperty: (_, name) => Reflect.deleteProperty(engine, name),
    getPrototypeOf: () => Reflect.getPrototypeOf(engine),
    ownKeys: () => Reflect.ownKeys(engine),
    getOwnPropertyDescriptor(_, name) {
      const own = Reflect.getOwnPropertyDescriptor(engine, name)
      return own && { ...own, configurable: true }
    },
  })
  return proxy
}

type AnyMethod = (...args: unknown[]) => unknown
type AnyAdapter = MethodAdapter<unknown[], unknown>

function observedCall(
  method: AnyMethod,
  self: object,
  args: unknown[],
  adapter: AnyAdapter,
  options: ResolvedObserveOptions,
): unknown {
  const { store } = options
  const attempt = <T>(work: () => T): T | undefined => {
    try {
      return work()
    } catch {
      store.misuse('adapter_threw')
      return undefined
    }
  }
  const info = attempt(() => adapter.describe(...args))
  if (info === undefined) return Reflect.apply(method, self, args)
  const { observe, opens } = adapter
  if (opens !== undefined) {
    const given = attempt(() => observe?.(args, opens.observer(info))) ?? args
    const result = Reflect.apply(method, self, given)
    return attempt(() => opens.wrap?.(result, info)) ?? result
  }
  const run = attempt(() => startRun(info, adapter, options, attempt))
  if (run === undefined) return Reflect.apply(method, self, args)
  const given = attempt(() => observe?.(args, run)) ?? args
  const spanContext = run.spanContext()
  const completed = (value: unknown): void => {
    attempt(() => {
      rememberTrace(value, spanContext)
      run.completed(attempt(() => adapter.barsOf?.(value)))
    })
  }
  const failed = (error: unknown): void => attempt(() => run.failed(error))
  let result: unknown
  try {
    result = contextApi.with(run.context, () => Reflect.apply(method, self, given))
  } catch (error) {
    failed(error)
    throw error
  }
  whenOver(result, run.context, completed, failed)
  return result
}

function startRun(
  info: RunInfo,
  adapter: AnyAdapter,
  { tracer, timer, spanCap, store }: ResolvedObserveOptions,
  attempt: (work: () => void) => void,
): ObservedRun {
  return new ObservedRun(info, {
    tracer,
    timer,
    spanCap,
    listener: adapter.listener?.(info),
    ended: (outcome) => attempt(() => adapter.ended?.(info, outcome)),
    store,
  })
}

function renamed(call: AnyMethod, original: AnyMethod): AnyMethod {
  return Object.defineProperties(call, {
    name: { value: original.name, configurable: true },
    length: { value: original.length, configurable: true },
  })
}
