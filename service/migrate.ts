import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client, type QueryConfig } from 'pg'
import { StartError } from './start-error.ts'

const folder = join(import.meta.dirname, 'migrations')
/** Any constant of ours: whoever migrates this database holds it. */
const lock = 7_461_706_573

/** Names of all migrations, oldest first. */
export const migrations = readdirSync(folder)
  .filter((file) => file.endsWith('.up.sql'))
  .map((file) => file.slice(0, -'.up.sql'.length))
  .sort()

/**
 * Brings the database to the newest migration; several processes may do so at once. Idempotent.
 * @returns the names applied now
 */
export function migrate(url: string): Promise<string[]> {
  return whileLocked(url, async (client, applied) => {
    const unknown = applied.filter((name) => !migrations.includes(name))
    if (unknown.length > 0) {
      throw new StartError(
        `The database is newer than this Tapescope (it has migration ${unknown[0]}): update Tapescope.`,
      )
    }
    const missing = migrations.filter((name) => !applied.includes(name))
    for (const name of missing) {
      await apply(client, readFileSync(join(folder, `${name}.up.sql`), 'utf8'), {
        text: 'INSERT INTO tapescope_meta.migrations (name) VALUES ($1)',
        values: [name],
      })
    }
    return missing
  })
}

/** Undoes every migration: all tables and their rows are gone. */
export function migrateDownToEmpty(url: string): Promise<string[]> {
  return whileLocked(url, async (client, applied) => {
    const newestFirst = [...applied].sort().reverse()
    for (const name of newestFirst) {
      await apply(client, readFileSync(join(folder, `${name}.down.sql`), 'utf8'), {
        text: 'DELETE FROM tapescope_meta.migrations WHERE name = $1',
        values: [name],
      })
    }
    await client.query('DROP TABLE tapescope_meta.migrations; DROP SCHEMA tapescope_meta')
    return newestFirst
  })
}

async function whileLocked<Result>(
  url: string,
  work: (client: Client, applied: string[]) => Promise<Result>,
): Promise<Result> {
  const client = new Client({ connectionString: url, application_name: 'tapescope-migrate' })
  client.on('error', () => undefined)
  await client.connect()
  try {
    // Polled: a session that waits inside pg_advisory_lock holds a snapshot, and CREATE INDEX CONCURRENTLY, run by
    // the one who has the lock, would wait for it for ever.
    for (;;) {
      const { rows } = await client.query<{ mine: boolean }>('SELECT pg_try_advisory_lock($1) AS mine', [
        lock,
      ])
      if (rows[0].mine) break
      await sleep(100)
    }
    // Not named after a user: a schema of the user's name would come before "public" in the search path.
    await client.query(`
      CREATE SCHEMA IF NOT EXISTS tapescope_meta;
      CREATE TABLE IF NOT EXISTS tapescope_meta.migrations (
        name TEXT PRIMARY KEY,
        applied_at TIMESTAMPTZ NOT NULL DEFAULT now()
      )`)
    const { rows } = await client.query<{ name: string }>(
      'SELECT name FROM tapescope_meta.migrations ORDER BY name',
    )
    return await work(
      client,
      rows.map((row) => row.name),
    )
  } finally {
    await client.end()
  }
}

async function apply(client: Client, text: string, record: QueryConfig): Promise<void> {
  if (!text.startsWith('-- no transaction')) {
    await client.query('BEGIN')
    try {
      await client.query(text)
      await client.query(record)
      await client.query('COMMIT')
    } catch (error) {
      await client.query('ROLLBACK')
      throw error
    }
    return
  }
  await dropInvalidIndexes(client)
  for (const statement of text.split(/;\s*$/m)) {
    if (/^\s*[A-Z]/m.test(statement)) await client.query(statement)
  }
  await client.query(record)
}

/** A build that was killed leaves an index that IF NOT EXISTS takes for done. */
async function dropInvalidIndexes(client: Client): Promise<void> {
  const { rows } = await client.query<{ name: string }>(`
    SELECT format('%I', relname) AS name FROM pg_index
    JOIN pg_class ON pg_class.oid = indexrelid
    WHERE NOT indisvalid AND relname LIKE 'idx\\_%'`)
  for (const { name } of rows) await client.query(`DROP INDEX CONCURRENTLY IF EXISTS ${name}`)
}
