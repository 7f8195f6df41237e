import { performance } from 'node:perf_hooks'
import type { Readable, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { Client, DatabaseError, Pool, type PoolClient, types } from 'pg'
import { from as copyFrom } from 'pg-copy-streams'
import { patienceLeft, spendPatience } from './patience.ts'
import { observePool } from '@tapescope/sdk'
import { StartError } from './start-error.ts'

/** A statement by name: the name is its prepared statement's and its span's. Values never reach either. */
export interface Statement {
  readonly name: string
  readonly text: string
  readonly values?: readonly unknown[]
}

export interface Queryable {
  query<Row>(statement: Statement): Promise<Row[]>
  /** Number of rows that an INSERT, UPDATE or DELETE touched. */
  execute(statement: Statement): Promise<number>
}

export interface Transaction extends Queryable {
  /** Streams text-format rows into `COPY target FROM STDIN`. `target` is our own text, never a user's. */
  copyInto(target: string, rows: Readable): Promise<void>
}

export interface Database extends Queryable {
  /** Runs `work` in a transaction; its error rolls back and is thrown on. */
  transaction<Result>(work: (transaction: Transaction) => Promise<Result>): Promise<Result>
  pool(): { total: number; idle: number; waiting: number }
  close(): Promise<void>
}

export type QueryType = 'SELECT' | 'INSERT' | 'UPDATE' | 'DELETE' | 'COPY'

interface DatabaseOptions {
  url: string
  applicationName?: string
  maxConnections?: number
  /** Called once per statement with its duration; must not throw. */
  onQuery?: (type: QueryType, seconds: number, statement: string) => void
  /** A connection broke while idle; the pool has already replaced it. */
  onConnectionError?: (error: Error) => void
}

/** Together they keep an unreachable, frozen or slow database below the 3 s within which a request must be answered. */
export const databaseDefaults = {
  maxConnections: 10,
  connectMs: 1_000,
  queryMs: 1_700,
  recycleSeconds: 3_600,
}

/** The database cannot answer now; the same request may succeed later. */
export class DatabaseUnavailable extends Error {
  override readonly name = 'DatabaseUnavailable'
}

export function openDatabase(options: DatabaseOptions): Database {
  const pool = new Pool({
    connectionString: options.url,
    application_name: options.applicationName ?? 'tapescope',
    max: options.maxConnections ?? databaseDefaults.maxConnections,
    maxLifetimeSeconds: databaseDefaults.recycleSeconds,
    connectionTimeoutMillis: databaseDefaults.connectMs,
    query_timeout: databaseDefaults.queryMs,
    keepAlive: true,
    types: { getTypeParser: parserOf },
  })
  // Without a listener a broken idle connection would end the process.
  const stopObserving = observePool(options.applicationName ?? 'tapescope', pool)
  pool.on('error', (error) => options.onConnectionError?.(error))

  async function timed<Result>(type: QueryType, name: string, work: () => Promise<Result>): Promise<Result> {
    const started = performance.now()
    try {
      return await work()
    } catch (error) {
      throw isUnavailable(error)
        ? new DatabaseUnavailable(`the database did not answer ${name}`, { cause: error })
        : error
    } finally {
      const tookMs = performance.now() - started
      spendPatience(tookMs)
      options.onQuery?.(type, tookMs / 1e3, name)
    }
  }

  function run(on: Pool | PoolClient, { name, text, values = [] }: Statement) {
    const statement = { name, text, values: [...values], query_timeout: statementMs(name) }
    return timed(queryType(text), name, () => on.query(statement))
  }

  async function transaction<Result>(work: (transaction: Transaction) => Promise<Result>): Promise<Result> {
    const client = await timed('SELECT', 'connect', () => pool.connect())
    // The pool listens only while a client is idle.
    const onError = () => undefined
    client.on('error', onError)
    let broken: Error | undefined
    try {
      await run(client, { name: 'begin', text: 'BEGIN' })
      const result = await work({
        query: async <Row>(statement: Statement) => (await run(client, statement)).rows as Row[],
        execute: async (statement) => (await run(client, statement)).rowCount ?? 0,
        copyInto: (target, rows) =>
          timed('COPY', 'copy', async () => {
            const into = client.query(copyFrom(`COPY ${target} FROM STDIN`)) as Writable
            // pg's own time limit does not hold for a stream.
            await pipeline(rows, into, { signal: AbortSignal.timeout(statementMs('copy')) })
          }),
      })
      await run(client, { name: 'commit', text: 'COMMIT' })
      return result
    } catch (error) {
      // A connection that did not answer is thrown away: to wait for its ROLLBACK would double the wait.
      if (error instanceof DatabaseUnavailable) broken = error
      else await client.query('ROLLBACK').catch((failure: Error) => (broken = failure))
      throw error
    } finally {
      client.off('error', onError)
      client.release(broken)
    }
  }

  let closing: Promise<void> | undefined
  return {
    query: async <Row>(statement: Statement) => (await run(pool, statement)).rows as Row[],
    execute: async (statement) => (await run(pool, statement)).rowCount ?? 0,
    transaction,
    pool: () => ({ total: pool.totalCount, idle: pool.idleCount, waiting: pool.waitingCount }),
    close() {
      stopObserving()
      return (closing ??= pool.end())
    },
  }
}

/** Shorter ones could not even be sent. */
const leastStatementMs = 50

/** @throws DatabaseUnavailable when the request has waited for the database long enough */
function statementMs(name: string): number {
  const left = patienceLeft(databaseDefaults.queryMs)
  if (left < leastStatementMs) throw new DatabaseUnavailable(`the database was too slow to be asked ${name}`)
  return Math.round(left)
}

/**
 * Values as the API shows them: numbers (every NUMERIC of ours fits a float64), ISO 8601 times, days as text. The
 * rest as pg does it.
 */
const parsers: Record<number, (text: string) => unknown> = {
  [types.builtins.NUMERIC]: Number,
  [types.builtins.INT8]: Number,
  [types.builtins.DATE]: (text) => text,
  [types.builtins.TIMESTAMPTZ]: (text) => new Date(text).toISOString(),
}

function parserOf(oid: number, format?: 'text' | 'binary') {
  return (format !== 'binary' && parsers[oid]) || types.getTypeParser(oid, format)
}

/** Refuses a database that cannot be used, in a sentence that never holds the password. @throws StartError */
export async function checkDatabaseUrl(url: string): Promise<void> {
  let parsed: URL
  try {
    parsed = new URL(url)
  } catch {
    throw new StartError(
      'DATABASE_URL is not a URL: it must read postgres://user:password@host:port/database.',
    )
  }
  if (!/^postgres(ql)?:$/.test(parsed.protocol)) {
    throw new StartError(`DATABASE_URL must begin with postgres://, not ${parsed.protocol}//.`)
  }
  const where = `${parsed.host}${parsed.pathname}`
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 5_000 })
  client.on('error', () => undefined)
  try {
    await client.connect()
    const { rows } = await client.query<{ version: number }>(
      "SELECT current_setting('server_version_num')::INT AS version",
    )
    const version = rows[0].version
    if (version < 150_000) {
      throw new StartError(
        `The database at ${where} is PostgreSQL ${Math.floor(version / 10_000)}; Tapescope needs 15 or later.`,
      )
    }
  } catch (error) {
    if (error instanceof StartError) throw error
    const why = (error as NodeJS.ErrnoException).code ?? (error as Error).message
    throw new StartError(
      `The database of DATABASE_URL at ${where} cannot be used (${why}): ` +
        'start it or correct the URL; without DATABASE_URL an embedded PostgreSQL is started.',
      { cause: error },
    )
  } finally {
    await client.end().catch(() => undefined)
  }
}

/** SQLSTATE classes: connection, resources, operator intervention, system; and a standby that takes no writes. */
const unavailableStates = /^(08|53|57|58)|^25006$/
const unavailableMessages =
  /timeout exceeded when trying to connect|Query read timeout|Connection terminated|Client has encountered a connection error|not queryable/

function isUnavailable(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const { code } = error as NodeJS.ErrnoException
  if (error instanceof DatabaseError) return unavailableStates.test(code ?? '')
  return (
    error.name === 'AbortError' || /^E[A-Z]+$/.test(code ?? '') || unavailableMessages.test(error.message)
  )
}

function queryType(text: string): QueryType {
  // A WITH clause hides the verb that counts; the last one in the text is the statement's own.
  const verb = /^\s*WITH\b/i.test(text)
    ? text.match(/\b(SELECT|INSERT INTO|UPDATE|DELETE FROM)\b/gi)?.at(-1)
    : /^\s*(\w+)/.exec(text)?.[1]
  const word = verb?.split(' ')[0]?.toUpperCase()
  return word === 'INSERT' || word === 'UPDATE' || word === 'DELETE' || word === 'COPY' ? word : 'SELECT'
}
