import { Readable } from 'node:stream'
import { type Bar, type BarSeries, VolumeAnalysis } from '@tapescope/engine'
import type { Database, Transaction } from './database.ts'
import { queryBars, type SeriesKey } from './load-bars.ts'

export interface StoredBars {
  inserted: number
  updated: number
  unchanged: number
  /** Open time of the earliest bar that is new or different, epoch ms; null when nothing changed. */
  changedFrom: number | null
}

/** Bars before a bar that its ratios are measured against (docs: volume analysis). */
const volumeWindow = 20

/** Rows per transaction: memory stays flat however many there are. */
const chunk = 5_000

/** Why a faultless bar does not fit the table's columns; null when it does. */
export function storageFault(bar: Bar): string | null {
  if (bar.time < Date.UTC(1900, 0) || bar.time >= Date.UTC(2200, 0)) {
    return `time ${bar.time} lies outside the years 1900 to 2199`
  }
  for (const name of ['open', 'high', 'low', 'close'] as const) {
    if (bar[name] >= 1e10 || bar[name] < 1e-8)
      return `${name} ${bar[name]} lies outside 0.00000001 to 10000000000`
  }
  return bar.volume >= 1e16 ? `volume ${bar.volume} is 10000000000000000 or more` : null
}

/**
 * Stores bars (oldest first, faultless) with their volume and spread ratios. The same bars again change nothing;
 * a bar with a stored time replaces it, and the ratios of the 20 bars after it are made anew.
 * @throws RangeError for a bar that `storageFault` refuses; nothing of its chunk is stored
 */
export async function storeBars(database: Database, bars: BarSeries): Promise<StoredBars> {
  const total: StoredBars = { inserted: 0, updated: 0, unchanged: 0, changedFrom: null }
  for (let first = 0; first < bars.length; first += chunk) {
    const rows = rowsOf(bars, first, Math.min(bars.length, first + chunk))
    const part = await database.transaction((transaction) => storeChunk(transaction, bars, rows))
    total.inserted += part.inserted
    total.updated += part.updated
    total.unchanged += part.unchanged
    total.changedFrom ??= part.changedFrom
  }
  return total
}

async function storeChunk(transaction: Transaction, key: SeriesKey, rows: Bar[]): Promise<StoredBars> {
  // One writer per series: what is compared below stays true until the commit.
  await transaction.query({
    name: 'bars.lock',
    text: 'SELECT pg_advisory_xact_lock(hashtextextended($1, 0))',
    values: [`bars ${key.symbol} ${key.timeframe}`],
  })
  const stored = await queryBars(transaction, key, 'bars.around', [
    `(SELECT * FROM ohlcv_bars WHERE symbol = $1 AND timeframe = $2 AND timestamp < to_timestamp($3::FLOAT8 / 1000)
        ORDER BY timestamp DESC LIMIT ${volumeWindow})
     UNION ALL (SELECT * FROM ohlcv_bars WHERE symbol = $1 AND timeframe = $2
        AND timestamp >= to_timestamp($3::FLOAT8 / 1000) AND timestamp <= to_timestamp($4::FLOAT8 / 1000))
     UNION ALL (SELECT * FROM ohlcv_bars WHERE symbol = $1 AND timeframe = $2
        AND timestamp > to_timestamp($4::FLOAT8 / 1000) ORDER BY timestamp LIMIT ${volumeWindow})`,
    [rows[0].time, rows.at(-1)!.time],
  ])
  const merged = merge(rowsOf(stored, 0, stored.length), rows)
  const count = { inserted: 0, updated: 0, unchanged: 0, changedFrom: null as number | null }
  for (const { state, bar } of merged) {
    if (state === 'context') continue
    count[state]++
    if (state !== 'unchanged') count.changedFrom ??= bar.time
  }
  if (count.changedFrom !== null) await write(transaction, key, merged)
  return count
}

type MergedBar = { bar: Bar; state: 'context' | 'inserted' | 'updated' | 'unchanged' }

function merge(stored: Bar[], incoming: Bar[]): MergedBar[] {
  const byTime = new Map<number, MergedBar>(
    stored.map((bar) => [bar.time, { bar, state: 'context' as const }]),
  )
  for (const bar of incoming) {
    const old = byTime.get(bar.time)?.bar
    const state = old === undefined ? 'inserted' : sameBar(old, bar) ? 'unchanged' : 'updated'
    byTime.set(bar.time, { bar, state })
  }
  return [...byTime.values()].sort((a, b) => a.bar.time - b.bar.time)
}

function sameBar(a: Bar, b: Bar): boolean {
  return (
    a.open === b.open && a.high === b.high && a.low === b.low && a.close === b.close && a.volume === b.volume
  )
}

/** Writes the changed bars, and the bars whose ratios a changed bar takes part in. */
async function write(transaction: Transaction, key: SeriesKey, merged: MergedBar[]): Promise<void> {
  const ratios = new VolumeAnalysis(merged.length)
  ratios.run(seriesOf(key, merged), 0, merged.length)
  const symbol = key.symbol.replaceAll('\\', '\\\\')

  function* lines(): Generator<string> {
    let stale = 0
    for (const [i, { bar, state }] of merged.entries()) {
      if (state === 'inserted' || state === 'updated') stale = volumeWindow + 1
      if (stale === 0) continue
      stale--
      yield (
        `${symbol}\t${key.timeframe}\t${new Date(bar.time).toISOString()}\t${bar.open}\t${bar.high}\t` +
          `${bar.low}\t${bar.close}\t${bar.volume}\t${ratioText(ratios.spreadRatio[i])}\t` +
          `${ratioText(ratios.volumeRatio[i])}\n`
      )
    }
  }

  await transaction.execute({
    name: 'bars.stage',
    text: `CREATE TEMP TABLE IF NOT EXISTS arriving_bars (symbol TEXT, timeframe TEXT, timestamp TIMESTAMPTZ,
      open NUMERIC, high NUMERIC, low NUMERIC, close NUMERIC, volume NUMERIC, spread_ratio NUMERIC,
      volume_ratio NUMERIC) ON COMMIT DELETE ROWS`,
  })
  await transaction.copyInto('arriving_bars', Readable.from(batches(lines(), 500)))
  await transaction.execute({
    name: 'bars.upsert',
    text: `INSERT INTO ohlcv_bars (symbol, timeframe, timestamp, open, high, low, close, volume, spread_ratio, volume_ratio)
      SELECT * FROM arriving_bars ORDER BY timestamp
      ON CONFLICT (symbol, timeframe, timestamp) DO UPDATE SET open = EXCLUDED.open, high = EXCLUDED.high,
        low = EXCLUDED.low, close = EXCLUDED.close, volume = EXCLUDED.volume,
        spread_ratio = EXCLUDED.spread_ratio, volume_ratio = EXCLUDED.volume_ratio`,
  })
}

function* batches(lines: Iterable<string>, size: number): Generator<string> {
  let text = ''
  let count = 0
  for (const line of lines) {
    text += line
    if (++count % size !== 0) continue
    yield text
    text = ''
  }
  if (text !== '') yield text
}

/** NUMERIC(10,4) ends below a million; a ratio beyond it is told as the largest there is. */
function ratioText(ratio: number): string {
  return Number.isNaN(ratio) ? '\\N' : String(Math.min(ratio, 999_999.9999))
}

/** Rounded as the columns round, so that a bar compares equal to itself as stored. */
function rowsOf(bars: BarSeries, first: number, end: number): Bar[] {
  const rows: Bar[] = []
  for (let i = first; i < end; i++) {
    const bar = {
      time: bars.time[i],
      open: rounded(bars.open[i]),
      high: rounded(bars.high[i]),
      low: rounded(bars.low[i]),
      close: rounded(bars.close[i]),
      volume: rounded(bars.volume[i]),
    }
    const fault = storageFault(bar)
    if (fault !== null) throw new RangeError(`bar ${i}: ${fault}`)
    rows.push(bar)
  }
  return rows
}

function rounded(value: number): number {
  return Number(value.toFixed(8))
}

function seriesOf({ symbol, timeframe }: SeriesKey, merged: MergedBar[]): BarSeries {
  const column = (name: keyof Bar) => Float64Array.from(merged, ({ bar }) => bar[name])
  return {
    symbol,
    timeframe,
    length: merged.length,
    time: column('time'),
    open: column('open'),
    high: column('high'),
    low: column('low'),
    close: column('close'),
    volume: column('volume'),
  }
}
