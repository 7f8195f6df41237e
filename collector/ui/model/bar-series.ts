import { get } from '../api.ts'

/** Bars as columns, and what the service knows of them. Times are epoch milliseconds. */
export interface BarSeries {
  readonly time: Float64Array
  readonly open: Float64Array
  readonly high: Float64Array
  readonly low: Float64Array
  readonly close: Float64Array
  readonly volume: Float64Array
  readonly ranges: readonly Range[]
  readonly patterns: readonly Pattern[]
  readonly trades: readonly Trade[]
}

/** A trading range, over positions of bars. Creek is resistance, Ice is support. */
export interface Range {
  readonly from: number
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
  readonly bar: number
  readonly type: string
  readonly side: 'LONG' | 'SHORT'
  readonly phase: string
  readonly confidence: number
  readonly rejectionStage: string | null
  readonly rejectionReason: string | null
  readonly decided: readonly Decision[]
  readonly traceId: string
}

export interface Trade {
  readonly entryBar: number
  readonly exitBar: number
  readonly entryPrice: number
  readonly exitPrice: number
  readonly side: 'LONG' | 'SHORT'
  readonly pnl: number
  readonly exitReason: string
}

// The service's own schema checks its answers; a column is what its name says.
// oxlint-disable-next-line typescript/no-explicit-any
type Row = Readonly<Record<string, any>>
interface Page {
  readonly data: readonly Row[]
  readonly pagination: { readonly has_more: boolean }
}

/** A page more would be more than 20,000 bars: the newest are what is looked at. */
const MAX_PAGES = 200

async function all(url: string, signal: AbortSignal): Promise<Row[]> {
  const rows: Row[] = []
  for (let page = 1; page <= MAX_PAGES; page++) {
    const { data, pagination } = await get<Page>(`${url}&limit=100&page=${page}`, signal)
    rows.push(...data)
    if (!pagination.has_more) break
  }
  return rows
}

/** Reads a series from the service's API. @throws Error with the service's own sentence */
export async function readBars(
  service: string,
  symbol: string,
  timeframe: string,
  signal: AbortSignal,
): Promise<BarSeries> {
  const series = new URLSearchParams({ symbol, timeframe })
  const api = `${service}/api/v1`
  const [bars, ranges, patterns, results] = await Promise.all([
    all(`${api}/bars?${series}`, signal),
    all(`${api}/ranges?${series}`, signal),
    all(`${api}/patterns?${series}`, signal),
    get<Page>(
      `${api}/backtests/results?${new URLSearchParams({ symbol, status: 'COMPLETED', limit: '1' })}`,
      signal,
    ),
  ])
  const run = results.data.find((one) => one['timeframe'] === timeframe)
  const trades = run
    ? (await get<{ trades: Row[] }>(`${api}/backtests/${run['backtest_run_id']}`, signal)).trades
    : []
  const time = Float64Array.from(bars, (bar) => Date.parse(bar['timestamp']))
  const column = (name: string) => Float64Array.from(bars, (bar) => bar[name])
  const at = (iso: string | null): number => (iso === null ? time.length - 1 : barAt(time, Date.parse(iso)))
  return {
    time,
    open: column('open'),
    high: column('high'),
    low: column('low'),
    close: column('close'),
    volume: column('volume'),
    ranges: ranges.map((range) => ({
      from: at(range['start_time']),
      to: at(range['end_time']),
      creek: range['creek_level'],
      ice: range['ice_level'],
      bias: range['bias'],
      status: range['status'],
    })),
    patterns: patterns
      .map((pattern) => ({
        id: pattern['id'],
        bar: at(pattern['pattern_bar_timestamp']),
        type: pattern['pattern_type'],
        side: pattern['side'] as 'LONG' | 'SHORT',
        phase: pattern['phase'],
        confidence: pattern['confidence_score'],
        rejectionStage: pattern['rejection_stage'],
        rejectionReason: pattern['rejection_reason'],
        decided: pattern['metadata'].decided ?? [],
        traceId: pattern['trace_id'],
      }))
      .sort((a, b) => a.bar - b.bar),
    trades: trades.map((trade) => ({
      entryBar: at(trade['entry_time']),
      exitBar: at(trade['exit_time']),
      entryPrice: trade['entry_price'],
      exitPrice: trade['exit_price'],
      side: trade['side'] as 'LONG' | 'SHORT',
      pnl: trade['realized_pnl'],
      exitReason: trade['exit_reason'],
    })),
  }
}

/** The last bar at or before `time`. */
function barAt(times: Float64Array, time: number): number {
  let low = 0
  let high = times.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (times[middle] <= time) low = middle + 1
    else high = middle
  }
  return Math.max(0, low - 1)
}
