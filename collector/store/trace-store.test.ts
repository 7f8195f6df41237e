import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { encode, type Json } from '../otlp/codec.ts'
import { TracesRequest } from '../otlp/schema.ts'
import { scanTraces } from '../otlp/trace-batch.ts'
import { Telemetry } from '../telemetry.ts'
import { createViewer } from '../viewer.ts'
import { readTraceQuery } from './trace-query.ts'
import { TraceStore } from './trace-store.ts'

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'store-'))
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

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

function filled(store = new TraceStore({ maxBytes: 2 ** 20 })): TraceStore {
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

const cases: readonly (readonly [query: string, traces: readonly number[]])[] = [
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
]

describe.each(['in memory', 'on disk', 'on disk, after a restart'])('%s', (kind) => {
  test.each(cases)('traces?%s', async (query, expected) => {
    let store = filled(kind === 'in memory' ? undefined : new TraceStore({ maxBytes: 2 ** 20, dir }))
    // No close: the process was killed.
    if (kind === 'on disk, after a restart') store = new TraceStore({ maxBytes: 2 ** 20, dir })
    const found = await store.traces(readTraceQuery(new URLSearchParams(query)))
    expect(found.map((trace) => Number(trace.traceId))).toEqual(expected)
    store.close()
  })
})

const id = (trace: number) => String(trace).padStart(32, '0')
const one = (trace: number, atMs = 0) =>
  scanTraces(request('engine', [{ trace, id: trace, name: 'x', atMs, ms: 1 }]))

test('runs are listed newest first, with what tells them apart', async () => {
  const store = filled(new TraceStore({ maxBytes: 2 ** 20, dir }))
  const runs = async (query: string) => store.runs(readTraceQuery(new URLSearchParams(query)))
  expect(await runs('')).toMatchObject([
    { kind: 'signals', traceId: id(2), name: 'signals.generate', durationMs: 40, runId: null, error: false },
    { kind: 'backtest', traceId: id(1), spanId: '0000000000000011', service: 'engine', durationMs: 900 },
  ])
  expect(await runs('name=backtest.run&minDurationMs=900&attribute=bars:5105')).toHaveLength(1)
  // The conditions are on the run's own span: the error is a stage's.
  expect(await runs('error=true')).toEqual([])
  expect(await runs('limit=1')).toHaveLength(1)
  expect(await runs('to=2026-01-31T09:30:00.5Z')).toMatchObject([{ kind: 'backtest' }])
  store.close()
})

test('a trace whose spans came in many requests is whole, also when only the newest are asked for', async () => {
  const store = new TraceStore({ maxBytes: 2 ** 24, dir })
  // A child comes first, as exporters send them, then a thousand other traces, then the root.
  store.append(
    scanTraces(request('engine', [{ trace: 7, id: 2, parent: 1, name: 'child', atMs: 5001, ms: 2 }])),
  )
  for (let i = 0; i < 1000; i++) store.append(one(100 + i, i))
  store.append(scanTraces(request('engine', [{ trace: 7, id: 1, name: 'root', atMs: 5000, ms: 10 }])))
  expect(await store.traces({ limit: 1 })).toMatchObject([{ name: 'root', spanCount: 2, durationMs: 10 }])
  expect((await store.trace(id(7))).map((span) => span.name)).toEqual(['root', 'child'])
  store.close()
})

test('beyond its bytes the store drops the oldest requests, on disk whole files of them', async () => {
  const { body } = one(1)
  const memory = new TraceStore({ maxBytes: 2 * body.length })
  for (const trace of [1, 2, 3]) memory.append(one(trace))
  expect(await memory.trace(id(1))).toEqual([])
  expect(await memory.traces({ limit: 9 })).toHaveLength(2)

  const maxBytes = 2 ** 20
  const disk = new TraceStore({ maxBytes, dir })
  const count = Math.ceil((3 * maxBytes) / body.length)
  for (let trace = 1; trace <= count; trace++) disk.append(one(trace, trace))
  const used = readdirSync(dir).reduce((sum, name) => sum + statSync(join(dir, name)).size, 0)
  expect(used).toBeLessThan(maxBytes * 1.4)
  expect(used).toBeGreaterThan(maxBytes * 0.7)
  expect(await disk.trace(id(1))).toEqual([])
  expect(await disk.traces({ limit: 2 })).toMatchObject([{ traceId: id(count) }, { traceId: id(count - 1) }])
  expect(await disk.trace(id(count - 100))).toHaveLength(1)
  disk.close()
})

test('what is older than it may be is forgotten', async () => {
  const store = new TraceStore({ maxBytes: 2 ** 20, maxAgeMs: 1, dir })
  store.append(one(1))
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect(await store.traces({ limit: 9 })).toEqual([])
  expect(readdirSync(dir)).toEqual([])
  store.append(one(2))
  store.close()
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
