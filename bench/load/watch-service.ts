import { setTimeout as sleep } from 'node:timers/promises'
import { createHistogram } from 'node:perf_hooks'
import type { Target } from './seed-service.ts'

/** What the service tells of itself at one moment; null where its metrics do not have it. */
interface ServiceSample {
  /** From the beginning of the run. */
  readonly seconds: number
  /** CPU time since the sample before, as a part of one core: threads of backtests included. */
  readonly cpu: number | null
  readonly rssMib: number | null
  readonly heapMib: number | null
  /** Backtests that wait or run. */
  readonly queue: number | null
}

export interface WatchedService {
  readonly samples: readonly ServiceSample[]
  /** How long `/healthz`, which does nothing, took to answer: the time for which the event loop was held. ms */
  readonly healthMs: { readonly p50: number; readonly p99: number; readonly max: number }
  readonly spansDropped: number
}

const sampleEveryMs = 5_000
const probeEveryMs = 200

/** Watches the service from outside while it is under load. */
export function watchService(target: Target): { stop(): Promise<WatchedService> } {
  const stop = new AbortController()
  const { signal } = stop
  const beganMs = performance.now()
  const samples: ServiceSample[] = []
  const health = createHistogram({ lowest: 1, highest: 600e9, figures: 3 })
  let dropped = 0
  const headers: Record<string, string> = target.key === null ? {} : { authorization: `Bearer ${target.key}` }
  const get = async (path: string): Promise<string> => {
    const response = await fetch(target.url + path, { headers, signal })
    return response.text()
  }

  async function probe(): Promise<void> {
    for (
      let due = performance.now();
      !signal.aborted;
      due = Math.max(due + probeEveryMs, performance.now())
    ) {
      await sleep(Math.max(0, due - performance.now()))
      const sentMs = performance.now()
      try {
        await get('/healthz')
        health.record(Math.max(1, Math.round((performance.now() - sentMs) * 1e6)))
      } catch {
        // Its end is told by others.
      }
    }
  }

  async function sample(): Promise<void> {
    let before: { cpu: number; atMs: number } | undefined
    while (!signal.aborted) {
      try {
        const metrics = readMetrics(await get('/api/v1/metrics'))
        const atMs = performance.now()
        const cpu = metrics.get('process_cpu_seconds_total')
        const mib = (name: string) => {
          const bytes = metrics.get(name)
          return bytes === undefined ? null : Math.round(bytes / 2 ** 20)
        }
        dropped = metrics.get('tapescope_spans_dropped_total') ?? dropped
        samples.push({
          seconds: Math.round((atMs - beganMs) / 100) / 10,
          cpu:
            before === undefined || cpu === undefined
              ? null
              : Math.round(((cpu - before.cpu) / ((atMs - before.atMs) / 1e3)) * 100) / 100,
          rssMib: mib('process_resident_memory_bytes'),
          heapMib: mib('nodejs_heap_used_bytes'),
          queue: metrics.get('job_queue_depth') ?? null,
        })
        if (cpu !== undefined) before = { cpu, atMs }
      } catch {
        // As above.
      }
      await sleep(sampleEveryMs, undefined, { signal }).catch(() => undefined)
    }
  }

  const watching = Promise.all([probe(), sample()])
  return {
    async stop() {
      stop.abort()
      await watching
      const ms = (percent: number) =>
        health.count === 0 ? Number.NaN : Math.round(health.percentile(percent) / 1e3) / 1e3
      return { samples, healthMs: { p50: ms(50), p99: ms(99), max: ms(100) }, spansDropped: dropped }
    },
  }
}

/** Values of the classic text, those of one name added up. */
function readMetrics(text: string): Map<string, number> {
  const metrics = new Map<string, number>()
  for (const line of text.split('\n')) {
    const [, name, value] = /^([a-z_]+)(?:\{.*\})? (\S+)$/.exec(line) ?? []
    if (name !== undefined) metrics.set(name, (metrics.get(name) ?? 0) + Number(value))
  }
  return metrics
}
