import { setTimeout as sleep } from 'node:timers/promises'
import type { BarSeries } from '@tapescope/engine'
import type { Database } from './database.ts'
import { storeBars, type StoredBars } from './store-bars.ts'
import { StartError } from './start-error.ts'

/** What `--json` prints, apart from `urls` and `duration_ms`. */
export interface MainJobResult {
  symbol: string
  timeframe: string
  bars: number
  patterns: number
  signals: number
  rejected: number
  backtest: {
    strategy: string
    trades: number
    total_return: number
    max_drawdown: number
    sharpe: number | null
  }
  trace_ids: { signals: string; backtest: string }
}

export interface MainJobReport {
  result: MainJobResult
  stored: StoredBars
  ranges: number
  /** Portfolio value at the end of each bar of the backtest. */
  equity: number[]
}

interface MainJobOptions {
  bars: BarSeries
  database: Database
  /** Where the service listens. */
  url: string
  /** Of the service's API; none where none is needed. */
  key: string | undefined
  strategy: string
  signal: AbortSignal
  progress: (what: string) => void
}

/** Stores the bars, then has the service generate signals and run a backtest, over HTTP as any client would. */
export async function runMainJob(options: MainJobOptions): Promise<MainJobReport> {
  const { bars, database, url, key, strategy, signal, progress } = options
  const { symbol, timeframe } = bars
  progress(`storing ${bars.length} bars of ${symbol}`)
  const stored = await storeBars(database, bars)
  signal.throwIfAborted()

  progress('generating signals')
  const generated = await post<Generated>(
    `${url}/api/v1/signals/generate`,
    { symbol, timeframe },
    key,
    signal,
  )

  progress(`running the backtest ${strategy}`)
  const period = { start_date: bars.time[0], end_date: bars.time[bars.length - 1] }
  const backtest = await post<Backtest>(
    `${url}/api/v1/backtests/run?wait=60`,
    { symbol, timeframe, strategy, ...period },
    key,
    signal,
  )
  if (backtest.status !== 'COMPLETED') {
    throw new StartError(`The backtest ended as ${backtest.status}: ${backtest.error ?? 'no reason given'}.`)
  }
  return {
    stored,
    ranges: generated.totals.ranges,
    equity: backtest.equity_curve.map((point) => point.portfolio_value),
    result: {
      symbol,
      timeframe,
      bars: generated.bars_analysed,
      patterns: generated.totals.patterns,
      signals: generated.totals.signals,
      rejected: generated.totals.rejected,
      backtest: {
        strategy,
        trades: backtest.metrics.total_trades,
        total_return: backtest.metrics.total_return,
        max_drawdown: backtest.metrics.max_drawdown,
        sharpe: backtest.metrics.sharpe,
      },
      trace_ids: { signals: generated.trace_id, backtest: backtest.run_trace_id },
    },
  }
}

interface Generated {
  bars_analysed: number
  totals: { patterns: number; signals: number; rejected: number; ranges: number }
  trace_id: string
}

interface Backtest {
  status: string
  error: string | null
  metrics: { total_trades: number; total_return: number; max_drawdown: number; sharpe: number | null }
  equity_curve: { portfolio_value: number }[]
  run_trace_id: string
}

async function post<Answer>(
  url: string,
  body: unknown,
  key: string | undefined,
  signal: AbortSignal,
): Promise<Answer> {
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(key !== undefined && { authorization: `Bearer ${key}` }),
    },
    body: JSON.stringify(body),
    signal,
  })
  const answer = (await response.json()) as { detail?: string }
  if (!response.ok) {
    throw new StartError(`The service answered ${response.status}: ${answer.detail ?? 'no detail'}`)
  }
  return answer as Answer
}

/** Waits until the sidecar shows these traces with their runs in them. @throws StartError naming one that is missing */
export async function findTraces(viewer: string, traceIds: string[], signal: AbortSignal): Promise<void> {
  const deadline = Date.now() + 10_000
  for (const traceId of traceIds) {
    while (!(await hasRun(viewer, traceId, signal))) {
      if (Date.now() > deadline) {
        throw new StartError(`The sidecar at ${viewer} does not have trace ${traceId}: see its log.`)
      }
      await sleep(100, undefined, { signal })
    }
  }
}

async function hasRun(viewer: string, traceId: string, signal: AbortSignal): Promise<boolean> {
  const response = await fetch(`${viewer}/api/traces/${traceId}`, { signal })
  if (!response.ok) return false
  const { spans } = (await response.json()) as { spans: { name: string }[] }
  return spans.some(({ name }) => name === 'signals.generate' || name === 'backtest.run')
}
