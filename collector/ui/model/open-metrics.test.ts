import { expect, test } from 'vitest'
import { quantileMs, readOpenMetrics, spanMetrics } from './open-metrics.ts'

const text = `# TYPE traces_span_metrics_duration_seconds histogram
traces_span_metrics_duration_seconds_bucket{service_name="s",span_name="run",le="0.01"} 50
traces_span_metrics_duration_seconds_bucket{service_name="s",span_name="run",le="0.1"} 90 # {trace_id="0af7651916cd43dd8448eb211c80319c",span_id="b7ad6b7169203331"} 0.067 1520879607.789
traces_span_metrics_duration_seconds_bucket{service_name="s",span_name="run",le="+Inf"} 100
traces_span_metrics_calls_total{service_name="s",span_name="run",status_code="STATUS_CODE_UNSET"} 90
traces_span_metrics_calls_total{service_name="s",span_name="run",status_code="STATUS_CODE_ERROR"} 10
# EOF
`

test('a scrape gives calls, errors, durations and exemplars by span name', () => {
  const [run] = spanMetrics(readOpenMetrics(text))
  expect(run).toMatchObject({ service: 's', span: 'run', calls: 100, errors: 10 })
  expect(run.exemplars).toEqual([
    {
      traceId: '0af7651916cd43dd8448eb211c80319c',
      spanId: 'b7ad6b7169203331',
      value: 0.067,
      time: 1520879607.789,
    },
  ])
  expect(quantileMs(run, 0.5)).toBeCloseTo(10, 6)
  // Linear between the bounds, as Prometheus has it: 25 of the 40 calls between 10 and 100 ms.
  expect(quantileMs(run, 0.75)).toBeCloseTo(66.25, 6)
  // Beyond the last bound only the bound is known.
  expect(quantileMs(run, 0.99)).toBe(100)
  expect(quantileMs({ ...run, buckets: new Map() }, 0.5)).toBeUndefined()
})

test('labels may hold quotes, braces, line feeds and markup; a line that is none is left out', () => {
  const [sample, ...rest] = readOpenMetrics(
    'm{a="\\"}{# \\n\\\\<img src=x>",b=""} 1\nnot a line\nm{a="unclosed} 1\nm{} NaN\n',
  )
  expect(sample).toEqual({ name: 'm', labels: { a: '"}{# \n\\<img src=x>', b: '' }, value: 1 })
  expect(rest).toEqual([{ name: 'm', labels: {}, value: NaN }])
})

test('long hostile lines are read in no time to speak of', () => {
  expect(readOpenMetrics(`m{${'a="\\\\'.repeat(50_000)} 1`)).toEqual([])
  expect(readOpenMetrics(`m{${',,,,'.repeat(50_000)}`)).toEqual([])
})
