import type { Queryable } from './database.ts'
import type { DecidedStage } from './decision-chain.ts'

interface Row {
  status: string
  error: string | null
  config: Record<string, unknown>
  metrics: Record<string, number | null> | null
  look_ahead_check: boolean | null
  bars_processed: number | null
  exits: Record<string, number> | null
}

/** Why a run ended as it did: its bars, what it took of them, the limits it kept, how its trades ended. */
export async function explainBacktest(database: Queryable, id: string): Promise<DecidedStage[]> {
  const [row] = await database.query<Row>({
    name: 'backtests.decided',
    text: `SELECT status, error, config, metrics, look_ahead_check, bars_processed,
        (SELECT jsonb_object_agg(reason, trades) FROM (
          SELECT trade->>'exit_reason' AS reason, count(*) AS trades
          FROM jsonb_array_elements(backtest_results.trades) AS trade GROUP BY 1
        ) AS counted) AS exits
      FROM backtest_results WHERE backtest_run_id = $1`,
    values: [id],
  })
  if (row === undefined) return []
  const { config, metrics, exits } = row
  const only = (from: Record<string, unknown>, names: readonly string[]) =>
    Object.fromEntries(names.filter((name) => name in from).map((name) => [name, from[name]]))
  const stages: DecidedStage[] = []
  const passed = (
    stage: string,
    measured: Record<string, unknown>,
    thresholds: Record<string, unknown> = {},
  ) => stages.push({ stage, verdict: 'PASS', reason: null, measured, thresholds })

  if (row.bars_processed !== null) {
    passed('DATA', {
      bars_processed: row.bars_processed,
      ...only(config, ['start_date', 'end_date', 'strategy']),
    })
  }
  if (row.look_ahead_check !== null) {
    stages.push({
      stage: 'LOOK_AHEAD',
      verdict: row.look_ahead_check ? 'PASS' : 'FAIL',
      reason: row.look_ahead_check ? null : 'a decision changed when later bars did',
      measured: {},
      thresholds: {},
    })
  }
  if (metrics !== null) {
    passed('SIGNALS', only(metrics, ['total_signals', 'total_trades']))
    passed(
      'RISK',
      only(metrics, ['max_drawdown', 'average_r']),
      only(config, ['limits', 'position_frac', 'max_open_positions', 'max_participation']),
    )
    passed('EXITS', exits ?? {})
    passed('OUTCOME', only(metrics, ['total_return', 'win_rate', 'profit_factor', 'sharpe', 'final_equity']))
  }
  if (row.status === 'FAILED') {
    stages.push({ stage: 'OUTCOME', verdict: 'FAIL', reason: row.error, measured: {}, thresholds: {} })
  }
  return stages
}
