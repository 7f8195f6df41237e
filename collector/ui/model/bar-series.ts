import { get } from '../api.ts'
import { type BarColumns, MAX_POINTS, type Span } from './bar-window.ts'

/** What the service knows of a series beside its bars. Times are epoch milliseconds. */
export interface BarMarks {
  /** What was asked for; undefined when this is all that there is. */
  readonly asked: Span | undefined
  readonly ranges: readonly Range[]
  /** By time. */
  readonly patterns: readonly Pattern[]
  readonly trades: readonly Trade[]
  /** By time. */
  readonly events: readonly WyckoffEvent[]
  /** Why events are missing: computing them may need a key. */
  readonly noEvents: string | undefined
}

/** A trading range. Creek is resistance, Ice is support. */
export interface Range {
  readonly from: number
  /** Infinity while it goes on. */
  readonly to: number
  readonly creek: number
  readonly ice: number
  readonly bias: string
  readonly status: string
}

export interface Decision {
  readonly stage: string
  readonly verdict: string
  readonly reason: string | null
  readonly measured: Readonly<Record<string, string | number | boolean | null>>
  readonly thresholds: Readonly<Record<string, string | number | boolean | null>>
}

export interface Pattern {
  readonly id: string
  /** Of its bar. */
  readonly time: number
  readonly type: string
  readonly side: 'LONG' | 'SHORT'
  readonly phase: string
  readonly confidence: number
  readonly rejectionStage: string | null
  readonly rejectionReason: string | null
  readonly decided: readonly Decision[]
  readonly traceId: string
}

/** What the engine reads in the bars between patterns: a selling climax (SC), a secondary test (ST)... */
export interface WyckoffEvent {
  readonly time: number
  readonly type: string
  readonly price: number
  readonly confidence: number
}

export interface Trade {
  readonly entryTime: number
  readonly exitTime: number
  readonly entryPrice: number
  readonly exitPrice: number
  readonly side: 'LONG' | 'SHORT'
  readonly pnl: number
  readonly exitReason: string
}

/** Which series of which service. */
interface SeriesOf {
  readonly service: string
  readonly symbol: string
  readonly timeframe: string
}

interface Chart {
  readonly first: number | null
  readonly last: number | null
  readonly bar_ms: number
  readonly point_ms: number
  readonly time: readonly number[]
  readonly open: readonly number[]
  readonly high: readonly number[]
  readonly low: readonly number[]
  readonly close: readonly number[]
  readonly volume: readonly number[]
  readonly bars: readonly number[]
}

/** Bars of a window, or the newest so many. @throws Error with the service's own sentence */
export async function readBars(
  of: SeriesOf,
  window: Span | number,
  signal: AbortSignal,
): Promise<BarColumns> {
  const { service, symbol, timeframe } = of
  const query = new URLSearchParams({ symbol, timeframe })
  if (typeof window === 'number') query.set('newest', String(window))
  else {
    query.set('from', String(Math.floor(window.from)))
    query.set('to', String(Math.ceil(window.to)))
    query.set('points', String(MAX_POINTS))
  }
  const { first, last, bar_ms, point_ms, ...columns } = await get<Chart>(
    `${service}/api/v1/bars/chart?${query}`,
    signal,
  )
  const time = Float64Array.from(columns.time)
  return {
    asked: typeof window === 'number' ? { from: time[0] ?? 0, to: last ?? 0 } : window,
    series: first === null || last === null ? undefined : { from: first, to: last },
    barMs: bar_ms,
    pointMs: point_ms,
    time,
    open: Float64Array.from(columns.open),
    high: Float64Array.from(columns.high),
    low: Float64Array.from(columns.low),
    close: Float64Array.from(columns.close),
    volume: Float64Array.from(columns.volume),
    bars: Float64Array.from(columns.bars),
  }
}

// The service's own schema checks its answers; a column is what its name says.
// oxlint-disable-next-line typescript/no-explicit-any
type Row = Readonly<Record<string, any>>
interface Page {
  readonly data: readonly Row[]
  readonly pagination: { readonly has_more: boolean }
}

/** Pages of 100 that are read of a list, the newest first. */
const MAX_PAGES = 10
/** A range has 120 bars at most; nights and a holiday may lie in it. */
const RANGE_BARS = 120
const REST_MS = 5 * 86_400_000

/** Ranges, patterns and events of the window, or of the whole series when they are few; fills of the last backtest. */
export async function readMarks(
  of: SeriesOf,
  { asked, barMs }: BarColumns,
  signal: AbortSignal,
): Promise<BarMarks> {
  const { service, symbol, timeframe } = of
  const series = new URLSearchParams({ symbol, timeframe })
  const api = `${service}/api/v1`
  const since = (ms: number): string =>
    `&from=${Math.floor(asked.from - ms)}&to=${Math.ceil(asked.to + 2 * RANGE_BARS * barMs)}`
  const list = async (path: string, before: number): Promise<{ rows: Row[]; all: boolean }> => {
    const whole = await pages(`${api}/${path}?${series}`, signal)
    return whole.all
      ? whole
      : { ...(await pages(`${api}/${path}?${series}${since(before)}`, signal)), all: false }
  }
  const [ranges, patterns, events, results] = await Promise.all([
    list('ranges', 2 * RANGE_BARS * barMs + REST_MS),
    list('patterns', 0),
    readEvents(`${api}/events?${series}`, since(0), signal),
    get<Page>(`${api}/backtests/results?${new URLSearchParams({ symbol, status: 'COMPLETED' })}`, signal),
  ])
  const run = results.data.find((one) => one['timeframe'] === timeframe)
  const trades = run
    ? (await get<{ trades: Row[] }>(`${api}/backtests/${run['backtest_run_id']}`, signal)).trades
    : []
  return {
    asked: ranges.all && patterns.all && events.all ? undefined : asked,
    events: events.rows,
    noEvents: events.problem,
    ranges: ranges.rows.map((range) => ({
      from: Date.parse(range['start_time']),
      to: range['end_time'] === null ? Infinity : Date.parse(range['end_time']),
      creek: range['creek_level'],
      ice: range['ice_level'],
      bias: range['bias'],
      status: range['status'],
    })),
    patterns: patterns.rows
      .map((pattern) => ({
        id: pattern['id'],
        time: Date.parse(pattern['pattern_bar_timestamp']),
        type: pattern['pattern_type'],
        side: pattern['side'] as 'LONG' | 'SHORT',
        phase: pattern['phase'],
        confidence: pattern['confidence_score'],
        rejectionStage: pattern['rejection_stage'],
        rejectionReason: pattern['rejection_reason'],
        decided: pattern['metadata'].decided ?? [],
        traceId: pattern['trace_id'],
      }))
      .sort((a, b) => a.time - b.time),
    trades: trades.map((trade) => ({
      entryTime: Date.parse(trade['entry_time']),
      exitTime: Date.parse(trade['exit_time']),
      entryPrice: trade['entry_price'],
      exitPrice: trade['exit_price'],
      side: trade['side'] as 'LONG' | 'SHORT',
      pnl: trade['realized_pnl'],
      exitReason: trade['exit_reason'],
    })),
  }
}

/** At most this many are read, the newest. */
const MAX_EVENTS = 5_000

async function readEvents(
  url: string,
  window: string,
  signal: AbortSignal,
): Promise<{ rows: WyckoffEvent[]; all: boolean; problem?: string }> {
  const ask = (more: string) =>
    get<{ events: Row[]; total_count: number }>(`${url}&limit=${MAX_EVENTS}${more}`, signal)
  try {
    let answer = await ask('')
    const all = answer.total_count <= MAX_EVENTS
    if (!all) answer = await ask(window)
    const rows = answer.events.map((event) => ({
      time: Date.parse(event['bar_timestamp']),
      type: event['type'],
      price: event['price'],
      confidence: event['confidence'],
    }))
    return { rows, all }
  } catch (error) {
    if (signal.aborted) throw error
    return { rows: [], all: true, problem: (error as Error).message }
  }
}

/** Whether these marks hold for what is loaded. */
export const covers = ({ asked }: BarMarks, bars: BarColumns): boolean =>
  asked === undefined || (asked.from <= bars.asked.from && asked.to >= bars.asked.to)

async function pages(url: string, signal: AbortSignal): Promise<{ rows: Row[]; all: boolean }> {
  const rows: Row[] = []
  for (let page = 1; page <= MAX_PAGES; page++) {
    const { data, pagination } = await get<Page>(`${url}&limit=100&page=${page}`, signal)
    for (const row of data) rows.push(row)
    if (!pagination.has_more) return { rows, all: true }
  }
  return { rows, all: false }
}
