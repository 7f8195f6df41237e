import type { z } from 'zod'
import type { environmentSchema } from '../result.ts'
import type { BurstResult } from './burst-check.ts'
import type { RunFigures, WindowFigures } from './call-record.ts'
import type { FollowedJobs } from './follow-jobs.ts'
import type { GeneratorHealth, SlowCall } from './generator-messages.ts'
import type { Verdict } from './judge.ts'
import type { LoadPlan, ScenarioName } from './scenarios.ts'
import type { WatchedService } from './watch-service.ts'

export const loadSchemaName = 'tapescope.load/1'

/** A slow call with what its trace and its row say about it; what could not be found is null. */
export interface ExplainedCall extends SlowCall {
  /** Where the viewer shows the trace, while the sidecar runs. */
  readonly traceUrl: string | null
  /** Its longest spans; of the slowest call of each route. */
  readonly spans: readonly { name: string; depth: number; startMs: number; durationMs: number }[] | null
  readonly spanCount: number | null
  readonly chainUrl: string | null
  readonly chain: readonly { stage: string; verdict: string; reason: string | null }[] | null
}

/** What `npm run load` writes as report.json. Latencies are in ms from the intended start. */
export interface LoadResult {
  readonly schema: typeof loadSchemaName
  readonly createdAt: string
  readonly revision: { readonly commit: string; readonly dirty: boolean }
  readonly environment: z.infer<typeof environmentSchema>
  /** One-minute load average when it ended: the load that the run itself makes is in it. */
  readonly loadAfter: number
  readonly scenario: ScenarioName
  readonly scale: number
  readonly plan: Omit<LoadPlan, 'key' | 'url'>
  readonly target: { readonly url: string; readonly own: boolean; readonly viewer: string | null }
  /** Bars stored before it began; null when somebody else stored them. */
  readonly bars: number | null
  readonly seconds: number
  readonly verdict: Verdict
  /** Successful answers per second: over all of it, and from when all users had begun until the planned end. */
  readonly perSecond: { readonly overall: number; readonly steady: number }
  readonly figures: RunFigures
  readonly generator: GeneratorHealth
  readonly windows: readonly WindowFigures[]
  readonly jobs: FollowedJobs | null
  readonly burst: BurstResult | null
  readonly service: WatchedService
  readonly slowest: readonly ExplainedCall[]
}

export function rateOf(windows: readonly WindowFigures[], fromSeconds: number, toSeconds: number): number {
  const counted = windows.filter(
    ({ seconds, length }) =>
      seconds - length >= fromSeconds - length / 2 && seconds <= toSeconds + length / 2,
  )
  const time = counted.reduce((sum, { length }) => sum + length, 0)
  const good = counted.reduce((sum, { answered, failed }) => sum + answered - failed, 0)
  return time === 0 ? 0 : Math.round((good / time) * 100) / 100
}
