import { randomBytes } from 'node:crypto'
import { keepTrace, traceOf } from '@tapescope/sdk'
import type { BacktestConfig, BacktestEngine, BacktestResult } from '@tapescope/engine'
import type { Database } from './database.ts'
import { newId } from './entity-id.ts'
import { loadBars, type SeriesKey } from './load-bars.ts'
import { Problem } from './problem.ts'
import { snakeCase } from './snake-case.ts'

export interface BacktestRequest extends SeriesKey {
  /** Epoch ms of the first and the last bar that may be traded; a day's bars are all in it. */
  startDate: number
  endDate: number
  config: BacktestConfig
}

/** Accepts a run: a row that says PENDING. @throws Problem 422 when the period holds no bars */
export async function acceptBacktest(database: Database, request: BacktestRequest): Promise<AcceptedRun> {
  const [found] = await database.query<{ bars: boolean }>({
    name: 'bars.exist',
    text: `SELECT EXISTS (SELECT FROM ohlcv_bars WHERE symbol = $1 AND timeframe = $2
      AND timestamp >= to_timestamp($3::FLOAT8 / 1000) AND timestamp <= to_timestamp($4::FLOAT8 / 1000)) AS bars`,
    values: [request.symbol, request.timeframe, request.startDate, request.endDate],
  })
  if (!found.bars) {
    throw new Problem(422, `No bars of ${request.symbol} ${request.timeframe} are stored in that period.`, {
      errors: [{ path: '/start_date', message: 'no bars between start_date and end_date' }],
    })
  }
  const id = newId(Date.now(), randomBytes(16))
  const [row] = await database.query<{ created_at: string }>({
    name: 'backtests.accept',
    text: `INSERT INTO backtest_results (id, backtest_run_id, symbol, timeframe, start_date, end_date, status, config)
      VALUES ($1, $1, $2, $3, to_timestamp($4::FLOAT8 / 1000) AT TIME ZONE 'UTC',
        to_timestamp($5::FLOAT8 / 1000) AT TIME ZONE 'UTC', 'PENDING', $6) RETURNING created_at`,
    values: [
      id,
      request.symbol,
      request.timeframe,
      request.startDate,
      request.endDate,
      JSON.stringify(snakeCase(request.config)),
    ],
  })
  return { id, createdAt: row.created_at }
}

export interface AcceptedRun {
  id: string
  createdAt: string
}

/** Runs an accepted backtest and stores its result, or why it failed. @throws what the run threw, after storing it */
export async function executeBacktest(
  database: Database,
  engine: BacktestEngine,
  id: string,
  request: BacktestRequest,
): Promise<BacktestResult> {
  await database.execute({
    name: 'backtests.begin',
    text: `UPDATE backtest_results SET status = 'RUNNING', started_at = now(), updated_at = now()
      WHERE backtest_run_id = $1`,
    values: [id],
  })
  try {
    // From the first stored bar, so that what an average warms up on does not depend on the period.
    const bars = await loadBars(database, request)
    const started = performance.now()
    const result = engine.run(bars, {
      ...request.config,
      startDate: request.startDate,
      endDate: request.endDate,
    })
    await storeResult(database, id, result, (performance.now() - started) / 1e3)
    return result
  } catch (error) {
    await database.execute({
      name: 'backtests.fail',
      text: `UPDATE backtest_results SET status = 'FAILED', error = $2, completed_at = now(), updated_at = now()
        WHERE backtest_run_id = $1`,
      values: [id, error instanceof Error ? error.message : String(error)],
    })
    throw error
  }
}

async function storeResult(
  database: Database,
  id: string,
  result: BacktestResult,
  seconds: number,
): Promise<void> {
  const { equity, metrics } = result
  const trace = traceOf(result)
  keepTrace()
  const curve = Array.from({ length: equity.length }, (_, i) => {
    const { time, ...point } = equity.point(i)
    return { timestamp: new Date(time).toISOString(), ...point }
  })
  const json = (value: unknown) => JSON.stringify(snakeCase(value))
  await database.execute({
    name: 'backtests.complete',
    text: `UPDATE backtest_results SET status = 'COMPLETED', completed_at = now(), updated_at = now(),
      config = $2, equity_curve = $3, trades = $4, metrics = $5, drawdown_periods = $6, risk_metrics = $7,
      cost_summary = $8, bars_processed = $9, execution_time_seconds = $10,
      trace_id = $11, span_id = $12 WHERE backtest_run_id = $1`,
    values: [
      id,
      json(result.config),
      json(curve),
      json(result.trades.map(withTimes)),
      json(metrics),
      json(result.drawdownPeriods.map(withTimes)),
      json(result.riskMetrics),
      json({
        totalCommission: metrics.totalCommission,
        totalSlippage: metrics.totalSlippage,
        totalBorrowCost: metrics.totalBorrowCost,
      }),
      result.barsProcessed,
      seconds,
      trace?.traceId ?? null,
      trace?.spanId ?? null,
    ],
  })
}

/** Epoch milliseconds as ISO 8601, as everywhere in the API. */
function withTimes(row: object): object {
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => [
      name,
      /[tT]ime$/.test(name) && typeof value === 'number' ? new Date(value).toISOString() : value,
    ]),
  )
}
