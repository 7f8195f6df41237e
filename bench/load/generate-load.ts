import { setTimeout as sleep } from 'node:timers/promises'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { seededRandom } from '../statistics.ts'
import type { LoadPlan } from './scenarios.ts'
import { type Call, drawCall, drawWaitMs, userClasses } from './traffic-model.ts'

/** Milliseconds since the run began. */
export interface LoadClock {
  now(): number
  /** Not before `atMs`; resolves early when the run is stopped. */
  until(atMs: number): Promise<void>
}

interface LoadRun {
  readonly plan: Pick<LoadPlan, 'userClass' | 'seconds' | 'load' | 'seed'>
  readonly clock: LoadClock
  /** Makes a call whose intended start is `dueMs`; resolves with the time of its answer, never rejects. */
  readonly fire: (call: Call, dueMs: number) => Promise<number>
  readonly stopped: () => boolean
  readonly onUser?: (running: number) => void
}

/**
 * Makes the calls of a run and resolves when the last one is answered. A call is due at a time that is known before
 * it is made: the answer of the user's last call plus a wait, or an arrival of a Poisson process. Whatever makes it
 * later, the generator itself or calls that queue before it, counts as latency.
 */
export function generateLoad(run: LoadRun): Promise<void> {
  return run.plan.load.kind === 'users' ? runUsers(run, run.plan.load) : runArrivals(run, run.plan.load)
}

async function runUsers(
  { plan, clock, fire, stopped, onUser }: LoadRun,
  { users, spawnPerSecond }: { users: number; spawnPerSecond: number },
): Promise<void> {
  const userClass = userClasses[plan.userClass]
  const endMs = plan.seconds * 1_000
  let running = 0
  await Promise.all(
    Array.from({ length: users }, async (_, i) => {
      // A stream of its own: what a user does does not depend on how fast the others are answered.
      const random = seededRandom(plan.seed + i * 7_919)
      let dueMs = (i / spawnPerSecond) * 1_000
      if (dueMs >= endMs) return
      await clock.until(dueMs)
      if (stopped()) return
      onUser?.(++running)
      while (dueMs < endMs && !stopped()) {
        const answeredMs = await fire(drawCall(userClass, random), dueMs)
        dueMs = answeredMs + drawWaitMs(userClass, random)
        await clock.until(Math.min(dueMs, endMs))
      }
      onUser?.(--running)
    }),
  )
}

async function runArrivals(
  { plan, clock, fire, stopped }: LoadRun,
  { perSecond }: { perSecond: number },
): Promise<void> {
  const userClass = userClasses[plan.userClass]
  const random = seededRandom(plan.seed)
  const endMs = plan.seconds * 1_000
  const open = new Set<Promise<number>>()
  for (let dueMs = gapMs(perSecond, random); dueMs < endMs; dueMs += gapMs(perSecond, random)) {
    await clock.until(dueMs)
    if (stopped()) break
    const call = fire(drawCall(userClass, random), dueMs)
    open.add(call)
    void call.finally(() => open.delete(call))
  }
  await clock.until(endMs)
  await Promise.all(open)
}

/** Time to the next arrival of a Poisson process, exponentially distributed. */
function gapMs(perSecond: number, random: () => number): number {
  return (-Math.log(1 - random()) / perSecond) * 1_000
}

/** A clock that begins now. What has been waited for in vain is never early: timers count whole milliseconds. */
export function startClock(signal: AbortSignal): LoadClock {
  const beganMs = performance.now()
  const now = () => performance.now() - beganMs
  return {
    now,
    async until(atMs) {
      const leftMs = atMs - now()
      // Behind already: whoever waits for the network still has their turn.
      if (leftMs <= 0) await nextTurn()
      else await sleep(Math.ceil(leftMs), undefined, { signal }).catch(() => undefined)
    },
  }
}
