// The thread in which backtests run: bars come as shared memory, results go back as the text that is stored. Its
// telemetry is its own; its metrics are added to the process's (see docs/guide/embed.md).
import { parentPort, workerData } from 'node:worker_threads'
import {
  type ContextCarrier,
  instrumentBacktestEngine,
  keepTrace,
  startTelemetry,
  startThreadProfiler,
  traceOf,
  withCarriedContext,
} from '@tapescope/sdk'
import { type BacktestConfig, type BarSeries, createBacktestEngine } from '@tapescope/engine'
import { watchRun } from './run-control.ts'
import { renderResult, type StoredResult } from './render-result.ts'
import type { ThreadTelemetry } from './thread-pool.ts'

interface ThreadTask {
  bars: BarSeries
  config: BacktestConfig
  metricsOnly: boolean
  context: ContextCarrier
  control: Int32Array
}

export type ThreadAnswer = { result: StoredResult } | { error: { name: string; message: string } }

const { telemetry: wanted } = workerData as { telemetry: ThreadTelemetry | null }
const { profileRuns, ...options } = wanted ?? {}
const telemetry = wanted === null ? undefined : await startTelemetry({ ...options, handleSignals: false })
const profiler = profileRuns === undefined ? undefined : startThreadProfiler(profileRuns)
let sampledAt = -Infinity
const engine = instrumentBacktestEngine(createBacktestEngine())
let idle: NodeJS.Timeout | undefined

parentPort!.on('message', (task: ThreadTask) => {
  clearTimeout(idle)
  const now = performance.now()
  const sampler = profileRuns !== undefined && now - sampledAt >= profileRuns.everyMs ? profiler : undefined
  if (sampler !== undefined) sampledAt = now
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- threads have no origins
  parentPort!.postMessage(sampler === undefined ? answer(task) : sampler.during(() => answer(task)))
  void sampler?.send()
  // Spans leave as soon as there is time: whoever waits for the result looks for its trace next.
  idle = setTimeout(() => void telemetry?.flush(), 20)
})
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- threads have no origins
parentPort!.postMessage('ready')

function answer({ bars, config, metricsOnly, context, control }: ThreadTask): ThreadAnswer {
  try {
    return withCarriedContext(context, () => {
      const started = performance.now()
      const result = engine.run(bars, config, { observer: watchRun(control) })
      const seconds = (performance.now() - started) / 1e3
      keepTrace()
      return {
        result: { ...renderResult(result, metricsOnly), seconds, trace: traceOf(result) ?? null },
      }
    })
  } catch (error) {
    const { name, message } = error instanceof Error ? error : new Error(String(error))
    return { error: { name, message } }
  }
}
