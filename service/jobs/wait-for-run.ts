import { setTimeout as sleep } from 'node:timers/promises'
import type { Queryable } from '../database.ts'
import { withPatience } from '../patience.ts'

export type RunStatus = 'PENDING' | 'RUNNING' | 'COMPLETED' | 'FAILED' | 'CANCELLED'

export function isOver(status: RunStatus): boolean {
  return status === 'COMPLETED' || status === 'FAILED' || status === 'CANCELLED'
}

/** How the run ended, or what it is after `waitMs`. Any process may run it: the row is asked, ever less often. */
export async function waitForRun(
  database: Queryable,
  id: string,
  waitMs: number,
  signal: AbortSignal,
): Promise<RunStatus> {
  const deadline = performance.now() + waitMs
  for (let pause = 10; ; pause = Math.min(250, pause * 1.5)) {
    // Each look is a statement of its own: a long wait must not use up the request's patience with the database.
    const [row] = await withPatience(1_700, () =>
      database.query<{ status: RunStatus }>({
        name: 'backtests.status',
        text: 'SELECT status FROM backtest_results WHERE backtest_run_id = $1',
        values: [id],
      }),
    )
    const left = deadline - performance.now()
    if (isOver(row.status) || left <= 0 || signal.aborted) return row.status
    await sleep(Math.min(pause, left), undefined, { signal }).catch(() => undefined)
  }
}
