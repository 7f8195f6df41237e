import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Client } from 'pg'
import { type IndexQuery, indexQueries } from './index-queries.ts'
import { percentiles, type Percentiles } from './percentiles.ts'

export interface IndexMeasure {
  query: IndexQuery
  table: string
  /** Milliseconds, client side, awaited to the last row. */
  without: Percentiles
  with: Percentiles
  /** Ratio of the medians, without / with. */
  speedup: number
  /** Whether the plan names the index when it is there. */
  used: boolean
  plan: { without: string; with: string }
  bytes: number
  /** Added to the time of inserting rows, as a fraction; noise makes it negative at times. */
  insertCost: number
  /** Its table without any of the 29, and with this one of them only: what a claim of "n times as fast" may have meant. */
  alone: { none: Percentiles; only: Percentiles; speedup: number }
}

export interface Volume {
  name: string
  barsPerSymbol: number
  scale: number
}

/** Fills an empty, migrated database. */
export async function seed(client: Client, { barsPerSymbol, scale }: Volume): Promise<void> {
  const text = readFileSync(join(import.meta.dirname, 'seed.sql'), 'utf8')
  await client.query(text.replaceAll('$BARS', String(barsPerSymbol)).replaceAll('$SCALE', String(scale)))
}

/** Each index dropped and then present, the other 28 and the primary keys in place; then as the only one of its table's. */
export async function measureIndexes(client: Client, calls: number): Promise<IndexMeasure[]> {
  const measures: IndexMeasure[] = []
  for (const query of indexQueries) measures.push(await measureIndex(client, query, calls))
  return measures
}

async function measureIndex(client: Client, query: IndexQuery, calls: number): Promise<IndexMeasure> {
  const { rows } = await client.query<{ table: string; bytes: string }>(
    `SELECT tablename AS table, pg_relation_size(indexname::REGCLASS) AS bytes
     FROM pg_indexes WHERE indexname = $1`,
    [query.index],
  )
  const { table, bytes } = rows[0]
  const others = await client.query<{ name: string }>(
    `SELECT indexname AS name FROM pg_indexes WHERE tablename = $1 AND indexname LIKE 'idx\\_%' AND indexname <> $2`,
    [table, query.index],
  )
  const dropped = {
    with: [],
    without: [query.index],
    only: others.rows.map(({ name }) => name),
    none: [query.index, ...others.rows.map(({ name }) => name)],
  }
  const times = { with: [] as number[], without: [] as number[], only: [] as number[], none: [] as number[] }
  const inserts = { with: [] as number[], without: [] as number[] }
  const plan = { with: '', without: '' }
  // In turn, so that a slow spell of the machine meets both; rolled back, the index is there again at once.
  const inTurn = async <Side extends keyof typeof dropped>(
    sides: readonly Side[],
    measure: (side: Side) => Promise<void>,
  ) => {
    for (let round = 0; round < rounds; round++) {
      for (const side of sides) {
        await client.query('BEGIN')
        if (dropped[side].length > 0) await client.query(`DROP INDEX ${dropped[side].join(', ')}`)
        await measure(side)
        await client.query('ROLLBACK')
      }
    }
  }
  const sides = ['with', 'without'] as const
  await inTurn(sides, async (side) => {
    times[side].push(...(await timed(client, query.text, Math.ceil(calls / rounds))))
    plan[side] = await explain(client, query.text)
  })
  await inTurn(['only', 'none'], async (side) => {
    times[side].push(...(await timed(client, query.text, Math.ceil(calls / rounds))))
  })
  await inTurn(sides, async (side) => {
    inserts[side].push(await timedInsert(client, table))
  })
  // Rows rolled back stay behind dead, and the next index would be measured among them.
  await client.query(`VACUUM ANALYZE ${table}`)
  const present = percentiles(times.with)
  const absent = percentiles(times.without)
  const none = percentiles(times.none)
  const only = percentiles(times.only)
  return {
    query,
    table,
    without: absent,
    with: present,
    speedup: absent.p50 / present.p50,
    used: plan.with.includes(`${query.index} `),
    plan,
    bytes: Number(bytes),
    insertCost: percentiles(inserts.with).p50 / percentiles(inserts.without).p50 - 1,
    alone: { none, only, speedup: none.p50 / only.p50 },
  }
}

const rounds = 8

async function timed(client: Client, text: string, calls: number): Promise<number[]> {
  const times: number[] = []
  const warmUp = 5
  for (let call = -warmUp; call < calls; call++) {
    const started = performance.now()
    await client.query(text, [call + warmUp])
    if (call >= 0) times.push(performance.now() - started)
  }
  return times
}

async function explain(client: Client, text: string): Promise<string> {
  const { rows } = await client.query<{ 'QUERY PLAN': string }>(`EXPLAIN (ANALYZE, BUFFERS) ${text}`, [7])
  return rows.map((row) => row['QUERY PLAN']).join('\n')
}

/** Milliseconds of copying up to 500 rows of a table into itself under new keys; the caller rolls back. */
async function timedInsert(client: Client, table: string): Promise<number> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT attname AS name FROM pg_attribute WHERE attrelid = $1::REGCLASS AND attnum > 0 AND attgenerated = ''`,
    [table],
  )
  const names = rows.map(({ name }) => name)
  const values = names.map((name) => {
    if (name === 'id' || name === 'backtest_run_id') return 'gen_random_uuid()'
    if (table === 'campaigns' && name === 'campaign_id') return 'gen_random_uuid()::TEXT'
    if (table === 'ohlcv_bars' && name === 'timestamp') return "timestamp + INTERVAL '100 years'"
    return name
  })
  const started = performance.now()
  await client.query(
    `INSERT INTO ${table} (${names.join(', ')}) SELECT ${values.join(', ')} FROM ${table} LIMIT 500`,
  )
  return performance.now() - started
}
