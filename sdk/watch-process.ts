import { isMainThread } from 'node:worker_threads'
import type { Settings } from './config/settings.ts'
import { deliverAtExit } from './delivery/deliver-at-exit.ts'
import { ourListener, othersListen } from './signal-listeners.ts'
import type { RunningSdk } from './start-sdk.ts'
import type { Telemetry } from './start-telemetry.ts'

const signals = ['SIGTERM', 'SIGINT'] as const
/** How long the end of a process may wait for the last spans, in ms. */
const longestExitMs = 2000
/** How long a program that ends by itself waits for a backend where nobody listens, in ms. */
const desertedMs = 1000

/**
 * Sends what is queued before the process is gone. A signal that somebody else handles is theirs: they run as if this
 * were not here, and what is queued is sent meanwhile. A signal that nobody handles ends the process as it would have,
 * after the flush. What still waits at `exit` (a handler that calls `process.exit`, an uncaught error) is sent from a
 * thread of its own.
 */
export function watchProcess(
  telemetry: Telemetry,
  sdk: RunningSdk,
  { handleSignals, deadlineMs }: Settings,
): void {
  const flushLast = async (): Promise<void> => {
    if (!(await telemetry.flush())) sdk.abandon()
  }
  process.once('beforeExit', () => {
    void flushLast()
    // A script on a laptop without a collector is not to hang for the whole deadline.
    setTimeout(() => {
      if (sdk.deserted()) sdk.abandon()
    }, desertedMs).unref()
  })
  process.once('exit', () => deliverAtExit(sdk.take(), Math.min(deadlineMs, longestExitMs)))
  if (!handleSignals || !isMainThread) return
  for (const signal of signals) {
    const listener = ourListener(() => {
      if (othersListen(signal)) {
        // After their handlers: one that exits at once leaves all to the thread, and nothing is sent twice.
        setImmediate(() => void telemetry.flush())
        return
      }
      void endBy(signal)
    })
    const endBy = async (signal: NodeJS.Signals): Promise<void> => {
      await telemetry.shutdown()
      process.removeListener(signal, listener)
      process.kill(process.pid, signal)
    }
    // First in line, so that a handler for one time is still seen.
    process.prependListener(signal, listener)
  }
}
