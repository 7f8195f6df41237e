import { expect, test } from 'vitest'
import { encode, type Json } from '../otlp/codec.ts'
import { TracesRequest } from '../otlp/schema.ts'
import { scanTraces } from '../otlp/trace-batch.ts'
import { Telemetry } from '../telemetry.ts'
import { createViewer } from '../viewer.ts'
import { readTraceQuery } from './trace-query.ts'
import { TraceStore } from './trace-store.ts'

const T0 = Date.parse('2026-01-31T09:30:00Z')

interface Made {
  readonly trace: number
  readonly id: number
  readonly parent?: number
  readonly name: string
  readonly atMs: number
  readonly ms: number
  readonly error?: boolean
  readonly attributes?: Record<string, Json>
}

function request(service: string, spans: readonly Made[]): Buffer {
  const nanos = (ms: number) => String(BigInt(T0 + ms) * 1_000_000n)
  const pairs = (map: Record<string, Json>) => Object.entries(map).map(([key, value]) => ({ key, value }))
  return encode(TracesRequest, {
    resourceSpans: [
      {
        resource: {
          attributes: pairs({ 'service.name': { stringValue: service }, zone: { stringValue: 'a:b' } }),
        },
        scopeSpans: [
          {
            spans: spans.map((span) => ({
              traceId: String(span.trace).padStart(32, '0'),
              spanId: String(span.id).padStart(16, '0'),
              ...(span.parent !== undefined && { parentSpanId: String(span.parent).padStart(16, '0') }),
              name: span.name,
              startTimeUnixNano: nanos(span.atMs),
              endTimeUnixNano: nanos(span.atMs + span.ms),
              status: span.error ? { code: 2 } : {},
              attributes: pairs(span.attributes ?? {}),
            })),
          },
        ],
      },
    ],
  })
}

function filled(): TraceStore {
  const store = new TraceStore({ maxBytes: 2 ** 20 })
  const bars = { bars: { intValue: '5105' }, kept: { boolValue: true } }
  store.append(
    scanTraces(
      request('engine', [
        { trace: 1, id: 11, name: 'backtest.run', atMs: 0, ms: 900, attributes: bars },
        { trace: 1, id: 12, parent: 11, name: 'stage.detect', atMs: 10, ms: 5, error: true },
        { trace: 2, id: 21, name: 'signals.generate', atMs: 1000, ms: 40 },
      ]),
    ),
  )
  store.append(
    scanTraces(
      request('service', [
        { trace: 3, id: 31, name: 'POST /signals', atMs: 2000, ms: 50 },
        { trace: 2, id: 22, parent: 21, name: 'insert', atMs: 1030, ms: 60 },
      ]),
    ),
  )
  return store
}

function found(query: string): number[] {
  return filled()
    .traces(readTraceQuery(new URLSearchParams(query)))
    .map((trace) => Number(trace.traceId))
}

test.each([
  ['', [3, 2, 1]],
  ['limit=1', [3]],
  ['service=engine', [2, 1]],
  ['service=service', [3, 2]],
  ['service=none', []],
  ['name=insert', [2]],
  ['name=inser', []],
  // The service and the name must be those of one span.
  ['service=engine&name=insert', []],
  ['service=service&name=insert', [2]],
  ['attribute=bars', [1]],
  ['attribute=bars:5105', [1]],
  ['attribute=bars:5104', []],
  ['attribute=kept:true&attribute=bars', [1]],
  ['attribute=kept:true&attribute=none', []],
  // Of the resource; only the first colon divides.
  ['attribute=zone:a:b', [3, 2, 1]],
  // The trace lasts from 1000 to 1090, longer than each of its spans.
  ['minDurationMs=90', [2, 1]],
  ['minDurationMs=90.5', [1]],
  ['error=true', [1]],
  ['error=false', [3, 2]],
  ['from=2026-01-31T09:30:01Z', [3, 2]],
  ['to=2026-01-31T09:30:01Z', [2, 1]],
  ['from=2026-01-31T10:30:01%2B01:00&to=2026-01-31T09:30:01.5Z', [2]],
])('traces?%s', (query, expected) => {
  expect(found(query)).toEqual(expected)
})

test('beyond its bytes the store drops the oldest requests', () => {
  const one = (trace: number) => scanTraces(request('engine', [{ trace, id: 1, name: 'x', atMs: 0, ms: 1 }]))
  const { body, rows } = one(1)
  const store = new TraceStore({ maxBytes: 2 * (body.length + rows.byteLength) })
  for (const trace of [1, 2, 3]) store.append(one(trace))
  expect(store.trace('1'.padStart(32, '0'))).toEqual([])
  expect(store.traces({ limit: 9 })).toHaveLength(2)
})

test('a bad parameter is a 400 that names it', async () => {
  const viewer = createViewer({
    endpoint: '127.0.0.1:0',
    store: filled(),
    telemetry: new Telemetry(),
    pageDir: import.meta.dirname,
  })
  const base = `http://${await viewer.listen()}`
  for (const [query, detail] of [
    ['limit=0', 'limit must be a whole number above 0, found "0"'],
    ['minDurationMs=fast', 'minDurationMs must be a number of milliseconds from 0 up, found "fast"'],
    ['attribute=:x', 'attribute must be key or key:value, found ":x"'],
    ['error=yes', 'error must be true or false, found "yes"'],
    ['from=yesterday', 'from must be a time such as 2026-01-31T09:30:00Z, found "yesterday"'],
    ['from=2026-02-02&to=2026-02-01', 'from must not be after to'],
    ['name=', 'name must be a span name, found ""'],
    ['name=a&name=b', 'name may be given once'],
    ['colour=red', 'colour: unknown parameter; supported: service, name, '],
  ]) {
    const response = await fetch(`${base}/api/traces?${query}`)
    expect(response.status, query).toBe(400)
    expect(response.headers.get('content-type')).toBe('application/problem+json')
    expect(await response.json()).toMatchObject({
      status: 400,
      detail: expect.stringContaining(detail) as string,
    })
  }
  expect(await (await fetch(`${base}/api/traces?service=engine&limit=1`)).json()).toMatchObject({
    traces: [{ name: 'signals.generate', service: 'engine', durationMs: 90, spanCount: 2, errorCount: 0 }],
  })
  await viewer.close(Date.now())
})
