import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { BacktestConfig, BarSeries } from '@tapescope/engine'
import type { ContextCarrier, TelemetryOptions, ThreadProfileOptions } from '@tapescope/sdk'
import { requestStop } from './run-control.ts'
import type { StoredResult } from './render-result.ts'
import type { ThreadAnswer } from './run-thread.ts'

/** How the threads send their spans; null for no telemetry. */
export type ThreadTelemetry = Pick<
  TelemetryOptions,
  'serviceName' | 'serviceVersion' | 'otlpEndpoint' | 'tracesProtocol'
> & {
  /**
   * The CPU of runs goes to this sidecar: what a developer looks at after `npm start`. A thread samples a run when its
   * last sampled one is `everyMs` ago, so that one by hand has its samples and a load of them is hardly slower.
   */
  profileRuns?: ThreadProfileOptions & { everyMs: number }
}

interface PoolRun {
  bars: BarSeries
  config: BacktestConfig
  metricsOnly: boolean
  context: ContextCarrier
  /** From `createControl`. */
  control: Int32Array
  /** Stops the run: it throws at its next block, or its thread is ended. */
  signal: AbortSignal
}

interface ThreadPool {
  /** Runs in a thread of its own; as many at once as there are calls. @throws what the run threw, by name and message */
  run(task: PoolRun): Promise<StoredResult>
  /** Starts a thread, so that the first run need not wait for one. */
  warm(): Promise<void>
  close(): Promise<void>
}

/** Within this a run that was told to stop should have come to its next block, ms. */
const politeMs = 300

/** Threads that run backtests, kept for the next run. The caller limits how many run at once. */
export function createThreadPool(telemetry: ThreadTelemetry | null): ThreadPool {
  const idle: Worker[] = []
  const all = new Set<Worker>()

  async function start(): Promise<Worker> {
    const worker = new Worker(new URL('run-thread.ts', import.meta.url), { workerData: { telemetry } })
    all.add(worker)
    worker.once('exit', () => {
      all.delete(worker)
      const at = idle.indexOf(worker)
      if (at !== -1) idle.splice(at, 1)
    })
    await once(worker, 'message')
    // A thread that waits keeps nobody alive.
    worker.unref()
    return worker
  }

  return {
    async warm() {
      idle.push(await start())
    },
    async run({ signal, control, ...task }) {
      signal.throwIfAborted()
      const worker = idle.pop() ?? (await start())
      const { promise, resolve, reject } = Promise.withResolvers<ThreadAnswer>()
      let late: NodeJS.Timeout | undefined
      const onExit = (code: number) => reject(new Error(`the thread of the run ended with code ${code}`))
      const onAbort = () => {
        requestStop(control)
        late = setTimeout(() => void worker.terminate(), politeMs)
      }
      worker.ref()
      worker.once('message', resolve).once('error', reject).once('exit', onExit)
      signal.addEventListener('abort', onAbort, { once: true })
      try {
        if (signal.aborted) onAbort()
        // oxlint-disable-next-line unicorn/require-post-message-target-origin -- threads have no origins
        worker.postMessage({ ...task, control })
        const answer = await promise
        idle.push(worker)
        worker.unref()
        if ('result' in answer) return answer.result
        throw Object.assign(new Error(answer.error.message), { name: answer.error.name })
      } catch (error) {
        signal.throwIfAborted()
        throw error
      } finally {
        clearTimeout(late)
        worker.off('message', resolve).off('error', reject).off('exit', onExit)
        signal.removeEventListener('abort', onAbort)
      }
    },
    async close() {
      await Promise.all([...all].map((worker) => worker.terminate()))
    },
  }
}
