import { AsyncLocalStorage } from 'node:async_hooks'

/** How long a slow database is waited for on behalf of one request. */
interface Patience {
  /** Milliseconds that are left for statements that take long. */
  leftMs: number
  /** The request has been answered: what it left running is on its own. */
  over: boolean
}

/** Statements up to this long are free: a long series is many of them, and the database is not slow. */
const freeMs = 200

const current = new AsyncLocalStorage<Patience>()

/**
 * Runs `work` with `totalMs` for slow statements, so that a database that answers each of many statements just in time
 * cannot hold a request for long. A single statement has its own limit besides.
 */
export async function withPatience<Result>(totalMs: number, work: () => Promise<Result>): Promise<Result> {
  const patience: Patience = { leftMs: totalMs, over: false }
  try {
    return await current.run(patience, work)
  } finally {
    patience.over = true
  }
}

/** What the statement may take that begins now, ms: `limitMs`, or what is left when that is less. */
export function patienceLeft(limitMs: number): number {
  const patience = current.getStore()
  return patience === undefined || patience.over ? limitMs : Math.min(limitMs, patience.leftMs)
}

/** Tells what a statement took, ms. */
export function spendPatience(tookMs: number): void {
  const patience = current.getStore()
  if (patience !== undefined && tookMs > freeMs) patience.leftMs -= tookMs
}
