import { Worker } from 'node:worker_threads'
import { carryContext } from '@tapescope/sdk'
import type { Analysed } from './analyse-series.ts'
import type { AnalysisAnswer, AnalysisTask } from './analysis-worker.ts'
import type { ThreadTelemetry } from './jobs/thread-pool.ts'
import { createTurns } from './turns.ts'

export interface AnalysisThread {
  /**
   * Analyses one series after another; the bars must lie in shared memory. Rejects with what `onLate` makes when there
   * is no turn within `waitMs`. @throws what the analysis threw, by name and message
   */
  run(task: Omit<AnalysisTask, 'context'>, waitMs: number, onLate: () => Error): Promise<Analysed>
  close(): Promise<void>
}

/**
 * A thread for what would keep all requests waiting. There is one, which remembers the bars that it has seen, so that
 * nothing is counted twice; it starts with the first series that needs it.
 */
export function createAnalysisThread(telemetry: ThreadTelemetry | null): AnalysisThread {
  const turns = createTurns(1)
  let worker: Worker | undefined

  function started(): Worker {
    if (worker !== undefined) return worker
    const made = new Worker(new URL('analysis-worker.ts', import.meta.url), { workerData: { telemetry } })
    made.setMaxListeners(0)
    made.once('exit', () => {
      if (worker === made) worker = undefined
    })
    worker = made
    return made
  }

  async function ask(task: AnalysisTask): Promise<AnalysisAnswer> {
    const thread = started()
    const { promise, resolve, reject } = Promise.withResolvers<AnalysisAnswer>()
    const onExit = (code: number) => reject(new Error(`the thread of the analysis ended with code ${code}`))
    thread.once('message', resolve).once('error', reject).once('exit', onExit)
    thread.ref()
    try {
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- threads have no origins
      thread.postMessage(task)
      return await promise
    } finally {
      // A thread that waits keeps nobody alive.
      thread.unref()
      thread.off('message', resolve).off('error', reject).off('exit', onExit)
    }
  }

  return {
    async run(task, waitMs, onLate) {
      const release = await turns.take('one', waitMs, onLate)
      try {
        const answer = await ask({ ...task, context: carryContext() })
        if ('analysed' in answer) return answer.analysed
        throw Object.assign(new Error(answer.error.message), { name: answer.error.name })
      } finally {
        release()
      }
    },
    async close() {
      await worker?.terminate()
    },
  }
}
