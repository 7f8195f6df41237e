import type { MiddlewareHandler } from 'hono'
import type { SignalGeneration } from './generate-signals.ts'
import type { JobQueue } from './jobs/job-queue.ts'
import type { OpenStreams } from './open-streams.ts'
import type { SignalFeed } from './signal-feed.ts'
import type { SeriesKey } from './load-bars.ts'
import type { GuardOptions } from './guard.ts'
import type { Database } from './database.ts'

/** What the routes work with; made once in `serve.ts`. */
export interface ServiceContext {
  /** Watch every request from the outside, the outermost first: telemetry. */
  observers: readonly MiddlewareHandler[]
  database: Database
  generation: SignalGeneration
  /** Most that an upload may hold, unpacked. */
  uploadBytes: number
  version: string
  /** `performance.now()` at the start of the process's service. */
  startedAt: number
  guard: GuardOptions
  ready: { migrations: number; worker: () => boolean }
  /** Where backtests wait for a worker. */
  queue: JobQueue
  signalFeed: SignalFeed
  openStreams: OpenStreams
  /** How many backtests may wait. */
  maxWaiting: number
  /** Aborts when the service stops: what waits or streams ends then. */
  stopping: AbortSignal
  /** After bars came: what was known of the series is brought up to them, in the name of who sent them. */
  barsStored: (key: SeriesKey, user: string) => Promise<void>
  /** After signals came or moved: what is counted from the database is counted anew. */
  signalsChanged: () => Promise<void>
  /** Answers `GET /api/v1/metrics` by content negotiation. */
  metrics: (request: Request) => Promise<Response> | Response
  /** A line for the operator: unexpected errors, slow statements. Never user data or secrets. */
  log: (line: Record<string, unknown>) => void
}
