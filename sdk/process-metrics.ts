import { performance, type EventLoopUtilization } from 'node:perf_hooks'
import { isMainThread } from 'node:worker_threads'
import { bindCounter, bindGauge } from './instruments.ts'
import type { MetricStore } from './metric-store.ts'

/** Reads the process at each collection, in the main thread. Answers with the function that ends it. */
export function observeProcess(store: MetricStore): () => void {
  if (!isMainThread) return () => {}
  const cpu = bindCounter('process_cpu_seconds_total', {}, store)
  const memory = bindGauge('process_resident_memory_bytes', {}, store)
  const heap = bindGauge('nodejs_heap_used_bytes', {}, store)
  const utilization = bindGauge('nodejs_eventloop_utilization', {}, store)
  bindGauge('process_start_time_seconds', {}, store).set(performance.timeOrigin / 1000)
  let before: EventLoopUtilization = performance.eventLoopUtilization()
  return store.onCollect(() => {
    const { user, system } = process.cpuUsage()
    cpu.observeTotal((user + system) / 1e6)
    const { rss, heapUsed } = process.memoryUsage()
    memory.set(rss)
    heap.set(heapUsed)
    const now = performance.eventLoopUtilization()
    utilization.set(performance.eventLoopUtilization(now, before).utilization)
    before = now
  })
}
