import type { Batch } from './component.ts'
import { checkConfig } from './config/check-config.ts'
import { components } from './components.ts'
import { createSidecar } from './sidecar.ts'

/**
 * Runs a configuration inside of a test, on free ports of the loopback. `lines` are what it would log. The caller
 * shuts it down.
 */
export async function runSidecar(tree: { [key: string]: unknown }, tap?: (batch: Batch) => void) {
  const lines: string[] = []
  const note = (line: string) => void lines.push(line)
  const sidecar = createSidecar(checkConfig(tree, components), { log: { info: note, warn: note }, tap })
  await sidecar.start()
  return {
    urls: sidecar.listening,
    lines,
    telemetry: sidecar.telemetry,
    stop: () => sidecar.shutdown(Date.now() + 5000),
  }
}

/** An OTLP receiver on a free port. */
export function otlpOnAnyPort(http: object = {}) {
  return { otlp: { protocols: { http: { endpoint: '127.0.0.1:0', ...http } } } }
}
