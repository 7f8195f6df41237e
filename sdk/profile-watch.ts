import type { SectionLog, SectionProcessor } from './profile-sections.ts'

/** The global under which every copy of `@opentelemetry/api` 1.x keeps what was registered. */
const apiKey = Symbol.for('opentelemetry.js.api.1')

interface ApiGlobals {
  trace?: { getDelegate?: () => unknown; setDelegate?: (delegate: unknown) => void }
  context?: ContextManager
}

interface ContextManager {
  active(): unknown
  with(context: unknown, fn: (...args: unknown[]) => unknown, thisArg?: unknown, ...args: unknown[]): unknown
}

/**
 * Attaches a section log to whatever OpenTelemetry SDK is registered in this process, now or later, from any copy of
 * the API: as one more span processor of the tracer provider, and around the context manager's `with`. Returns what
 * undoes it.
 */
export function watchOpenTelemetry(log: SectionLog, followAsync: boolean): () => void {
  const undo: (() => void)[] = []
  // OpenTelemetry's API sets its global again at each registration.
  const seenBefore = new WeakSet<object>()
  const globals = globalThis as unknown as Record<symbol, ApiGlobals | undefined>
  const api = globals[apiKey]
  if (api) watchApi(api)
  else {
    whenSet(globals, apiKey, (value) => {
      if (value) watchApi(value)
    })
  }
  return () => {
    for (const one of undo.splice(0).reverse()) one()
  }

  function watchApi(found: ApiGlobals): void {
    if (seenBefore.has(found)) return
    seenBefore.add(found)
    whenSet(found, 'trace', (proxy) => {
      if (proxy) watchProvider(proxy)
    })
    whenSet(found, 'context', (manager) => {
      if (manager) watchContext(manager)
    })
  }

  function watchProvider(proxy: NonNullable<ApiGlobals['trace']>): void {
    if (addProcessor(proxy.getDelegate?.() ?? proxy)) return
    const { setDelegate } = proxy
    if (!setDelegate) return
    proxy.setDelegate = (delegate) => {
      setDelegate.call(proxy, delegate)
      addProcessor(delegate)
    }
    undo.push(() => delete proxy.setDelegate)
  }

  /** Providers of SDK 2.x and 3.x hold their processors in a list; those of 1.x and this SDK's have a method. */
  function addProcessor(provider: unknown): boolean {
    const known = provider as {
      _activeSpanProcessor?: { _spanProcessors?: SectionProcessor[] }
      addSpanProcessor?: (processor: SectionProcessor) => unknown
    }
    const processors = known._activeSpanProcessor?._spanProcessors
    if (processors) {
      if (processors.includes(log)) return true
      processors.unshift(log)
      undo.push(() => processors.splice(processors.indexOf(log), 1))
      return true
    }
    if (typeof known.addSpanProcessor !== 'function') return false
    const remove = known.addSpanProcessor(log)
    if (typeof remove === 'function') undo.push(() => remove())
    return true
  }

  function watchContext(manager: ContextManager): void {
    if (seenBefore.has(manager)) return
    seenBefore.add(manager)
    const original = manager.with.bind(manager)
    manager.with = sectionWrapper(log, original)
    undo.push(() => {
      // What remains is the class's own method.
      Reflect.deleteProperty(manager, 'with')
    })
    if (followAsync) undo.push(log.followAsync(() => manager.active()))
  }

  /** Calls `seen` with the value of a property, at once if it has one and at each assignment. */
  function whenSet<T extends object, K extends keyof T>(
    object: T,
    key: K,
    seen: (value: T[K]) => void,
  ): void {
    let value = object[key]
    if (value !== undefined) seen(value)
    Object.defineProperty(object, key, {
      configurable: true,
      enumerable: true,
      get: () => value,
      set(next: T[K]) {
        value = next
        seen(next)
      },
    })
    undo.push(() => {
      if (!Object.getOwnPropertyDescriptor(object, key)?.get) return
      Object.defineProperty(object, key, { configurable: true, enumerable: true, writable: true, value })
    })
  }
}

/** `with` between an entry and an exit of the log. One frame; the sampler leaves it out of the stacks by its name. */
function sectionWrapper(log: SectionLog, original: ContextManager['with']): ContextManager['with'] {
  return function tapescopeSection(context, fn, thisArg, ...args) {
    log.enter(context)
    try {
      return original(context, fn, thisArg, ...args)
    } finally {
      log.exit()
    }
  }
}
