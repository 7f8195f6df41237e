import { createRequire } from 'node:module'

/** Libraries whose instrumentation must see them being loaded. `fetch` tells through a channel and may come any time. */
const watched = ['pg'] as const

const key = Symbol.for('tapescope.loaded-before.1')
const shared = globalThis as { [key]?: readonly string[] }

/** Looks which libraries were loaded already: call it before they are instrumented. Their calls give no spans. */
export function noteLoadedBefore(): readonly string[] {
  const { cache } = createRequire(import.meta.url)
  const files = Object.keys(cache).map((file) => file.replaceAll('\\', '/'))
  const found = watched.filter((name) => files.some((file) => file.includes(`/node_modules/${name}/lib/`)))
  shared[key] = found
  return found
}

/** What was noted when telemetry started; undefined when it did not. */
export const loadedBefore = (): readonly string[] | undefined => shared[key]
