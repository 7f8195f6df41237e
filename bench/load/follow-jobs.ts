import { setTimeout as sleep } from 'node:timers/promises'
import type { Target } from './seed-service.ts'

export interface FollowedJobs {
  readonly followed: number
  readonly completed: number
  /** Ended otherwise, with the status: FAILED, CANCELLED, or the code of an answer that is none. */
  readonly failed: readonly { readonly runId: string; readonly status: string; readonly error: string }[]
  /** Were still waiting or running when the patience was over. */
  readonly unfinished: number
  /** From the acceptance to the moment at which it was seen to have ended, ms; the longest. */
  readonly longestMs: number
}

interface JobFollower {
  /** Passes over it when it follows enough others. */
  follow(runId: string): void
  /** Waits for what is open, at most `patienceMs`, or until `signal` says that nobody answers any more. */
  finish(patienceMs: number, signal: AbortSignal): Promise<FollowedJobs>
}

/** Looks at the followed jobs one after the other, so often at most: following must not be a load of its own. */
const lookEveryMs = 100
/** So many at a time: with more the looks at one would lie too far apart to tell when it ended. */
const mostOpen = 30

/** Follows accepted backtests to their end, beside the load. */
export function followJobs(target: Target): JobFollower {
  const open = new Map<string, number>()
  const failed: { runId: string; status: string; error: string }[] = []
  let followed = 0
  let completed = 0
  let longestMs = 0
  const stop = new AbortController()

  async function look(runId: string, since: number): Promise<void> {
    const answer = await statusOf(target, runId).catch((error: Error) => ({
      status: 'unknown',
      error: error.message,
    }))
    const { status } = answer
    if (status === 'PENDING' || status === 'RUNNING' || status === 'unknown') return
    open.delete(runId)
    longestMs = Math.max(longestMs, Math.round(performance.now() - since))
    if (status === 'COMPLETED') completed++
    else failed.push({ runId, status, error: answer.error })
  }

  const watching = (async () => {
    while (!stop.signal.aborted) {
      for (const [runId, since] of open) {
        if (stop.signal.aborted) break
        await look(runId, since)
        await sleep(lookEveryMs)
      }
      await sleep(lookEveryMs)
    }
  })()

  return {
    follow(runId) {
      if (open.size >= mostOpen) return
      followed++
      open.set(runId, performance.now())
    },
    async finish(patienceMs, signal) {
      const deadline = performance.now() + patienceMs
      while (open.size > 0 && performance.now() < deadline && !signal.aborted) await sleep(50)
      stop.abort()
      await watching
      return { followed, completed, failed, unfinished: open.size, longestMs }
    },
  }
}

async function statusOf({ url, key }: Target, runId: string): Promise<{ status: string; error: string }> {
  const response = await fetch(`${url}/api/v1/backtests/${runId}?include=`, {
    headers: key === null ? {} : { authorization: `Bearer ${key}` },
    signal: AbortSignal.timeout(10_000),
  })
  const body = (await response.json()) as { status?: string; error?: string | null; detail?: string }
  // An accepted run that nobody knows any more is as bad as one that failed; a busy service is asked again.
  if (response.status === 404) return { status: '404', error: body.detail ?? '' }
  if (!response.ok) return { status: 'unknown', error: body.detail ?? '' }
  return { status: String(body.status), error: body.error ?? '' }
}
