import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Json } from './otlp/codec.ts'
import { otlpOnAnyPort, runSidecar } from './run-sidecar.ts'

let dir: string
let running: Awaited<ReturnType<typeof runSidecar>> | undefined

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'pipelines-'))
})

afterEach(async () => {
  await running?.stop()
  rmSync(dir, { recursive: true, force: true })
})

const T0 = 1_769_851_800_000_000_000n

interface Made {
  readonly trace: number
  readonly name: string
  readonly atMs?: number
  readonly ms?: number
  readonly kind?: number
  readonly status?: number
  readonly attributes?: Record<string, Json>
}

let spanIds = 0

function requestOf(spans: readonly Made[]): string {
  const nanos = (ms: number) => String(T0 + BigInt(ms * 1e6))
  const pairs = (map: Record<string, Json>) => Object.entries(map).map(([key, value]) => ({ key, value }))
  return JSON.stringify({
    resourceSpans: [
      {
        resource: { attributes: pairs({ 'service.name': { stringValue: 'engine' } }) },
        scopeSpans: [
          {
            spans: spans.map((span) => ({
              traceId: span.trace.toString(16).padStart(32, '0'),
              spanId: (++spanIds).toString(16).padStart(16, '0'),
              name: span.name,
              kind: span.kind ?? 1,
              startTimeUnixNano: nanos(span.atMs ?? 0),
              endTimeUnixNano: nanos((span.atMs ?? 0) + (span.ms ?? 1)),
              status: { code: span.status ?? 0 },
              attributes: pairs(span.attributes ?? {}),
            })),
          },
        ],
      },
    ],
  })
}

async function send(spans: readonly Made[]): Promise<void> {
  const response = await fetch(`${running!.urls['OTLP/HTTP']}/v1/traces`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: requestOf(spans),
  })
  expect(response.status).toBe(200)
}

interface Written {
  resourceSpans: { scopeSpans: { spans: { name: string; traceId: string }[] }[] }[]
}

/** Spans that a file exporter has written. */
function written(file: string): { name: string; trace: number }[] {
  return readFileSync(join(dir, file), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .flatMap((line) => (JSON.parse(line) as Written).resourceSpans)
    .flatMap((resource) => resource.scopeSpans)
    .flatMap((scope) => scope.spans)
    .map((span) => ({ name: span.name, trace: parseInt(span.traceId, 16) }))
}

test('the filter leaves out spans for which a condition holds', async () => {
  running = await runSidecar({
    receivers: otlpOnAnyPort(),
    processors: {
      filter: {
        error_mode: 'ignore',
        traces: {
          span: [
            'attributes["http.route"] == "/healthz"',
            'IsMatch(name, "^debug\\\\.") and not (attributes["keep"] == true)',
            'status.code == STATUS_CODE_OK and resource.attributes["service.name"] == "engine"',
          ],
        },
      },
    },
    exporters: { file: { path: join(dir, 'kept.json') } },
    service: { pipelines: { traces: { receivers: ['otlp'], processors: ['filter'], exporters: ['file'] } } },
  })
  await send([
    { trace: 1, name: 'GET /healthz', attributes: { 'http.route': { stringValue: '/healthz' } } },
    { trace: 1, name: 'GET /bars', attributes: { 'http.route': { stringValue: '/bars' } } },
    { trace: 1, name: 'debug.dump' },
    { trace: 1, name: 'debug.kept', attributes: { keep: { boolValue: true } } },
    { trace: 1, name: 'done', status: 1 },
    { trace: 1, name: 'failed', status: 2 },
  ])
  await running.stop()
  expect(written('kept.json').map((span) => span.name)).toEqual(['GET /bars', 'debug.kept', 'failed'])
})

test('each sampling policy keeps the traces that it is for, whole', async () => {
  const leaf = (type: string, settings: object = {}) => ({ name: 'p', type, [type]: settings })
  const errors = leaf('status_code', { status_codes: ['ERROR'] })
  const three = leaf('span_count', { min_spans: 3 })
  const cases: readonly (readonly [policies: readonly object[], kept: readonly number[]])[] = [
    [[leaf('always_sample')], [1, 2, 3, 4, 5, 6, 7, 8, 9]],
    [[errors], [2, 9]],
    // The trace as a whole, from its first start to its last end: 8 has only short spans.
    [[leaf('latency', { threshold_ms: 500 })], [3, 8]],
    [[leaf('latency', { threshold_ms: 500, upper_threshold_ms: 800 })], [8]],
    [[leaf('boolean_attribute', { key: 'keep', value: true })], [4]],
    [[leaf('numeric_attribute', { key: 'n', min_value: 7, max_value: 9 })], [5]],
    [[leaf('numeric_attribute', { key: 'n', min_value: 8 })], []],
    [[leaf('string_attribute', { key: 'symbol', values: ['SPY', 'QQQ'] })], [6]],
    [[leaf('string_attribute', { key: 'symbol', values: ['^S'], enabled_regex_matching: true })], [6, 7]],
    [[three], [9]],
    [[leaf('span_count', { min_spans: 2, max_spans: 2 })], [8]],
    [[leaf('ottl_condition', { span: ['IsMatch(name, "^backtest\\\\.")'] })], [1, 9]],
    [[leaf('probabilistic', { sampling_percentage: 0 })], []],
    [[leaf('probabilistic', { sampling_percentage: 100 })], [1, 2, 3, 4, 5, 6, 7, 8, 9]],
    [[{ name: 'a', type: 'and', and: { and_sub_policy: [errors, three] } }], [9]],
    [[{ name: 'n', type: 'not', not: { not_sub_policy: errors } }], [1, 3, 4, 5, 6, 7, 8]],
    // Any policy is enough to keep a trace; a drop policy decides against it all the same.
    [
      [errors, leaf('latency', { threshold_ms: 500 })],
      [2, 3, 8, 9],
    ],
    [[errors, { name: 'd', type: 'drop', drop: { drop_sub_policy: [three] } }], [2]],
  ]
  const ids = cases.map((_, i) => String(i))
  running = await runSidecar({
    receivers: otlpOnAnyPort(),
    processors: Object.fromEntries(
      cases.map(([policies], i) => [
        `tail_sampling/${i}`,
        { decision_wait: '1h', policies: policies.map((policy, p) => ({ ...policy, name: `p${p}` })) },
      ]),
    ),
    exporters: Object.fromEntries(ids.map((id) => [`file/${id}`, { path: join(dir, `${id}.json`) }])),
    service: {
      pipelines: Object.fromEntries(
        ids.map((id) => [
          `traces/${id}`,
          { receivers: ['otlp'], processors: [`tail_sampling/${id}`], exporters: [`file/${id}`] },
        ]),
      ),
    },
  })
  await send([
    { trace: 1, name: 'backtest.run' },
    { trace: 2, name: 'b', status: 2 },
    { trace: 3, name: 'c', ms: 1000 },
    { trace: 4, name: 'd', attributes: { keep: { boolValue: true } } },
    { trace: 5, name: 'e', attributes: { n: { intValue: '7' }, keep: { boolValue: false } } },
    { trace: 6, name: 'f', attributes: { symbol: { stringValue: 'SPY' } } },
    { trace: 7, name: 'g', attributes: { symbol: { stringValue: 'SOXX' } } },
    { trace: 8, name: 'h', ms: 100 },
    { trace: 9, name: 'i' },
    { trace: 9, name: 'j', status: 2 },
  ])
  // The rest of two traces comes with another request.
  await send([
    { trace: 9, name: 'backtest.late' },
    { trace: 8, name: 'k', atMs: 600, ms: 100 },
  ])
  // What waits is decided when the sidecar stops.
  await running.stop()
  const spans = [0, 1, 1, 1, 1, 1, 1, 1, 2, 3]
  for (const [i, [policies, kept]] of cases.entries()) {
    const found = written(`${i}.json`).map((span) => span.trace)
    const expected = kept.flatMap((trace) => Array.from({ length: spans[trace] }, () => trace))
    expect(
      found.toSorted((a, b) => a - b),
      JSON.stringify(policies),
    ).toEqual(expected)
  }
})

test('span metrics reach the scrape endpoint, with exemplars for who asks for OpenMetrics', async () => {
  running = await runSidecar({
    receivers: otlpOnAnyPort(),
    connectors: {
      span_metrics: {
        histogram: { unit: 's', explicit: { buckets: ['10ms', '100ms', '1s'] } },
        dimensions: [{ name: 'http.route' }],
        exemplars: { enabled: true },
        exclude_dimensions: ['collector.instance.id'],
        metrics_flush_interval: '20ms',
      },
    },
    exporters: { prometheus: { endpoint: '127.0.0.1:0', enable_open_metrics: true } },
    service: {
      pipelines: {
        traces: { receivers: ['otlp'], exporters: ['span_metrics'] },
        'metrics/spans': { receivers: ['span_metrics'], exporters: ['prometheus'] },
      },
    },
  })
  const route = { 'http.route': { stringValue: '/say "hi"' } }
  // 10 ms lies in the bucket that ends there.
  await send([
    { trace: 1, name: 'POST', kind: 2, ms: 10, attributes: route },
    { trace: 2, name: 'POST', kind: 2, ms: 50, attributes: route },
    { trace: 3, name: 'POST', kind: 2, ms: 2000, attributes: route },
    { trace: 4, name: 'POST', kind: 2, ms: 20, status: 2, attributes: route },
  ])
  const scrape = async (accept: string) =>
    (await fetch(running!.urls['scrape'], { headers: { accept } })).text()
  await vi.waitFor(async () => expect(await scrape('text/plain')).toContain('_calls_total{'))

  /** Samples by name, status and bucket. */
  const samples = (text: string) =>
    Object.fromEntries(
      text
        .split('\n')
        .filter((line) => line !== '' && !line.startsWith('#'))
        .map((line) => {
          const [, name, labels, value] = /^(\w+)\{(.*?)\} (.*)$/.exec(line)!
          expect(labels).toContain(
            String.raw`http_route="/say \"hi\"",job="engine",otel_scope_name="spanmetricsconnector"`,
          )
          expect(labels).toContain('service_name="engine",span_kind="SPAN_KIND_SERVER",span_name="POST"')
          const status = /status_code="STATUS_CODE_(\w+)"/.exec(labels)![1]
          const le = /le="(.*?)"/.exec(labels)?.[1]
          return [[name.replace('traces_span_metrics_', ''), status, le].filter(Boolean).join(' '), value]
        }),
    )
  const plain = await scrape('text/plain')
  expect(plain).toContain('# TYPE traces_span_metrics_calls_total counter\n')
  expect(samples(plain)).toEqual({
    'calls_total UNSET': '3',
    'calls_total ERROR': '1',
    'duration_seconds_bucket UNSET 0.01': '1',
    'duration_seconds_bucket UNSET 0.1': '2',
    'duration_seconds_bucket UNSET 1': '2',
    'duration_seconds_bucket UNSET +Inf': '3',
    'duration_seconds_sum UNSET': '2.06',
    'duration_seconds_count UNSET': '3',
    'duration_seconds_bucket ERROR 0.01': '0',
    'duration_seconds_bucket ERROR 0.1': '1',
    'duration_seconds_bucket ERROR 1': '1',
    'duration_seconds_bucket ERROR +Inf': '1',
    'duration_seconds_sum ERROR': '0.02',
    'duration_seconds_count ERROR': '1',
  })
  const open = await scrape('application/openmetrics-text')
  expect(open).toContain('# TYPE traces_span_metrics_calls counter\n')
  expect(open.endsWith('# EOF\n')).toBe(true)
  const exemplar = (trace: number, value: string) =>
    expect.stringMatching(
      new RegExp(
        `^\\S+ # \\{span_id="\\w{16}",trace_id="${String(trace).padStart(32, '0')}"\\} ${value} \\S+$`,
      ),
    ) as string
  expect(samples(open)).toMatchObject({
    'duration_seconds_bucket UNSET 0.01': exemplar(1, '0\\.01'),
    'duration_seconds_bucket UNSET 0.1': exemplar(2, '0\\.05'),
    'duration_seconds_bucket UNSET 1.0': '2',
    'duration_seconds_bucket UNSET +Inf': exemplar(3, '2\\.0'),
    'duration_seconds_bucket ERROR 0.1': exemplar(4, '0\\.02'),
  })
})
