// node --import this app.js: writes at exit what `tapescope doctor -- node app.js` wants to know. Set by the command.
import { writeFileSync } from 'node:fs'
import { isMainThread } from 'node:worker_threads'
import { loadedBefore } from '../loaded-before.ts'
import { processStore } from '../metric-store.ts'
import { ourListener } from '../signal-listeners.ts'
import type { ProgramReport } from './run-program.ts'

const file = process.env['TAPESCOPE_DOCTOR']
if (file !== undefined && isMainThread) {
  // Children of the program do not write into the same file.
  delete process.env['TAPESCOPE_DOCTOR']
  const tell = (): void => {
    processStore.refresh()
    const counts = (name: string): Record<string, number> =>
      Object.fromEntries(
        [...(processStore.families.get(name)?.series.values() ?? [])].map(({ labels, slots }) => [
          labels['reason'] ?? '',
          slots[0],
        ]),
      )
    const before = loadedBefore()
    const report: ProgramReport = {
      started: before !== undefined,
      loadedBefore: before ?? [],
      losses: {
        spans: counts('tapescope_spans_dropped_total'),
        logRecords: counts('tapescope_log_records_dropped_total'),
        misuse: counts('tapescope_misuse_total'),
      },
    }
    writeFileSync(file, JSON.stringify(report))
  }
  process.on('exit', tell)
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    const listener = ourListener(() => {
      tell()
      // The last that listens lets the signal do what it would have done.
      if (process.listenerCount(signal) > 1) return
      process.removeListener(signal, listener)
      process.kill(process.pid, signal)
    })
    process.on(signal, listener)
  }
}
