import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type EmbeddedPostgres, startEmbeddedPostgres } from './embedded-postgres.ts'
import { shelterNamedIn } from './postgres-place.ts'

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/**
 * A PostgreSQL of one's own for tests, benchmarks and examples; `stop` removes everything it made. It goes with a
 * program that ends before that, by an error or by Ctrl-C, too.
 */
export async function startTemporaryPostgres(
  settings: Record<string, string> = { fsync: 'off' },
): Promise<EmbeddedPostgres> {
  const folder = mkdtempSync(join(tmpdir(), 'tapescope-postgres-'))
  // As root, PostgreSQL runs as somebody else, who must be able to enter.
  chmodSync(folder, 0o755)
  const postgres = await startEmbeddedPostgres({ folder, settings })

  function onExit(): void {
    try {
      process.kill(postgres.pid() ?? NaN, 'SIGQUIT')
    } catch {
      // It has ended already.
    }
    // While it ends it still writes; nothing can be awaited any more.
    const pause = new Int32Array(new SharedArrayBuffer(4))
    for (let attempt = 1; attempt <= 40; attempt++) {
      Atomics.wait(pause, 0, 0, 50)
      try {
        return removePostgres(folder)
      } catch {
        // Once more.
      }
    }
  }
  async function end(signal: NodeJS.Signals): Promise<void> {
    await postgres.stop()
    forget()
    removePostgres(folder)
    // Ends the program as it would have without us.
    process.kill(process.pid, signal)
  }
  let ending: Promise<void> | undefined
  function onSignal(signal: NodeJS.Signals): void {
    ending ??= end(signal)
  }
  function forget(): void {
    process.off('exit', onExit)
    for (const signal of signals) process.off(signal, onSignal)
  }
  process.on('exit', onExit)
  for (const signal of signals) process.on(signal, onSignal)

  return {
    ...postgres,
    async stop() {
      forget()
      await postgres.stop()
      removePostgres(folder)
    },
  }
}

/** Removes the folder of an embedded PostgreSQL that has stopped, wherever its data lies. */
export function removePostgres(folder: string): void {
  // The shelter first: the folder names it.
  for (const path of [shelterNamedIn(folder), folder]) {
    if (path !== undefined) rmSync(path, { recursive: true, force: true })
  }
}
