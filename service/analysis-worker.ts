// The thread in which long series are analysed: bars come as shared memory, what was found goes back as plain data, rows
// for the database as text. Its telemetry is its own; its metrics are added to the process's (see docs/guide/embed.md).
import { parentPort, workerData } from 'node:worker_threads'
import type { BarSeries } from '@tapescope/engine'
import { type ContextCarrier, startTelemetry, withCarriedContext } from '@tapescope/sdk'
import { type Analysed, analyseSeries, type Wants } from './analyse-series.ts'
import { createAnalysisEngines } from './analysis-engines.ts'
import type { ThreadTelemetry } from './jobs/thread-pool.ts'

export interface AnalysisTask {
  bars: BarSeries
  mode: 'live' | 'replay'
  wants: Wants
  context: ContextCarrier
}

export type AnalysisAnswer = { analysed: Analysed } | { error: { name: string; message: string } }

const { telemetry: wanted } = workerData as { telemetry: ThreadTelemetry | null }
const { profileRuns: _, ...options } = wanted ?? {}
const telemetry = wanted === null ? undefined : await startTelemetry({ ...options, handleSignals: false })
const engines = createAnalysisEngines()
let idle: NodeJS.Timeout | undefined

parentPort!.on('message', (task: AnalysisTask) => {
  clearTimeout(idle)
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- threads have no origins
  parentPort!.postMessage(answer(task))
  // Spans leave as soon as there is time: whoever has the answer looks for its trace next.
  idle = setTimeout(() => void telemetry?.flush(), 20)
})

function answer({ bars, mode, wants, context }: AnalysisTask): AnalysisAnswer {
  try {
    return withCarriedContext(context, () => ({
      analysed: analyseSeries(engines[mode], bars, wants),
    }))
  } catch (error) {
    const { name, message } = error instanceof Error ? error : new Error(String(error))
    return { error: { name, message } }
  }
}
