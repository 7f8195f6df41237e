import { availableParallelism } from 'node:os'
import { StartError } from './start-error.ts'

/** What keeps one client's load from the others; each has an environment variable. */
export interface ServiceLimits {
  /** Requests per second of one client, and how many may come at once. */
  requestsPerSecond: number
  burst: number
  /** Backtests that may wait in the queue, of all processes together. */
  backtests: number
  /** Streams of events and waits for a result that one client may have open. */
  streams: number
  /** Bytes of an upload, unpacked. Memory does not grow with it. */
  uploadBytes: number
  /** Seconds that a request's headers may take to arrive, and all of it. */
  headerSeconds: number
  requestSeconds: number
  /** Backtests that this process runs at once, each in a thread; 0 leaves them to workers. */
  concurrency: number
  /** Seconds that a backtest may take. */
  backtestSeconds: number
}

const variables = {
  requestsPerSecond: ['TAPESCOPE_RATE_LIMIT', 500],
  burst: ['TAPESCOPE_RATE_BURST', 1_000],
  uploadBytes: ['TAPESCOPE_MAX_UPLOAD_BYTES', 4 * 2 ** 30],
  headerSeconds: ['TAPESCOPE_HEADER_SECONDS', 10],
  requestSeconds: ['TAPESCOPE_REQUEST_SECONDS', 600],
  streams: ['TAPESCOPE_MAX_STREAMS', 100],
  backtests: ['TAPESCOPE_MAX_BACKTESTS', 10_000],
  concurrency: ['TAPESCOPE_CONCURRENCY', Math.min(4, availableParallelism())],
  backtestSeconds: ['TAPESCOPE_BACKTEST_SECONDS', 3_600],
} as const

/** @throws StartError naming a variable that is no such number, or too small */
export function readServiceLimits(env: NodeJS.ProcessEnv): ServiceLimits {
  const limits: Record<string, number> = {}
  for (const [name, [variable, fallback]] of Object.entries(variables)) {
    const value = env[variable] === undefined ? fallback : Number(env[variable])
    // A time may be a part of a second; everything else is counted.
    const isTime = name === 'backtestSeconds'
    const least = name === 'concurrency' ? 0 : isTime ? 0.001 : 1
    if (!(isTime ? Number.isFinite(value) : Number.isInteger(value)) || value < least) {
      const what = isTime ? 'number' : 'whole number'
      throw new StartError(`${variable} must be a ${what} of at least ${least}, not "${env[variable]}".`)
    }
    limits[name] = value
  }
  return limits as unknown as ServiceLimits
}
