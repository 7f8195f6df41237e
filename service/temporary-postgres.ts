import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type EmbeddedPostgres, startEmbeddedPostgres } from './embedded-postgres.ts'
import { shelterNamedIn } from './postgres-place.ts'

/** A PostgreSQL of one's own for tests and benchmarks; `stop` removes everything it made. */
export async function startTemporaryPostgres(
  settings: Record<string, string> = { fsync: 'off' },
): Promise<EmbeddedPostgres> {
  const folder = mkdtempSync(join(tmpdir(), 'tapescope-postgres-'))
  // As root, PostgreSQL runs as somebody else, who must be able to enter.
  chmodSync(folder, 0o755)
  const postgres = await startEmbeddedPostgres({ folder, settings })
  return {
    ...postgres,
    async stop() {
      await postgres.stop()
      removePostgres(folder)
    },
  }
}

/** Removes the folder of an embedded PostgreSQL that has stopped, wherever its data lies. */
export function removePostgres(folder: string): void {
  const shelter = shelterNamedIn(folder)
  for (const path of [folder, shelter]) {
    if (path !== undefined) rmSync(path, { recursive: true, force: true })
  }
}
