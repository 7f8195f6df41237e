import { trace, TraceFlags } from '@opentelemetry/api'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { bindCounter, bindGauge, bindHistogram } from './instruments.ts'
import type { MetricDefinition } from './metric-definition.ts'
import { metricTable, type LabelValues } from './metric-table.ts'
import { startTelemetry, type Telemetry } from './start-telemetry.ts'

/** What the specification asks for, in its order. */
const required = [
  'signal_generation_requests_total',
  'signal_generation_latency_seconds',
  'backtest_executions_total',
  'backtest_duration_seconds',
  'signals_active',
  'database_query_duration_seconds',
  'pattern_detections_total',
  'api_requests_total',
  'api_request_duration_seconds',
  'bars_processed_total',
  'signals_generated_total',
  'signals_rejected_total',
  'pattern_detection_latency_seconds',
  'signal_validation_latency_seconds',
  'stale_symbols',
  'symbol_data_age_seconds',
  'symbols_active',
  'signals_pending',
] as const

const traceId = '0af7651916cd43dd8448eb211c80319c'
const spanId = 'b7ad6b7169203331'
const span = trace.wrapSpanContext({ traceId, spanId, traceFlags: TraceFlags.SAMPLED })
const labels: Record<keyof LabelValues, string> = {
  symbol: 'BRK.B "\\ 股',
  timeframe: '1d',
  pattern_type: 'SPRING',
  status: 'completed',
  query_type: 'SELECT',
  method: 'GET',
  endpoint: '/api/v1/signals/:id',
  status_code: '200',
  mode: 'live',
  rejection_stage: 'RISK',
  pool: 'main',
  state: 'idle',
  job_state: 'waiting',
  reason: 'none',
}
const definitions = required.map((name): MetricDefinition => ({ name, ...metricTable[name] }))
let telemetry: Telemetry

beforeAll(async () => {
  telemetry = await startTelemetry({ otlpEndpoint: false })
  for (const [position, definition] of definitions.entries()) {
    const value = position + 1.5
    if (definition.kind === 'counter') bindCounter(definition, labels).add(value)
    else if (definition.kind === 'gauge') bindGauge(definition, labels).set(value)
    else {
      const histogram = bindHistogram(definition, labels)
      for (const bound of [...definition.boundaries!, 1e6]) histogram.recordInSpan(bound, span)
    }
  }
})
afterAll(() => telemetry.shutdown())

const scrape = async (accept: string): Promise<{ type: string | null; lines: string[] }> => {
  const answer = await telemetry.metricsHandler(new Request('http://localhost/', { headers: { accept } }))
  return { type: answer.headers.get('content-type'), lines: (await answer.text()).split('\n') }
}

/** The labels as both formats write them, in the order of the registry. */
const written = (definition: MetricDefinition, le?: string): string => {
  const pairs = definition.labels.map((label) => {
    const value = labels[label as keyof LabelValues]
    return `${label}="${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`
  })
  if (le !== undefined) pairs.push(`le="${le}"`)
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`
}

/** The samples that one metric must show; a bound is written as `bound` says. */
function samplesOf(definition: MetricDefinition, value: number, bound: (le: number) => string): string[] {
  const { name, kind, boundaries = [] } = definition
  if (kind !== 'histogram') return [`${name}${written(definition)} ${value}`]
  return [
    ...boundaries.map((le, i) => `${name}_bucket${written(definition, bound(le))} ${i + 1}`),
    `${name}_bucket${written(definition, '+Inf')} ${boundaries.length + 1}`,
    `${name}_count${written(definition)} ${boundaries.length + 1}`,
  ]
}

it('shows each of the 18 metrics with its value in the classic text', async () => {
  const { type, lines } = await scrape('*/*')
  expect(type).toBe('text/plain; version=0.0.4; charset=utf-8')
  for (const [position, definition] of definitions.entries()) {
    expect(lines).toContain(`# TYPE ${definition.name} ${definition.kind}`)
    expect(lines).toEqual(expect.arrayContaining(samplesOf(definition, position + 1.5, String)))
  }
  expect(lines.join('\n')).not.toContain('trace_id')
})

it('shows them in OpenMetrics, each bucket with its exemplar, to who prefers that', async () => {
  const { type, lines } = await scrape('application/openmetrics-text;version=1.0.0,text/plain;q=0.5')
  expect(type).toBe('application/openmetrics-text; version=1.0.0; charset=utf-8')
  expect(lines.slice(-2)).toEqual(['# EOF', ''])
  const parts = lines.map((line) => line.split(' # {'))
  const samples = parts.map(([sample]) => sample)
  for (const [position, definition] of definitions.entries()) {
    const { name, kind, boundaries = [] } = definition
    expect(lines).toContain(`# TYPE ${kind === 'counter' ? name.replace(/_total$/, '') : name} ${kind}`)
    const expected = samplesOf(definition, position + 1.5, (le) =>
      Number.isInteger(le) ? `${le}.0` : String(le),
    )
    expect(samples).toEqual(expect.arrayContaining(expected))
    if (kind !== 'histogram') continue
    const exemplars = parts
      .filter(([sample]) => sample.startsWith(`${name}_bucket`))
      .map(([, exemplar]) => /^trace_id="(\w+)",span_id="(\w+)"\} (\S+) \d+(\.\d+)?$/.exec(exemplar))
    expect(exemplars.map((match) => match?.slice(1, 4))).toEqual(
      [...boundaries, 1e6].map((value) => [traceId, spanId, String(value)]),
    )
  }
})
