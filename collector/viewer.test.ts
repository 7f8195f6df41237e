import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { once } from 'node:events'
import { createServer, type IncomingMessage, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { scanTraces } from './otlp/trace-batch.ts'
import { type MadeSpan, madeAt, madeSpans, spanIdOf } from './store/made-spans.ts'
import { TraceStore } from './store/trace-store.ts'
import { Telemetry } from './telemetry.ts'
import { createViewer } from './viewer.ts'

const TRACE = 'a'.repeat(32)
const HOSTILE = 'b'.repeat(32)
const pageDir = mkdtempSync(join(tmpdir(), 'viewer-page-'))
let base: string
let viewer: ReturnType<typeof createViewer>
let scrape: ReturnType<typeof createServer>
let store: TraceStore

beforeAll(async () => {
  mkdirSync(join(pageDir, 'assets'))
  mkdirSync(join(pageDir, 'speedscope'))
  writeFileSync(join(pageDir, 'index.html'), '<!doctype html>')
  writeFileSync(join(pageDir, 'assets', 'index-1.js'), '1')
  writeFileSync(join(pageDir, 'speedscope', 'index.html'), '<!doctype html>')
  scrape = createServer((_, response) => response.end('m{span_name="run"} 1\n'))
  await new Promise<void>((done) => scrape.listen(0, '127.0.0.1', done))
  store = new TraceStore({ maxBytes: 2 ** 26 })
  const text = (value: string) => ({ stringValue: value })
  add(TRACE, [
    { id: 1, name: 'process backtests', ms: 100, links: [{ traceId: HOSTILE, spanId: spanIdOf(1) }] },
    {
      id: 2,
      parent: 1,
      name: 'backtest.run',
      startMs: 10,
      ms: 80,
      attributes: { 'tapescope.symbol': text('SPX'), 'tapescope.bars': { intValue: '5105' } },
      events: ['SIGNAL'],
    },
    { id: 3, parent: 2, name: 'stage.ranges', startMs: 10, ms: 50 },
    { id: 4, parent: 2, name: 'stage.patterns', startMs: 60, ms: 10 },
    { id: 5, parent: 1, name: 'pg.query', startMs: 91, ms: 5, error: true },
  ])
  viewer = createViewer({
    endpoint: '127.0.0.1:0',
    store,
    telemetry: new Telemetry(),
    pageDir,
    scrapeUrl: () => `http://127.0.0.1:${(scrape.address() as AddressInfo).port}/metrics`,
  })
  base = `http://${await viewer.listen()}`
})
afterAll(async () => {
  await viewer.close(Date.now())
  scrape.close().closeAllConnections()
  store.close()
  rmSync(pageDir, { recursive: true })
})

function add(traceId: string, spans: readonly MadeSpan[]): void {
  store.append(scanTraces(madeSpans(traceId, spans)))
}

async function get(path: string): Promise<{ status: number; body: Record<string, never> }> {
  const response = await fetch(base + path)
  return { status: response.status, body: (await response.json()) as Record<string, never> }
}

const post = (path: string, body: string, type = 'application/json') =>
  fetch(base + path, { method: 'POST', headers: { 'content-type': type }, body })

/** A stack `main, ...names` each, one millisecond, on the span of this trace. */
const profile = (samples: readonly { readonly span: number; readonly stack: readonly string[] }[]) => {
  const names = [...new Set(samples.flatMap(({ stack }) => stack))]
  const ids = [...new Set(samples.map(({ span }) => span))]
  const parent: number[] = []
  const frame: number[] = []
  const leaf = samples.map(({ stack }) =>
    stack.reduce((above, name) => {
      frame.push(names.indexOf(name))
      return parent.push(above) - 1
    }, -1),
  )
  return {
    format: 'tapescope.profile/1',
    service: 'made',
    frames: names.map((text) => {
      const [name, file] = text.split('@')
      return { name, file: `file:///x/engine/${file ?? 'main.ts'}`, line: 1 }
    }),
    stacks: { parent, frame },
    samples: {
      timeUs: samples.map((_, i) => i * 1000),
      weightUs: samples.map(() => 1000),
      stack: leaf,
      span: samples.map(({ span }) => ids.indexOf(span)),
    },
    spans: ids.map((id) => ({
      traceId: TRACE,
      spanId: spanIdOf(id),
      name: id === 2 ? 'backtest.run' : 'other',
    })),
  }
}

test('runs are told by what their spans say', async () => {
  const { body } = await get('/api/runs?attribute=tapescope.symbol:SPX')
  expect(body['runs']).toMatchObject([
    {
      kind: 'backtest',
      traceId: TRACE,
      spanId: spanIdOf(2),
      symbol: 'SPX',
      bars: 5105,
      durationMs: 80,
      revision: null,
    },
  ])
  expect((await get('/api/runs?attribute=tapescope.symbol:ABC')).body['runs']).toEqual([])
})

test('traces are found by service, name, attribute, duration, error and time', async () => {
  for (const [query, found] of [
    ['service=made&name=backtest.run', 1],
    ['service=other', 0],
    ['attribute=tapescope.bars', 1],
    ['minDurationMs=100&error=true', 1],
    ['minDurationMs=101', 0],
    ['error=false', 0],
    [`from=${new Date(madeAt).toISOString()}`, 1],
    ['to=2000-01-01', 0],
  ] as const) {
    const { body } = await get(`/api/traces?${query}`)
    expect(body['traces'], query).toHaveLength(found)
  }
})

test('a trace comes as spans and as columns, one of its spans alone, and is searched in', async () => {
  const { body } = await get(`/api/traces/${TRACE.toUpperCase()}`)
  expect(body['spans']).toHaveLength(5)
  expect(body['spans'][1]).toMatchObject({ name: 'backtest.run', events: [{ name: 'SIGNAL' }] })
  const { body: columns } = await get(`/api/traces/${TRACE}/columns`)
  expect(columns['parent']).toEqual([-1, 0, 1, 1, 0])
  const { body: span } = await get(`/api/traces/${TRACE}/spans/${spanIdOf(5)}`)
  expect(span).toMatchObject({ name: 'pg.query', status: { code: 'error', message: 'it failed' } })
  for (const [text, ids] of [
    ['spx', [2]],
    ['STAGE.', [3, 4]],
    ['it failed', [5]],
    ['%3Cscript', []],
  ] as const) {
    const { body: found } = await get(`/api/traces/${TRACE}/search?q=${text}`)
    expect(found['spanIds'], text).toEqual(ids.map(spanIdOf))
  }
})

test.each([
  ['/api/traces/xyz', 400, 'a trace id is 32 hexadecimal digits'],
  [`/api/traces/${'0'.repeat(31)}`, 400, 'a trace id is 32 hexadecimal digits'],
  [`/api/traces/${'0'.repeat(32)}`, 404, `no trace ${'0'.repeat(32)} is in the store`],
  [`/api/traces/${'0'.repeat(32)}/columns`, 404, 'no trace'],
  [`/api/traces/${'0'.repeat(32)}/export`, 404, 'no trace'],
  [`/api/traces/${'0'.repeat(32)}/profile`, 404, 'no trace'],
  [`/api/traces/${TRACE}/search`, 400, 'q must be the text to search for'],
  [`/api/traces/${TRACE}/spans/1`, 400, 'a span id is 16 hexadecimal digits'],
  [`/api/traces/${TRACE}/spans/${'0'.repeat(16)}`, 404, 'no span'],
  [`/api/spans/${'0'.repeat(16)}/profile`, 404, 'no CPU samples of it have arrived'],
  ['/api/spans/%3Cimg%3E/profile', 400, 'a span id is 16 hexadecimal digits'],
  ['/api/profile', 400, 'name must be a span name'],
  ['/api/profile?name=x&part=half', 400, 'part must be all, slow or rest, found "half"'],
  ['/api/metrics/history', 400, 'name or label must say which series are wanted'],
  ['/api/metrics/history?label=x', 400, 'label must be key:value, found "x"'],
  ['/api/metrics/history?name=x&minutes=-1', 400, 'minutes must be a number above 0'],
  ['/api/nothing', 404, 'there is no such resource'],
] as const)('%s is a %i with a sentence', async (path, status, detail) => {
  const response = await fetch(base + path)
  expect(response.headers.get('content-type')).toBe('application/problem+json')
  expect(await response.json()).toMatchObject({ status, detail: expect.stringContaining(detail) as string })
  expect(response.status).toBe(status)
})

test('CPU samples: of a span, of all below it, of a trace, of a stage, of all spans of a name', async () => {
  const run = { span: 2, stack: ['main', 'ranges@signal-run.ts', 'step@range-book.ts'] }
  const document = profile([
    run,
    run,
    { span: 2, stack: ['main', 'step@wyckoff.ts'] },
    { span: 5, stack: ['main', 'query'] },
  ])
  expect((await post('/api/profiles', JSON.stringify(document))).status).toBe(200)
  const samples = async (path: string): Promise<number> => {
    const { status, body } = await get(path)
    expect(status, path).toBe(200)
    const file = body as unknown as { profiles: [{ samples: unknown[]; endValue: number }] }
    expect(file.profiles[0].endValue).toBe(file.profiles[0].samples.length * 1000)
    return file.profiles[0].samples.length
  }
  const of = (id: number, query = '') => `/api/spans/${spanIdOf(id)}/profile${query}`
  expect(await samples(of(2))).toBe(3)
  expect(await samples(of(5, `?trace=${TRACE}`))).toBe(1)
  expect(await samples(of(1, `?trace=${TRACE}&below=true`))).toBe(4)
  expect(await samples(`/api/traces/${TRACE}/profile`)).toBe(4)
  expect(await samples(of(3, `?trace=${TRACE}`))).toBe(2)
  expect(await samples(of(4, `?trace=${TRACE}`))).toBe(1)
  expect(await samples('/api/profile?name=backtest.run')).toBe(3)
  // One span of the name: it is the slowest, and there is no rest.
  expect(await samples('/api/profile?name=backtest.run&part=slow')).toBe(3)
  expect((await get('/api/profile?name=backtest.run&part=rest')).status).toBe(404)
  expect((await get(`/api/traces/${TRACE}/samples`)).body['spans']).toEqual({
    [spanIdOf(2)]: { samples: 3, weightUs: 3000 },
    [spanIdOf(5)]: { samples: 1, weightUs: 1000 },
  })
})

test('a profile that is broken, of another type or too large is refused', async () => {
  const broken = await post('/api/profiles', '{"format":"tapescope.profile/1"}')
  expect(broken.status).toBe(400)
  expect(((await broken.json()) as { detail: string }).detail).toMatch(/^service: /)
  expect((await post('/api/profiles', '{}', 'text/plain')).status).toBe(415)
  expect((await post('/api/profiles', `"${'x'.repeat(16 * 2 ** 20)}"`)).status).toBe(413)
  expect((await fetch(`${base}/api/runs`, { method: 'DELETE' })).status).toBe(405)
})

test('a run leaves as one file and comes back whole in another viewer', async () => {
  const exported = await (await fetch(`${base}/api/traces/${TRACE}/export`)).text()
  const other = createViewer({
    endpoint: '127.0.0.1:0',
    store: new TraceStore({ maxBytes: 2 ** 24 }),
    telemetry: new Telemetry(),
    pageDir,
  })
  const there = `http://${await other.listen()}`
  const taken = await fetch(`${there}/api/import`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: exported,
  })
  expect(await taken.json()).toEqual({ traceIds: [TRACE] })
  for (const path of [`/api/traces/${TRACE}`, `/api/traces/${TRACE}/profile`, '/api/runs'])
    expect(await (await fetch(there + path)).json(), path).toEqual(await (await fetch(base + path)).json())
  expect((await fetch(`${there}/api/metrics`)).status).toBe(404)
  await other.close(Date.now())
})

const otlp = madeSpans('c'.repeat(32), [{ id: 1, name: 'run' }]).toString('base64')
test.each([
  ['no JSON', '{', 'the file is not JSON'],
  ['another file', '[]', 'the file: '],
  ['another format', '{"format":"tapescope.run/2","otlp":"","profiles":[]}', 'format: '],
  ['no base64', '{"format":"tapescope.run/1","otlp":"%%%","profiles":[]}', 'otlp: '],
  ['no protobuf', '{"format":"tapescope.run/1","otlp":"AAAA","profiles":[]}', 'otlp: '],
  [
    'half a request',
    JSON.stringify({ format: 'tapescope.run/1', otlp: otlp.slice(0, 60), profiles: [] }),
    'otlp: ',
  ],
  ['no span', '{"format":"tapescope.run/1","otlp":"","profiles":[]}', 'otlp: there is no span in it'],
  ['a broken profile', JSON.stringify({ format: 'tapescope.run/1', otlp, profiles: [{}] }), 'profiles.0: '],
] as const)('an import with %s is refused with a sentence and leaves nothing', async (_, body, detail) => {
  const response = await post('/api/import', body)
  expect(response.status).toBe(400)
  expect(((await response.json()) as { detail: string }).detail).toContain(detail)
  expect((await get(`/api/traces/${'c'.repeat(32)}`)).status).toBe(404)
})

test('circles, missing parents, clocks apart, zero durations, 10,000 attributes and markup are all told as they are', async () => {
  const name = '<img src=x onerror="alert(1)">\u202e\u0000'
  const attributes = Object.fromEntries(
    Array.from({ length: 10_000 }, (_, i) => [`${name}${i}`, { stringValue: '</script>' }]),
  )
  add(HOSTILE, [
    { id: 1, name, attributes },
    { id: 2, parent: 3, name: 'circle a' },
    { id: 3, parent: 2, name: 'circle b' },
    { id: 4, parent: 99, name: 'orphan' },
    { id: 5, parent: 1, name: 'skewed', startMs: -5000 },
    { id: 6, parent: 1, name: '', ms: 0 },
    { id: 7, parent: 1, name: 'backwards', ms: -10 },
    { id: 8, parent: 8, name: 'its own parent' },
  ])
  const response = await fetch(`${base}/api/traces/${HOSTILE}/columns`)
  expect(response.headers.get('content-type')).toBe('application/json')
  expect(response.headers.get('x-content-type-options')).toBe('nosniff')
  const columns = (await response.json()) as { names: string[]; parent: number[]; durationNs: number[] }
  expect(columns.names).toContain(name)
  expect(columns.parent).toHaveLength(8)
  expect(columns.parent.filter((at) => at === -2)).toHaveLength(1)
  const { body } = await get(`/api/traces/${HOSTILE}/spans/${spanIdOf(1)}`)
  expect(Object.keys(body['attributes'])).toHaveLength(10_000)
  // A circle has no end, its samples have.
  const found = await get(`/api/spans/${spanIdOf(2)}/profile?trace=${HOSTILE}&below=true`)
  expect(found.status).toBe(404)
})

test('the page is served under a policy that runs nothing of a string; every other path is the page', async () => {
  for (const path of ['/', '/index.html', '/runs', '/%3Cscript%3E']) {
    const response = await fetch(base + path)
    expect(response.status).toBe(200)
    const policy = response.headers.get('content-security-policy')!
    expect(policy).toContain("default-src 'none'")
    expect(policy).toContain("require-trusted-types-for 'script'")
    expect(policy).not.toContain('unsafe')
  }
  const asset = await fetch(`${base}/assets/index-1.js`)
  expect(asset.headers.get('cache-control')).toContain('immutable')
  expect((await fetch(`${base}/speedscope/`)).headers.get('content-security-policy')).toContain('style-src')
  expect((await fetch(`${base}/missing.js`)).status).toBe(404)
  expect((await fetch(`${base}/%E0%A4%A`)).status).toBe(400)
  // Nothing outside of the page's folder.
  for (const path of ['/..%2f..%2fpackage.json', '/assets/..%2f..%2fetc/passwd.txt', '/%2e%2e/x.ts'])
    expect(await (await fetch(base + path)).text(), path).not.toMatch(/"name"|root:/)
})

test.each([
  ['localhost:4319', 200],
  ['[::1]:4319', 200],
  ['127.0.0.1', 200],
  ['rebound.example:4319', 403],
  ['127.0.0.1.example', 403],
])(
  'asked as "%s" it answers %i: a page that lets its own name point here learns nothing',
  async (host, status) => {
    const asked = request(`${base}/api/traces`, { headers: { host } }).end()
    const [answer] = (await once(asked, 'response')) as [IncomingMessage]
    answer.resume()
    expect(answer.statusCode).toBe(status)
  },
)

test('metrics: the scrape as text, and what the health page shows', async () => {
  expect((await get('/api/metrics')).body).toMatchObject({ text: 'm{span_name="run"} 1\n' })
  expect((await get('/api/metrics/history?label=span_name:run')).body).toMatchObject({ notKept: 0 })
  const { body } = await get('/api/health')
  expect(body['store']).toMatchObject({ requests: expect.any(Number) as number })
})
