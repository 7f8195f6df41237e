import type { MainJobReport, MainJobResult } from './main-job.ts'

export interface Summary extends MainJobResult {
  urls: Record<string, string>
  duration_ms: number
}

/** The summary for people, in plain text. */
export function renderSummary(summary: Summary, { stored, ranges, equity }: MainJobReport): string {
  const { backtest, urls } = summary
  const percent = (fraction: number) => `${(fraction * 100).toFixed(2)} %`
  const lines = [
    `${summary.symbol} ${summary.timeframe}: ${summary.bars} bars ` +
      `(${stored.inserted} new, ${stored.updated} changed, ${stored.unchanged} as before)`,
    `  ranges ${ranges}, patterns ${summary.patterns}, signals ${summary.signals}, rejected ${summary.rejected}`,
    '',
    `Backtest ${backtest.strategy}`,
    `  trades ${backtest.trades}, return ${percent(backtest.total_return)}, ` +
      `largest drawdown ${percent(backtest.max_drawdown)}, ` +
      `Sharpe ${backtest.sharpe === null ? 'undefined' : backtest.sharpe.toFixed(2)}`,
    `  equity ${sparkline(equity, 60)}`,
    '  What past bars would have paid is no promise of what the next will.',
    '',
    ...Object.entries(urls).map(([name, url]) => `  ${name.replaceAll('_', ' ').padEnd(15)} ${url}`),
    '',
    `Done in ${(summary.duration_ms / 1000).toFixed(1)} s.`,
  ]
  return `${lines.join('\n')}\n`
}

/** Values as a line of bars, each the last value of its share of the series. */
function sparkline(values: readonly number[], width: number): string {
  if (values.length === 0) return ''
  const columns = Math.min(width, values.length)
  const shown = Array.from({ length: columns }, (_, k) => {
    return values[Math.ceil(((k + 1) * values.length) / columns) - 1]
  })
  const low = Math.min(...shown)
  const high = Math.max(...shown)
  const steps = '▁▂▃▄▅▆▇█'
  return shown
    .map((value) => {
      const height = high === low ? 0 : (value - low) / (high - low)
      return steps[Math.min(steps.length - 1, Math.floor(height * steps.length))]
    })
    .join('')
}
