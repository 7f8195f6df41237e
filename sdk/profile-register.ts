// node --import this app.js: profiles the whole run and writes it when the process exits. Set by `tapescope profile`.
import { basename } from 'node:path'
import { isMainThread } from 'node:worker_threads'
import { ourListener, othersListen } from './signal-listeners.ts'
import { startProfiler, type ProfileOptions } from './profile.ts'

const settings = process.env['TAPESCOPE_PROFILE']
/** `npm start`, `npx tsx app.ts`: what they start is meant. */
const starter = /^(npm|npx|pnpm|pnpx|yarn|corepack)(-cli)?(\.[cm]?js)?$/.test(basename(process.argv[1] ?? ''))
if (settings !== undefined && isMainThread && !starter) {
  // Children of the program are not profiled into the same files.
  delete process.env['TAPESCOPE_PROFILE']
  const profiler = await startProfiler({ ringSeconds: Infinity, ...(JSON.parse(settings) as ProfileOptions) })
  process.on('exit', () => profiler.stopNow())
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(
      signal,
      ourListener(() => {
        // The program's own handlers decide; without one the signal ends the process as it would have.
        if (othersListen(signal)) return
        profiler.stopNow()
        process.kill(process.pid, signal)
      }),
    )
  }
}
