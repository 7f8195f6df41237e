import { parseBarsCsv, parseTime, readBars, type Bar, type BarSeries } from '@tapescope/engine'
import { type Database, databaseDefaults, DatabaseUnavailable } from './database.ts'
import type { SeriesKey } from './load-bars.ts'
import { withPatience } from './patience.ts'
import { Problem } from './problem.ts'
import { storageFault, storeBars } from './store-bars.ts'
import type { Turns } from './turns.ts'

interface IngestResult {
  inserted: number
  updated: number
  unchanged: number
  rejected: { index: number; reason: string }[]
  rejected_count: number
  latest_timestamp: string | null
}

/** Rows taken together; also what memory is bounded by. */
const chunkRows = 10_000
/** Longest line of a stream, in characters. */
const lineLimit = 65_536
/** Rejected rows that are told one by one; the count is exact. */
const shownRejections = 1_000

/** Takes chunks of one upload, oldest bar first, and stores each. */
export class BarIngest {
  private readonly database: Database
  readonly key: SeriesKey
  private readonly turns: Turns
  private readonly waitMs: number
  private readonly total: IngestResult = {
    inserted: 0,
    updated: 0,
    unchanged: 0,
    rejected: [],
    rejected_count: 0,
    latest_timestamp: null,
  }
  private lastTime = Number.NEGATIVE_INFINITY
  private taken = 0

  /** At most `waitMs` is waited for a turn to store. */
  constructor(database: Database, key: SeriesKey, turns: Turns, waitMs: number) {
    this.database = database
    this.key = key
    this.turns = turns
    this.waitMs = waitMs
  }

  reject(index: number, reason: string): void {
    this.total.rejected_count++
    if (this.total.rejected.length < shownRejections) this.total.rejected.push({ index, reason })
  }

  /** Rows with their places in the upload. */
  async take(rows: readonly (Bar & { index: number })[]): Promise<void> {
    const { bars, rejected } = readBars(rows, { ...this.key, skipBad: true })
    for (const { row, reason } of rejected) this.reject(rows[row - 1].index, reason)
    const bad = new Set(rejected.map(({ row }) => row - 1))
    await this.store(
      bars,
      rows.flatMap(({ index }, i) => (bad.has(i) ? [] : [index])),
    )
  }

  /** Lines of CSV below `header`; the first of them is row `firstIndex` of the upload. */
  async takeCsv(header: string, lines: readonly string[], firstIndex: number): Promise<void> {
    const { bars, rejected } = parseBarsCsv([header, ...lines].join('\n'), { ...this.key, skipBad: true })
    const bad = new Set<number>()
    for (const { row, reason } of rejected) {
      // The header is row 1.
      bad.add(row - 2)
      this.reject(firstIndex + row - 2, reason)
    }
    await this.store(
      bars,
      lines.flatMap((line, i) => (bad.has(i) || line.trim() === '' ? [] : [firstIndex + i])),
    )
  }

  /** What became of all rows. @throws Problem 422 when not one was taken */
  done(): IngestResult {
    if (this.taken === 0) {
      const { rejected, rejected_count } = this.total
      throw new Problem(
        422,
        rejected_count === 0 ? 'There are no bars in it.' : `All ${rejected_count} bars were rejected.`,
        {
          errors: rejected
            .slice(0, 100)
            .map(({ index, reason }) => ({ path: `/bars/${index}`, message: reason })),
        },
      )
    }
    this.total.rejected.sort((a, b) => a.index - b.index)
    return this.total
  }

  private async inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const { symbol, timeframe } = this.key
    const release = await this.turns.take(`${timeframe} ${symbol}`, this.waitMs, tooMany)
    try {
      return await work()
    } catch (error) {
      // What one learnt about the database holds for those who wait: they would learn it later.
      if (error instanceof DatabaseUnavailable) this.turns.dismiss(error)
      throw error
    } finally {
      release()
    }
  }

  private async store(bars: BarSeries, indexes: number[]): Promise<void> {
    const kept: Bar[] = []
    for (let i = 0; i < bars.length; i++) {
      const bar = {
        time: bars.time[i],
        open: bars.open[i],
        high: bars.high[i],
        low: bars.low[i],
        close: bars.close[i],
        volume: bars.volume[i],
      }
      const fault =
        bar.time <= this.lastTime
          ? `time ${bar.time} is not after the time of the bar before it`
          : storageFault(bar)
      if (fault !== null) {
        this.reject(indexes[i], fault)
        continue
      }
      this.lastTime = bar.time
      kept.push(bar)
    }
    if (kept.length === 0) return
    const stored = await this.inTurn(() => storeBars(this.database, readBars(kept, this.key).bars))
    this.taken += kept.length
    this.total.inserted += stored.inserted
    this.total.updated += stored.updated
    this.total.unchanged += stored.unchanged
    this.total.latest_timestamp = new Date(this.lastTime).toISOString()
  }
}

function tooMany(): Problem {
  return new Problem(503, 'Too many uploads wait already: send it again.', {
    headers: { 'Retry-After': '1' },
  })
}

/** Uploads that store at once: fewer than the pool has connections, so that other requests find one. */
export const ingestPlaces = 4

export type StreamFormat = 'csv' | 'ndjson'

/** Reads a body of any length, line by line, with flat memory. What was stored before an error stays stored. */
export async function ingestStream(
  ingest: BarIngest,
  body: ReadableStream<Uint8Array>,
  format: StreamFormat,
): Promise<void> {
  let header: string | undefined
  let lines: string[] = []
  let first = 0
  const flush = async () => {
    if (lines.length === 0) return
    // Each part anew: a long upload may ask the database for longer than one request may wait for it.
    await withPatience(databaseDefaults.queryMs, () =>
      format === 'csv'
        ? ingest.takeCsv(header!, lines, first)
        : ingest.take(parseLines(ingest, lines, first)),
    )
    first += lines.length
    lines = []
  }
  for await (const block of linesOf(body)) {
    for (const line of block) {
      if (format === 'csv' && header === undefined) header = line
      else lines.push(line)
      if (lines.length >= chunkRows) await flush()
    }
  }
  await flush()
  // That a column is missing is worth knowing before there are rows.
  if (header !== undefined && first === 0) await ingest.takeCsv(header, [], 0)
}

function parseLines(ingest: BarIngest, lines: string[], first: number): (Bar & { index: number })[] {
  return lines.flatMap((line, i) => {
    if (line.trim() === '') return []
    try {
      return [{ index: first + i, ...barOf(JSON.parse(line), ingest.key) }]
    } catch (error) {
      ingest.reject(first + i, error instanceof SyntaxError ? 'is not JSON' : (error as Error).message)
      return []
    }
  })
}

const fields = new Set(['timestamp', 'time', 'open', 'high', 'low', 'close', 'volume', 'symbol', 'timeframe'])

/** @throws TypeError saying what is wrong with the row */
function barOf(row: unknown, key: SeriesKey): Bar {
  if (!isObject(row)) throw new TypeError('is not an object')
  for (const name in row) {
    if (!fields.has(name)) throw new TypeError(`has an unknown field ${JSON.stringify(name.slice(0, 40))}`)
  }
  for (const name of ['symbol', 'timeframe'] as const) {
    if (row[name] !== undefined && row[name] !== key[name]) throw new TypeError(`${name} is not ${key[name]}`)
  }
  return {
    time: timeOf(row['timestamp'] ?? row['time']),
    open: numberOf(row, 'open'),
    high: numberOf(row, 'high'),
    low: numberOf(row, 'low'),
    close: numberOf(row, 'close'),
    volume: numberOf(row, 'volume'),
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** As the engine reads the times of CSV: what names no offset is UTC. */
function timeOf(value: unknown): number {
  const time = typeof value === 'string' ? parseTime(value.trim()) : value
  if (typeof time !== 'number' || Number.isNaN(time)) throw new TypeError('timestamp is not a time')
  return time
}

function numberOf(row: Record<string, unknown>, name: string): number {
  const value = row[name]
  if (typeof value !== 'number') throw new TypeError(`${name} is not a number`)
  return value
}

/** Lines, in blocks as they come: a step of the generator for each line would cost more than the line. */
async function* linesOf(body: ReadableStream<Uint8Array>): AsyncGenerator<string[]> {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  let rest = ''
  try {
    for await (const bytes of body) {
      const text = rest + decoder.decode(bytes, { stream: true })
      // Whether a line feed belongs to a carriage return at the end is not known yet.
      const held = text.endsWith('\r') ? '\r' : ''
      const lines = splitLines(text.slice(0, text.length - held.length))
      rest = lines.pop()! + held
      yield lines
      if (rest.length > lineLimit) throw new Problem(400, `A line is longer than ${lineLimit} characters.`)
    }
    rest += decoder.decode()
  } catch (error) {
    if (error instanceof TypeError && 'code' in error && error.code === 'ERR_ENCODING_INVALID_ENCODED_DATA') {
      throw new Problem(400, 'The body is not UTF-8.', { cause: error })
    }
    throw error
  }
  if (rest !== '') yield splitLines(rest)
}

/** As the engine splits CSV; the expression is slower. */
function splitLines(text: string): string[] {
  return text.split(text.includes('\r') ? /\r\n|\n|\r/ : '\n')
}
