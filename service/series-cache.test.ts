import { generateBars } from '@tapescope/engine'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { type Database, openDatabase, type Queryable } from './database.ts'
import type { EmbeddedPostgres } from './embedded-postgres.ts'
import { migrate } from './migrate.ts'
import { createSeriesCache, type SeriesCache } from './series-cache.ts'
import { storeBars } from './store-bars.ts'
import { startTemporaryPostgres } from './temporary-postgres.ts'

let postgres: EmbeddedPostgres
let database: Database
/** The same database, as one who counts what is read of it. */
let counted: Queryable
let reads = 0
let cache: SeriesCache

const key = { symbol: 'AAA', timeframe: '1d' } as const
const bytesOf = (bars: number) => bars * 48

beforeAll(async () => {
  postgres = await startTemporaryPostgres()
  await migrate(postgres.url)
  database = openDatabase({ url: postgres.url })
  counted = {
    query: (statement) => {
      if (statement.name === 'bars.load') reads++
      return database.query(statement)
    },
    execute: (statement) => database.execute(statement),
  }
})
afterAll(async () => {
  await database.close()
  await postgres.stop()
})
beforeEach(async () => {
  await execute('TRUNCATE ohlcv_bars')
  for (const symbol of ['AAA', 'BBB'])
    await storeBars(database, generateBars({ seed: 1, length: 100, symbol }).bars)
  cache = createSeriesCache()
  reads = 0
})

function execute(text: string): Promise<number> {
  return database.execute({ name: `test.${text.slice(0, 30)}`, text })
}

test('unchanged bars are read once, by all who ask at the same time and after', async () => {
  const [one, other] = await Promise.all([cache.load(counted, key), cache.load(counted, key)])
  expect(other.bars).toBe(one.bars)
  expect((await cache.load(counted, key)).bars).toBe(one.bars)
  expect(one.bars.length).toBe(100)
  expect(one.bars.close.buffer).toBeInstanceOf(SharedArrayBuffer)
  expect(reads).toBe(1)
})

test.each([
  ['a correction', "UPDATE ohlcv_bars SET volume = volume + 1 WHERE symbol = 'AAA'", 100],
  ['a removed bar', "DELETE FROM ohlcv_bars WHERE symbol = 'AAA' AND timestamp < '2000-01-02'", 99],
  [
    'a bar that moves away',
    "UPDATE ohlcv_bars SET symbol = 'CCC' WHERE symbol = 'AAA' AND timestamp < '2000-01-02'",
    99,
  ],
  ['a table emptied', 'TRUNCATE ohlcv_bars', 0],
])('%s by whomever is seen at once', async (_, statement, length) => {
  await cache.load(counted, key)
  const { revision } = await cache.load(counted, key)
  await execute(statement)
  const after = await cache.load(counted, key)
  expect(after.bars.length).toBe(length)
  expect(BigInt(after.revision)).toBeGreaterThan(BigInt(revision))
  expect(reads).toBe(2)
})

test('new bars are seen at once; the same bars again and those of others change nothing', async () => {
  await cache.load(counted, key)
  await storeBars(database, generateBars({ seed: 1, length: 100, symbol: 'AAA' }).bars)
  await storeBars(database, generateBars({ seed: 1, length: 120, symbol: 'BBB' }).bars)
  expect((await cache.load(counted, key)).bars.length).toBe(100)
  expect(reads).toBe(1)
  await storeBars(database, generateBars({ seed: 1, length: 120, symbol: 'AAA' }).bars)
  expect((await cache.load(counted, key)).bars.length).toBe(120)
  expect(reads).toBe(2)
})

test('bars that are not committed are not seen', async () => {
  await cache.load(counted, key)
  await database.transaction(async (transaction) => {
    await transaction.execute({ name: 'test.delete', text: "DELETE FROM ohlcv_bars WHERE symbol = 'AAA'" })
    expect((await cache.load(counted, key)).bars.length).toBe(100)
  })
  expect((await cache.load(counted, key)).bars.length).toBe(0)
})

test('the least recent series goes when there is no room', async () => {
  const small = createSeriesCache(bytesOf(150))
  await small.load(counted, key)
  await small.load(counted, { symbol: 'BBB', timeframe: '1d' })
  await small.load(counted, { symbol: 'BBB', timeframe: '1d' })
  expect(reads).toBe(2)
  await small.load(counted, key)
  expect(reads).toBe(3)
})

test('a read that failed is tried again', async () => {
  const broken: Queryable = {
    ...counted,
    query: (statement) =>
      statement.name === 'bars.load' ? Promise.reject(new Error('lost')) : counted.query(statement),
  }
  await expect(cache.load(broken, key)).rejects.toThrow('lost')
  expect((await cache.load(counted, key)).bars.length).toBe(100)
})
