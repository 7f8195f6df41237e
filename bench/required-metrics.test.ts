import { expect, test } from 'vitest'
import { metricTable } from '../sdk/metric-table.ts'

const fine = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05]

/** The nine metrics that the specification requires, as it writes them: labels, and the buckets beyond the fine set. */
const required: readonly [string, 'counter' | 'gauge' | 'histogram', string[], number[]?][] = [
  ['signal_generation_requests_total', 'counter', ['symbol', 'pattern_type']],
  ['signal_generation_latency_seconds', 'histogram', ['symbol', 'pattern_type'], [0.1, 0.5, 0.8, 1, 2, 5]],
  ['backtest_executions_total', 'counter', ['symbol', 'status']],
  ['backtest_duration_seconds', 'histogram', ['symbol'], [0.1, 0.25, 0.5, 1, 5, 10, 30, 60, 120]],
  ['signals_active', 'gauge', ['pattern_type']],
  ['database_query_duration_seconds', 'histogram', ['query_type'], [0.01, 0.05, 0.1, 0.2, 0.5, 1]],
  ['pattern_detections_total', 'counter', ['pattern_type', 'symbol']],
  ['api_requests_total', 'counter', ['method', 'endpoint', 'status_code']],
  ['api_request_duration_seconds', 'histogram', ['method', 'endpoint'], [0.01, 0.05, 0.1, 0.5, 1, 2, 5]],
]

test.each(required)('%s is there as the specification requires it', (name, kind, labels, buckets) => {
  const metric = metricTable[name as keyof typeof metricTable] as {
    kind: string
    labels?: readonly string[]
    boundaries?: readonly number[]
  }
  expect(metric).toMatchObject({ kind, labels })
  if (buckets === undefined) return
  const all = [...new Set([...fine, ...buckets])].sort((a, b) => a - b)
  expect(metric.boundaries).toEqual(all)
})
