import type { BacktestEngine } from '@tapescope/engine'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Database } from './database.ts'
import { Problem } from './problem.ts'
import { type BacktestRequest, executeBacktest } from './run-backtest.ts'

export type RunStatus = 'PENDING' | 'RUNNING' | 'COMPLETED' | 'FAILED' | 'CANCELLED'

export interface BacktestRunner {
  /** Makes room for one more run. @throws Problem 429 when as many as allowed run already */
  reserve(): void
  /** Begins an accepted run; the promise tells how it ended and never rejects. */
  start(id: string, request: BacktestRequest): Promise<RunStatus>
  /** How it ended, or that it still runs after `waitMs`. */
  within(done: Promise<RunStatus>, waitMs: number): Promise<RunStatus>
  /** Resolves when nothing runs any more. */
  drain(): Promise<void>
}

export function createBacktestRunner(
  database: Database,
  engine: BacktestEngine,
  log: (line: Record<string, unknown>) => void,
  limit: number,
): BacktestRunner {
  const running = new Set<Promise<RunStatus>>()
  return {
    reserve() {
      if (running.size < limit) return
      throw new Problem(429, `${limit} backtests run or wait already.`, { headers: { 'Retry-After': '1' } })
    },
    start(id, request) {
      const done = executeBacktest(database, engine, id, request).then(
        (): RunStatus => 'COMPLETED',
        (error: unknown): RunStatus => {
          log({ level: 'error', message: 'backtest failed', backtest_run_id: id, error: String(error) })
          return 'FAILED'
        },
      )
      running.add(done)
      void done.finally(() => running.delete(done))
      return done
    },
    async within(done, waitMs) {
      const stop = new AbortController()
      const late = sleep(waitMs, 'RUNNING' as const, { signal: stop.signal }).catch(() => 'RUNNING' as const)
      const status = await Promise.race([done, late])
      stop.abort()
      return status
    },
    async drain() {
      await Promise.all(running)
    },
  }
}
