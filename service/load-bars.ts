import type { BarSeries, Timeframe } from '@tapescope/engine'
import type { Queryable } from './database.ts'

/** Largest number of bars per answer, so that each stays far below the time limit of a statement. */
const chunk = 50_000

/** Length of a bar in ms. */
export const barMs: Readonly<Record<Timeframe, number>> = {
  '1m': 60_000,
  '5m': 300_000,
  '15m': 900_000,
  '1h': 3_600_000,
  '4h': 14_400_000,
  '1d': 86_400_000,
  '1w': 604_800_000,
}

export interface SeriesKey {
  symbol: string
  timeframe: Timeframe
}

interface ColumnsRow {
  length: number
  time: Buffer | null
  open: Buffer | null
  high: Buffer | null
  low: Buffer | null
  close: Buffer | null
  volume: Buffer | null
}

/**
 * The select list that packs ordered rows of `bars` into one Float64 column each: twice as fast as rows, and
 * nothing is parsed. Needs `FROM (...) AS bars`.
 */
const columnsOfBars = ['(extract(epoch FROM timestamp) * 1000)', 'open', 'high', 'low', 'close', 'volume']
  .map((expression, k) => {
    const name = ['time', 'open', 'high', 'low', 'close', 'volume'][k]
    return `string_agg(float8send(${expression}::FLOAT8), '' ORDER BY timestamp) AS ${name}`
  })
  .join(', ')

/** Bars of a series, oldest first, with open times in `from <= time <= to` (epoch ms), as stored. */
export async function loadBars(
  database: Queryable,
  { symbol, timeframe }: SeriesKey,
  { from = -1e13, to = 1e13 }: { from?: number; to?: number } = {},
): Promise<BarSeries> {
  const parts: BarSeries[] = []
  let after = from - 1
  for (;;) {
    const part = await queryBars(database, { symbol, timeframe }, 'bars.load', [
      `SELECT * FROM ohlcv_bars WHERE symbol = $1 AND timeframe = $2
       AND timestamp > to_timestamp($3::FLOAT8 / 1000) AND timestamp <= to_timestamp($4::FLOAT8 / 1000)
       ORDER BY timestamp LIMIT ${chunk}`,
      [after, to],
    ])
    parts.push(part)
    if (part.length < chunk) return joined(symbol, timeframe, parts)
    after = part.time[part.length - 1]!
  }
}

/** The bars that `select` finds; its first two parameters are symbol and timeframe. */
export async function queryBars(
  database: Queryable,
  { symbol, timeframe }: SeriesKey,
  name: string,
  [select, values]: [string, unknown[]],
): Promise<BarSeries> {
  const [row] = await database.query<ColumnsRow>({
    name,
    text: `SELECT count(*)::INT AS length, ${columnsOfBars} FROM (${select}) AS bars`,
    values: [symbol, timeframe, ...values],
  })
  const { length, time, open, high, low, close, volume } = row
  return {
    symbol,
    timeframe,
    length,
    time: floats(time),
    open: floats(open),
    high: floats(high),
    low: floats(low),
    close: floats(close),
    volume: floats(volume),
  }
}

/** PostgreSQL sends big-endian; a fresh buffer also gives the alignment that a Float64Array needs. */
function floats(bytes: Buffer | null): Float64Array {
  const copy = Buffer.alloc(bytes?.length ?? 0)
  bytes?.copy(copy)
  copy.swap64()
  return new Float64Array(copy.buffer, copy.byteOffset, copy.length / 8)
}

function joined(symbol: string, timeframe: Timeframe, parts: BarSeries[]): BarSeries {
  if (parts.length === 1) return parts[0]
  const length = parts.reduce((sum, part) => sum + part.length, 0)
  const column = (name: 'time' | 'open' | 'high' | 'low' | 'close' | 'volume') => {
    const whole = new Float64Array(length)
    let at = 0
    for (const part of parts) {
      whole.set(part[name], at)
      at += part.length
    }
    return whole
  }
  return {
    symbol,
    timeframe,
    length,
    time: column('time'),
    open: column('open'),
    high: column('high'),
    low: column('low'),
    close: column('close'),
    volume: column('volume'),
  }
}
