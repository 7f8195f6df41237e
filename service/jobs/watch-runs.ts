import type { Database } from '../database.ts'
import { createControl, progressOf } from './run-control.ts'

/** A run that is under way in this process. */
export interface RunWatch {
  readonly control: Int32Array
  /** Aborts when the run's row says that it is not running any more. */
  readonly signal: AbortSignal
  /** The row said so. */
  readonly ended: boolean
}

/** How often progress is written and cancelled runs are looked for, ms. */
const everyMs = 400

/** Writes the progress of the runs of this process, and hears in the same statement which of them were cancelled. */
export function watchRuns(database: Database, log: (line: Record<string, unknown>) => void) {
  interface Entry {
    control: Int32Array
    stop: AbortController
    ended: boolean
  }
  const running = new Map<string, Entry>()
  let asking = false

  async function look(): Promise<void> {
    if (running.size === 0 || asking) return
    asking = true
    const now = [...running]
    try {
      const rows = await database.query<{ id: string; running: boolean }>({
        name: 'jobs.progress',
        text: `WITH told AS (SELECT * FROM unnest($1::UUID[], $2::INT[], $3::INT[]) AS told (id, done, total)),
          written AS (UPDATE tapescope_jobs.runs SET bars_done = done, bars_total = nullif(total, 0)
            FROM told WHERE run_id = told.id)
          SELECT id, EXISTS (SELECT FROM backtest_results
            WHERE backtest_run_id = told.id AND status = 'RUNNING') AS running FROM told`,
        values: [
          now.map(([id]) => id),
          now.map(([, { control }]) => progressOf(control).barsDone),
          now.map(([, { control }]) => progressOf(control).barsTotal),
        ],
      })
      const alive = new Set(rows.filter((row) => row.running).map(({ id }) => id))
      for (const [id, entry] of now) {
        if (alive.has(id) || running.get(id) !== entry) continue
        entry.ended = true
        entry.stop.abort(new DOMException('the run was cancelled', 'AbortError'))
      }
    } catch (error) {
      log({ level: 'warn', message: 'progress not written', error: String(error) })
    } finally {
      asking = false
    }
  }
  const timer = setInterval(() => void look(), everyMs)
  timer.unref()

  return {
    add(id: string): RunWatch {
      const control = createControl()
      const stop = new AbortController()
      const entry: Entry = { control, stop, ended: false }
      running.set(id, entry)
      return {
        control,
        signal: stop.signal,
        get ended() {
          return entry.ended
        },
      }
    },
    remove: (id: string) => void running.delete(id),
    size: () => running.size,
    stop: () => clearInterval(timer),
  }
}
