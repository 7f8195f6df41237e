import { createBacktestEngine, createSignalEngine } from '@tapescope/engine'
import type { Hono } from 'hono'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { setTimeout as sleep } from 'node:timers/promises'
import { readApiKeys } from './api-keys.ts'
import { createApp } from './app.ts'
import { createBacktestRunner } from './backtest-runner.ts'
import { type Database, openDatabase } from './database.ts'
import type { EmbeddedPostgres } from './embedded-postgres.ts'
import { migrate, migrations } from './migrate.ts'
import { createRateLimit } from './rate-limit.ts'
import { startTemporaryPostgres } from './temporary-postgres.ts'

let postgres: EmbeddedPostgres
let database: Database
let app: Hono
const maxConnections = 3

beforeAll(async () => {
  postgres = await startTemporaryPostgres()
  await migrate(postgres.url)
  database = openDatabase({ url: postgres.url, maxConnections })
  const backtestEngine = createBacktestEngine()
  app = createApp({
    database,
    signalEngine: createSignalEngine(),
    replayEngine: createSignalEngine(),
    backtestEngine,
    runner: createBacktestRunner(database, backtestEngine, () => undefined, 1),
    version: '0.0.0',
    startedAt: 0,
    guard: {
      keys: readApiKeys(undefined),
      rateLimit: createRateLimit({ perSecond: 1e6, burst: 1e6 }),
      allowedOrigins: [],
    },
    ready: { migrations: migrations.length, worker: () => true },
    metrics: () => new Response(''),
    log: () => undefined,
    signalsChanged: () => Promise.resolve(),
    barsStored: () => Promise.resolve(),
  })
})
afterAll(async () => {
  await database.close()
  await postgres.stop()
})
beforeEach(async () => {
  if (!(await recovered())) throw new Error('the database did not recover from the test before')
})

let day = 0
/** Stores one bar more and answers with the status and how long it took. */
async function storeBar(): Promise<{ status: number; seconds: number; retryAfter: string | null }> {
  const started = performance.now()
  const response = await app.request('/api/v1/bars', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      symbol: 'F',
      timeframe: '1d',
      bars: [{ timestamp: day++ * 86_400_000 + 1e12, open: 1, high: 1, low: 1, close: 1, volume: 1 }],
    }),
  })
  return {
    status: response.status,
    seconds: (performance.now() - started) / 1e3,
    retryAfter: response.headers.get('retry-after'),
  }
}

async function recovered(): Promise<boolean> {
  const deadline = Date.now() + 5_000
  while (Date.now() < deadline) {
    if ((await app.request('/readyz')).status === 200) return true
    await sleep(50)
  }
  return false
}

async function storedBars(): Promise<number> {
  const [row] = await database.query<{ count: number }>({
    name: 'test.count',
    text: "SELECT count(*) FROM ohlcv_bars WHERE symbol = 'F'",
  })
  return row.count
}

describe('when PostgreSQL', () => {
  it('is killed in the middle of requests: 503, then recovery, and nothing acknowledged is missing', async () => {
    let acknowledged = await storedBars()
    const statuses = new Set<number>()
    const first = postgres.pid()!
    let killed = false
    let after = 0
    const deadline = Date.now() + 20_000
    while (after < 5 && Date.now() < deadline) {
      const { status, seconds } = await storeBar()
      statuses.add(status)
      expect(seconds).toBeLessThan(3)
      if (status === 200) acknowledged++
      // The killed server's children may answer a little longer: only what the new one stored counts.
      if (postgres.pid() !== first && status === 200) after++
      if (!killed && acknowledged >= 5) {
        process.kill(first, 'SIGKILL')
        killed = true
      }
    }
    expect(after).toBe(5)
    expect([...statuses].filter((status) => status !== 200 && status !== 503)).toEqual([])
    // One that was cut off after its commit is stored without having been acknowledged: never the other way round.
    expect(await storedBars()).toBeGreaterThanOrEqual(acknowledged)
  })

  it('freezes: 503 with Retry-After within 3 s, and goes on when it does', async () => {
    const pid = postgres.pid()!
    await Promise.all(Array.from({ length: maxConnections }, storeBar))
    const children = await backends()
    for (const id of [pid, ...children]) process.kill(id, 'SIGSTOP')
    try {
      const answers = await Promise.all(Array.from({ length: 8 }, storeBar))
      for (const { status, seconds, retryAfter } of answers) {
        expect(status).toBe(503)
        expect(seconds).toBeLessThan(3)
        expect(Number(retryAfter)).toBeGreaterThan(0)
      }
      expect((await app.request('/readyz')).status).toBe(503)
      expect((await app.request('/healthz')).status).toBe(200)
    } finally {
      for (const id of [pid, ...children]) process.kill(id, 'SIGCONT')
    }
    expect(await recovered()).toBe(true)
    expect((await storeBar()).status).toBe(200)
  })

  it('ends every connection: requests get new ones at once', async () => {
    await database
      .query({
        name: 'test.terminate',
        text: 'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
      })
      .catch(() => undefined)
    // A connection whose end has not arrived yet may still be handed out: that request is told to come again.
    const statuses: number[] = []
    while (statuses.at(-1) !== 200 && statuses.length <= maxConnections)
      statuses.push((await storeBar()).status)
    expect(statuses.at(-1)).toBe(200)
    expect(statuses.filter((status) => status !== 200 && status !== 503)).toEqual([])
  })

  it('has no connection free: waits are bounded, the rest is told to come again', async () => {
    const release = new AbortController()
    const holders = Array.from({ length: maxConnections }, () =>
      database.transaction(async (transaction) => {
        await transaction.query({ name: 'test.hold', text: 'SELECT 1' })
        await sleep(10_000, undefined, { signal: release.signal }).catch(() => undefined)
      }),
    )
    await sleep(100)
    const { status, seconds } = await storeBar()
    release.abort()
    await Promise.all(holders)
    expect(status).toBe(503)
    expect(seconds).toBeLessThan(3)
    expect((await storeBar()).status).toBe(200)
  })
})

async function backends(): Promise<number[]> {
  const rows = await database.query<{ pid: number }>({
    name: 'test.backends',
    text: "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend'",
  })
  return rows.map(({ pid }) => pid)
}
