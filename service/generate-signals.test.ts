import { createSignalEngine, generateBars, type SignalEngine } from '@tapescope/engine'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { type Database, DatabaseUnavailable, openDatabase } from './database.ts'
import type { EmbeddedPostgres } from './embedded-postgres.ts'
import { createSignalGeneration, type SignalGeneration } from './generate-signals.ts'
import { migrate } from './migrate.ts'
import { createSeriesCache } from './series-cache.ts'
import { storeBars } from './store-bars.ts'
import { startTemporaryPostgres } from './temporary-postgres.ts'

let postgres: EmbeddedPostgres
let database: Database
let generation: SignalGeneration
let analyses = 0
let statements: string[] = []

const key = { symbol: 'GEN', timeframe: '1d' } as const
const bars = (length: number) => generateBars({ seed: 3, length }).bars

function open(database: Database): SignalGeneration {
  const engine = createSignalEngine()
  const signalEngine: SignalEngine = {
    ...engine,
    generate(bars, options) {
      analyses++
      return engine.generate(bars, options)
    },
  }
  return createSignalGeneration({
    database,
    series: createSeriesCache(),
    engines: { live: signalEngine, replay: engine },
  })
}

beforeAll(async () => {
  postgres = await startTemporaryPostgres()
  await migrate(postgres.url)
  database = openDatabase({ url: postgres.url, onQuery: (_, __, name) => statements.push(name) })
})
afterAll(async () => {
  await database.close()
  await postgres.stop()
})
beforeEach(async () => {
  await database.execute({
    name: 'test.empty',
    text: 'TRUNCATE ohlcv_bars, signals, patterns, trading_ranges CASCADE',
  })
  await storeBars(database, bars(1_000))
  generation = open(database)
  analyses = 0
  statements = []
})

async function storedSignals(): Promise<number> {
  const [{ count }] = await database.query<{ count: number }>({
    name: 'test.count',
    text: 'SELECT count(*)::INT AS count FROM signals',
  })
  return count
}

test('a hundred at once share a few runs; each signal is new to one of them', async () => {
  const all = await Promise.all(Array.from({ length: 100 }, () => generation.generate(key, 'local')))
  const found = all.flatMap(({ newSignals }) => newSignals)
  expect(new Set(found).size).toBe(found.length)
  expect(found.length).toBe(await storedSignals())
  expect(found.length).toBeGreaterThan(0)
  expect(analyses).toBeLessThanOrEqual(2)
  for (const { report } of all) expect(report.totals).toEqual(all[0].report.totals)
})

test('the same bars again are analysed, and nothing is written', async () => {
  await generation.generate(key, 'local')
  statements = []
  const { newSignals, report } = await generation.generate(key, 'local')
  expect(newSignals).toEqual([])
  expect(report.totals.signals).toBeGreaterThan(0)
  expect(analyses).toBe(2)
  expect(statements).toEqual(['bars.revision', 'signals.count'])
})

test('new bars are stored, also by another process', async () => {
  const { report: before } = await generation.generate(key, 'local')
  await open(database).generate(key, 'local')
  await storeBars(database, bars(2_000))
  const { newSignals, report } = await generation.generate(key, 'local')
  expect(report.bars).toBe(2_000)
  expect(newSignals.length).toBe(report.totals.signals - before.totals.signals)
  expect(newSignals.length).toBeGreaterThan(0)
})

test('a long series is stored in slices, and after new bars only those that changed', async () => {
  const long = bars(60_000)
  await storeBars(database, long)
  statements = []
  const first = await generation.generate(key, 'local')
  const counted = (name: string) => statements.filter((one) => one === name).length
  expect(first.report.totals.ranges).toBeGreaterThan(500)
  const slices = { ranges: counted('ranges.upsert'), patterns: counted('patterns.upsert') }
  expect(slices).toEqual({
    ranges: Math.ceil(first.report.totals.ranges / 500),
    patterns: Math.ceil(first.report.totals.patterns / 500),
  })
  expect(await storedSignals()).toBe(first.report.totals.signals)

  await storeBars(database, bars(61_000))
  statements = []
  const second = await generation.generate(key, 'local')
  expect(counted('ranges.upsert')).toBeLessThan(slices.ranges)
  expect(await storedSignals()).toBe(second.report.totals.signals)
  // Another process, which remembers nothing, finds nothing to change.
  expect((await open(database).generate(key, 'local')).newSignals).toEqual([])
  const [rows] = await database.query<{ ranges: number; patterns: number }>({
    name: 'test.rows',
    text: 'SELECT (SELECT count(*) FROM trading_ranges) AS ranges, (SELECT count(*) FROM patterns) AS patterns',
  })
  const { ranges, patterns } = second.report.totals
  expect(rows).toEqual({ ranges, patterns })
})

test('signals that somebody removed are stored again', async () => {
  const { newSignals: first } = await generation.generate(key, 'local')
  await database.execute({ name: 'test.remove', text: 'TRUNCATE signals, positions CASCADE' })
  const { newSignals } = await generation.generate(key, 'local')
  expect([...newSignals].sort()).toEqual([...first].sort())
})

test('who waits hears at once that the database is away', async () => {
  let asked = 0
  const away: Database = {
    ...database,
    async query() {
      asked++
      await new Promise((resolve) => setTimeout(resolve, 20))
      throw new DatabaseUnavailable('away')
    },
  }
  const generation = open(away)
  const symbols = Array.from({ length: 50 }, (_, i) => `S${i}`)
  const all = await Promise.allSettled(
    symbols.map((symbol) => generation.generate({ symbol, timeframe: '1d' }, 'local')),
  )
  expect(all.every(({ status }) => status === 'rejected')).toBe(true)
  expect(asked).toBeLessThan(20)
})
