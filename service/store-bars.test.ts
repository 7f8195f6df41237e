import { type Bar, type BarSeries, parseBarsCsv, readBars, VolumeAnalysis } from '@tapescope/engine'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Database, openDatabase } from './database.ts'
import type { EmbeddedPostgres } from './embedded-postgres.ts'
import { loadBars } from './load-bars.ts'
import { migrate } from './migrate.ts'
import { readRealBarsCsv } from './real-bars.ts'
import { storeBars } from './store-bars.ts'
import { startTemporaryPostgres } from './temporary-postgres.ts'

const { bars: real } = parseBarsCsv(await readRealBarsCsv(), { symbol: 'SPX', timeframe: '1d' })

let postgres: EmbeddedPostgres
let database: Database

beforeAll(async () => {
  postgres = await startTemporaryPostgres()
  await migrate(postgres.url)
  database = openDatabase({ url: postgres.url })
})
afterAll(async () => {
  await database.close()
  await postgres.stop()
})
beforeEach(() => database.execute({ name: 'test.empty', text: 'DELETE FROM ohlcv_bars' }))

const key = { symbol: 'SPX', timeframe: '1d' } as const

function cut(bars: BarSeries, first: number, end: number): BarSeries {
  const rows: Bar[] = []
  for (let i = first; i < end; i++) {
    rows.push({
      time: bars.time[i],
      open: bars.open[i],
      high: bars.high[i],
      low: bars.low[i],
      close: bars.close[i],
      volume: bars.volume[i],
    })
  }
  return readBars(rows, { symbol: bars.symbol, timeframe: bars.timeframe }).bars
}

async function ratios() {
  const rows = await database.query<{ v: number | null; s: number | null }>({
    name: 'test.ratios',
    text: 'SELECT volume_ratio::FLOAT8 AS v, spread_ratio::FLOAT8 AS s FROM ohlcv_bars ORDER BY timestamp',
  })
  return rows
}

describe('storeBars', () => {
  it('stores each bar of the S&P 500 once, to be loaded as it was', async () => {
    expect(real.length).toBe(5105)
    const { changedFrom, ...counts } = await storeBars(database, real)
    expect(counts).toEqual({ inserted: 5105, updated: 0, unchanged: 0 })
    expect(changedFrom).toBe(real.time[0])
    const loaded = await loadBars(database, key)
    for (const column of ['time', 'open', 'high', 'low', 'close', 'volume'] as const) {
      expect(loaded[column]).toEqual(Float64Array.from(real[column]))
    }
    expect(await storeBars(database, real)).toEqual({
      inserted: 0,
      updated: 0,
      unchanged: 5105,
      changedFrom: null,
    })
  })

  it('gives every way of storing the same ratios, null for the first 20 bars', async () => {
    await storeBars(database, cut(real, 200, 300))
    await storeBars(database, cut(real, 0, 90))
    await storeBars(database, cut(real, 80, 210))
    const analysis = new VolumeAnalysis(300)
    analysis.run(cut(real, 0, 300), 0, 300)
    const stored = await ratios()
    expect(stored.map(({ v, s }) => v !== null && s !== null)).toEqual(
      Array.from({ length: 300 }, (_, i) => i >= 20),
    )
    const errors = stored
      .slice(20)
      .flatMap(({ v, s }, k) => [v! - analysis.volumeRatio[k + 20], s! - analysis.spreadRatio[k + 20]])
    expect(Math.max(...errors.map(Math.abs))).toBeLessThan(0.000051)
    expect(Number.isNaN(analysis.volumeRatio[19])).toBe(true)
    expect(analysis.volumeRatio[20]).toBeGreaterThan(0)
  })

  it('replaces a bar, and says from where the series changed', async () => {
    await storeBars(database, cut(real, 0, 100))
    const before = await ratios()
    const changed = cut(real, 50, 60)
    changed.volume[3] = changed.volume[3] * 10
    expect(await storeBars(database, changed)).toEqual({
      inserted: 0,
      updated: 1,
      unchanged: 9,
      changedFrom: real.time[53],
    })
    const after = await ratios()
    const moved = after.flatMap(({ v }, i) => (v === before[i].v ? [] : [i]))
    expect(moved).toEqual(Array.from({ length: 21 }, (_, k) => 53 + k))
  })

  it('refuses what the columns cannot hold, and stores nothing of it', async () => {
    const huge = cut(real, 0, 5)
    for (const name of ['open', 'high', 'low', 'close'] as const) huge[name][2] = 1e11
    await expect(storeBars(database, huge)).rejects.toThrow(/bar 2: open 100000000000 lies outside/)
    expect((await loadBars(database, key)).length).toBe(0)
  })

  it('loads a window', async () => {
    await storeBars(database, cut(real, 0, 100))
    const window = await loadBars(database, key, { from: real.time[10], to: real.time[19] })
    expect(window.time).toEqual(real.time.slice(10, 20))
  })
})
