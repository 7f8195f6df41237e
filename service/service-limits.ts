import { StartError } from './start-error.ts'

/** What keeps one client's load from the others; each has an environment variable. */
export interface ServiceLimits {
  /** Requests per second of one client, and how many may come at once. */
  requestsPerSecond: number
  burst: number
  /** Backtests that run or wait in this process. */
  backtests: number
  /** Bytes of an upload, unpacked. Memory does not grow with it. */
  uploadBytes: number
  /** Seconds that a request may take to arrive. */
  requestSeconds: number
}

const variables = {
  requestsPerSecond: ['TAPESCOPE_RATE_LIMIT', 500],
  burst: ['TAPESCOPE_RATE_BURST', 1_000],
  backtests: ['TAPESCOPE_MAX_BACKTESTS', 64],
  uploadBytes: ['TAPESCOPE_MAX_UPLOAD_BYTES', 4 * 2 ** 30],
  requestSeconds: ['TAPESCOPE_REQUEST_SECONDS', 600],
} as const

/** @throws StartError naming a variable that is not a whole number above 0 */
export function readServiceLimits(env: NodeJS.ProcessEnv): ServiceLimits {
  const limits: Record<string, number> = {}
  for (const [name, [variable, fallback]] of Object.entries(variables)) {
    const value = env[variable] === undefined ? fallback : Number(env[variable])
    if (!Number.isInteger(value) || value < 1) {
      throw new StartError(`${variable} must be a whole number above 0, not "${env[variable]}".`)
    }
    limits[name] = value
  }
  return limits as unknown as ServiceLimits
}
