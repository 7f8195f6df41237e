import { parseBarsCsv } from '@tapescope/engine'
import type { Hono } from 'hono'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Database } from './database.ts'
import type { DecidedStage } from './decision-chain.ts'
import { readRealBarsCsv } from './real-bars.ts'
import { storeBars } from './store-bars.ts'
import { type Json, startTestService, type TestService } from './test-service.ts'

let service: TestService
let database: Database
let app: Hono
let logged: Json[]
let call: TestService['call']

beforeAll(async () => {
  service = await startTestService()
  ;({ app, database, logged, call } = service)
  const { bars } = parseBarsCsv(await readRealBarsCsv(), { symbol: 'SPX', timeframe: '1d' })
  await storeBars(database, bars)
})
afterAll(() => service.stop())

async function upload(
  type: string,
  body: string | Uint8Array<ArrayBuffer>,
  series = 'symbol=UP&timeframe=1d',
) {
  const response = await app.request(`/api/v1/bars?${series}`, {
    method: 'POST',
    headers: { 'content-type': type },
    body,
  })
  return { status: response.status, body: (await response.json()) as Json }
}

const generate = () =>
  call('POST', '/api/v1/signals/generate', { symbol: 'SPX', timeframe: '1d', lookback: 5000 })
const period = { symbol: 'SPX', start_date: '2010-01-01', end_date: '2012-01-01' }

describe('signals', () => {
  it('are stored once, with everything that hangs on them', async () => {
    const first = await generate()
    const totals = first.body['totals'] as Record<string, number>
    expect(first.status).toBe(201)
    expect(totals['new_signals']).toBe(totals['signals'])
    expect(totals['signals']).toBeGreaterThan(0)
    const second = await generate()
    expect(second.status).toBe(200)
    expect(second.body['totals']).toEqual({ ...totals, new_signals: 0 })

    for (const list of ['ranges', 'patterns', 'positions', 'campaigns', 'notifications', 'audit']) {
      const { status, body } = await call('GET', `/api/v1/${list}?limit=1`)
      expect({ list, status }).toEqual({ list, status: 200 })
      expect((body['pagination'] as Json)['total_count']).toBeGreaterThan(0)
      expect(body['data']).toHaveLength(1)
    }
    const [books] = await database.query<Json>({
      name: 'test.books',
      text: `SELECT (SELECT count(*) FROM signals) AS signals,
        (SELECT count(*) FROM signals WHERE status IN ('STOPPED', 'TARGET_HIT', 'CLOSED')) AS ended,
        (SELECT count(*) FROM positions WHERE status = 'CLOSED') AS closed,
        (SELECT sum(current_pnl) FROM positions) = (SELECT sum(total_pnl) FROM campaigns) AS sums_agree`,
    })
    expect(books['signals']).toBe(totals['signals'])
    expect(books['closed']).toBe(books['ended'])
    expect(books['sums_agree']).toBe(true)
  })

  it('explain themselves without a tracing backend', async () => {
    await generate()
    const [signal] = await database.query<{ id: string; pattern_id: string }>({
      name: 'test.signal',
      text: 'SELECT id, pattern_id FROM signals LIMIT 1',
    })
    const explained = await call('GET', `/api/v1/signals/${signal.id}/trace`)
    const chain = explained.body['chain'] as DecidedStage[]
    expect(chain.map(({ stage }) => stage)).toEqual([
      'DETECTION',
      'VOLUME',
      'PHASE',
      'LEVELS',
      'RISK',
      'STRATEGY',
    ])
    const risk = chain.find(({ stage }) => stage === 'RISK')!
    expect(risk.measured['r_multiple']).toBeGreaterThanOrEqual(risk.thresholds['r_multiple_min'] as number)
    const pattern = await call('GET', `/api/v1/patterns/${signal.pattern_id}/trace`)
    expect(pattern.body['chain']).toEqual(chain)

    const rejected = await database.query<{ id: string; rejection_stage: string; rejection_reason: string }>({
      name: 'test.rejected',
      text: 'SELECT id, rejection_stage, rejection_reason FROM patterns WHERE rejection_stage IS NOT NULL',
    })
    expect(rejected.length).toBeGreaterThan(0)
    for (const { id, rejection_stage, rejection_reason } of rejected) {
      const { body } = await call('GET', `/api/v1/patterns/${id}/trace`)
      expect(body['rejection']).toEqual({ stage: rejection_stage, reason: rejection_reason })
      expect((body['chain'] as DecidedStage[]).at(-1)).toMatchObject({
        stage: rejection_stage,
        verdict: 'FAIL',
        reason: rejection_reason,
      })
    }
    const read = await call('GET', `/api/v1/signals/${signal.id}`)
    expect(read.body).toMatchObject({ signal: { id: signal.id }, pattern: { id: signal.pattern_id } })
    expect((await call('GET', '/api/v1/signals/00000000-0000-8000-8000-000000000000')).status).toBe(404)
  })

  it('live on with each bar after a person has approved them', async () => {
    await generate()
    const [signal] = await database.query<{ id: string; target_1: number; stop_loss: number }>({
      name: 'test.wait',
      text: `UPDATE signals SET status = 'PENDING' WHERE id = (SELECT id FROM signals WHERE side = 'LONG'
        AND status = 'EXPIRED' ORDER BY generated_at DESC LIMIT 1) RETURNING id, target_1, stop_loss`,
    })
    const { id, target_1, stop_loss } = signal
    expect(await call('POST', `/api/v1/signals/${id}/approve`)).toMatchObject({ status: 200 })
    const price = (target_1 + stop_loss) / 2
    const bar = (day: number, high: number) => ({
      timestamp: `2030-01-0${day}`,
      open: price,
      high,
      low: price,
      close: price,
      volume: 1e9,
    })
    const store = (...bars: object[]) =>
      call('POST', '/api/v1/bars', { symbol: 'SPX', timeframe: '1d', bars })
    expect(await store(bar(1, price))).toMatchObject({ status: 200, body: { inserted: 1 } })
    expect((await call('GET', `/api/v1/signals/${id}`)).body).toMatchObject({ signal: { status: 'FILLED' } })
    await store(bar(2, target_1 * 1.01))
    expect((await call('GET', `/api/v1/signals/${id}`)).body).toMatchObject({
      signal: { status: 'TARGET_HIT' },
    })
    expect(await call('POST', `/api/v1/signals/${id}/reject`)).toMatchObject({ status: 409 })
    const { body } = await call('GET', `/api/v1/positions?signal_id=${id}`)
    expect(body['data']).toMatchObject([
      { status: 'CLOSED', entry_price: expect.closeTo(price, 6) as number },
    ])
    const { body: trace } = await call('GET', `/api/v1/signals/${id}/trace`)
    expect((trace['audit'] as { action_type: string }[]).map(({ action_type }) => action_type)).toEqual([
      'signal_stored',
      'signal_approved',
      'signal_status',
      'signal_status',
    ])
    await database.execute({
      name: 'test.back',
      text: "DELETE FROM ohlcv_bars WHERE timestamp > '2029-01-01'",
    })
  })

  it('say where a series stands now', async () => {
    const { status, body } = await call(
      'GET',
      '/api/v1/patterns/detect?symbol=SPX&timeframe=1d&lookback=5000',
    )
    expect(status).toBe(200)
    expect(body['bars_analysed']).toBeGreaterThanOrEqual(5105)
    expect((body['patterns'] as unknown[]).length).toBeGreaterThan(0)
    expect((await call('GET', '/api/v1/patterns/detect?symbol=NONE&timeframe=1d')).status).toBe(404)
  })

  it('tell the events of a window in the order of their bars', async () => {
    const events = async (query: string) => {
      const { status, body } = await call('GET', `/api/v1/events?symbol=SPX&timeframe=1d${query}`)
      expect(status).toBe(200)
      return body as { total_count: number; events: { type: string; bar_timestamp: string }[] }
    }
    const all = await events('')
    expect(all.events).toHaveLength(all.total_count)
    expect(new Set(all.events.map(({ type }) => type))).toContain('SC')
    const times = all.events.map(({ bar_timestamp }) => Date.parse(bar_timestamp))
    expect(times).toEqual(times.toSorted((a, b) => a - b))
    const year = await events('&from=2008-01-01&to=2008-12-31')
    expect(year.total_count).toBeGreaterThan(0)
    expect(year.events).toEqual(all.events.filter(({ bar_timestamp }) => bar_timestamp.startsWith('2008')))
    expect((await events('&limit=2')).events).toEqual(all.events.slice(-2))
    expect((await call('GET', '/api/v1/events?symbol=NONE&timeframe=1d')).status).toBe(404)
  })
})

describe('backtests', () => {
  it('answer with the whole result when it is waited for, and are found later', async () => {
    const run = await call('POST', '/api/v1/backtests/run?wait=30', { ...period, strategy: 'sma_cross' })
    expect(run.status).toBe(200)
    expect(run.body).toMatchObject({ status: 'COMPLETED', symbol: 'SPX', start_date: '2010-01-01' })
    const id = run.body['backtest_run_id'] as string
    const read = await call('GET', `/api/v1/backtests/${id}?include=trades`)
    expect(read.body['trades']).toEqual(run.body['trades'])
    expect(read.body).not.toHaveProperty('equity_curve')
    const { body } = await call('GET', '/api/v1/backtests/results?symbol=SPX&status=COMPLETED')
    expect((body['data'] as Json[]).map((row) => row['backtest_run_id'])).toContain(id)
    const { body: explained } = await call('GET', `/api/v1/backtests/${id}/trace`)
    const exits = (explained['chain'] as DecidedStage[]).find(({ stage }) => stage === 'EXITS')!
    const counted = Object.values(exits.measured).reduce<number>((sum, count) => sum + Number(count), 0)
    expect(counted).toBe((run.body['trades'] as unknown[]).length)
  })

  it('are accepted with a place to look', async () => {
    const response = await app.request('/api/v1/backtests/run', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ...period, strategy: 'buy_and_hold', config: { initial_capital: 5_000 } }),
    })
    expect(response.status).toBe(202)
    const place = response.headers.get('location')!
    let read = await call('GET', place)
    while (read.body['status'] !== 'COMPLETED') read = await call('GET', place)
    expect(read.body['config']).toMatchObject({ initial_capital: 5_000 })
    const events = await (await app.request(`${place}/events`)).text()
    expect(events).toMatch(/^event: end\ndata: \{"status":"COMPLETED"/)
  })

  it('of a sweep are put together, the best first, and their progress streams until the end', async () => {
    const parameters = { position_frac: [0.1, 0.2, 0.3], strategy: ['sma_cross', 'buy_and_hold'] }
    const { symbol, start_date, end_date } = period
    const answer = await call('POST', '/api/v1/sweeps', {
      symbols: [symbol],
      start_date,
      end_date,
      strategy: 'sma_cross',
      parameters,
      metric: 'total_return',
    })
    expect([answer.status, answer.body['runs']]).toEqual([202, 6])
    const place = answer.headers.get('location')!
    const events = await (await app.request(`${place}/events`)).text()
    expect(events.split('event: ').at(-1)).toMatch(/^end\ndata: .*"completed":6/)
    const { body } = await call('GET', place)
    const ranked = body['ranked'] as { backtest_run_id: string; value: number; parameters: Json }[]
    expect(ranked.map(({ value }) => value)).toEqual(
      ranked.map(({ value }) => value).toSorted((a, b) => b - a),
    )
    // A part gives what the same run alone gives.
    const [best] = ranked
    const alone = await call('POST', '/api/v1/backtests/run?wait=30', {
      ...period,
      strategy: best.parameters['strategy'],
      config: { position_frac: best.parameters['position_frac'] },
    })
    expect((alone.body['metrics'] as Json)['total_return']).toBe(best.value)
  })
})

describe('the stream of signals', () => {
  it('tells them as they are stored, to those who asked for their symbol', async () => {
    const { bars } = parseBarsCsv(await readRealBarsCsv(), { symbol: 'LIVE', timeframe: '1d' })
    await storeBars(service.database, bars)
    const stream = async (symbol: string) =>
      (await app.request(`/api/v1/signals/events?symbol=${symbol}`))
        .body!.pipeThrough(new TextDecoderStream())
        .getReader()
    const [own, other] = [await stream('LIVE'), await stream('NONE')]
    for (const reader of [own, other]) expect((await reader.read()).value).toBe(': listening\n\n')
    await call('POST', '/api/v1/signals/generate', { symbol: 'LIVE', timeframe: '1d', lookback: 5000 })
    const { value } = await own.read()
    expect(value).toMatch(/^id: [0-9a-f-]{36}\nevent: signal\ndata: \{"id" ?: ?"[^"]+", ?"symbol" ?: ?"LIVE"/)
    const nothing = await Promise.race([other.read(), new Promise((resolve) => setTimeout(resolve, 200))])
    expect(nothing).toBeUndefined()
    for (const reader of [own, other]) await reader.cancel()
  })
})

describe('streams', () => {
  it('are so many of one client at once, waits included; HEAD opens none', async () => {
    const few = await startTestService({
      postgres: { ...service.postgres, stop: () => Promise.resolve() },
      maxStreams: 2,
    })
    try {
      const path = '/api/v1/signals/events?symbol=SPX'
      for (let i = 0; i < 5; i++) {
        const head = await few.app.request(path, { method: 'HEAD' })
        expect([head.status, head.body]).toEqual([200, null])
      }
      const open = [await few.app.request(path), await few.app.request(path)]
      expect(open.map(({ status }) => status)).toEqual([200, 200])
      const refused = await few.app.request(path)
      expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '5'])
      const run = { ...period, strategy: 'buy_and_hold' }
      expect((await few.call('POST', '/api/v1/backtests/run?wait=30', run)).status).toBe(429)
      await open[0].body!.cancel()
      const deadline = Date.now() + 5_000
      let status = 429
      while (status === 429 && Date.now() < deadline)
        ({ status } = await few.call('POST', '/api/v1/backtests/run?wait=1', run))
      expect(status).toBeLessThan(300)
      await open[1].body!.cancel()
    } finally {
      await few.stop()
    }
  })
})

describe('bars', () => {
  const rows = ['2024-01-01', '2024-01-02', '2024-01-03'].map((day) => `${day},10,12,9,11,1000`)
  const csv = ['date,open,high,low,close,volume', ...rows].join('\n')

  it('come as CSV, NDJSON or JSON, and the same again change nothing', async () => {
    expect(await upload('text/csv', csv)).toMatchObject({
      status: 200,
      body: { inserted: 3, rejected: [], latest_timestamp: '2024-01-03T00:00:00.000Z' },
    })
    const bars = rows.map((row) => ({
      timestamp: row.slice(0, 10),
      open: 10,
      high: 12,
      low: 9,
      close: 11,
      volume: 1000,
    }))
    const ndjson = bars.map((bar) => JSON.stringify(bar)).join('\n')
    expect((await upload('application/x-ndjson', ndjson)).body).toMatchObject({ inserted: 0, unchanged: 3 })
    const again = await call('POST', '/api/v1/bars', { symbol: 'UP', timeframe: '1d', bars })
    expect(again.body).toMatchObject({ inserted: 0, updated: 0, unchanged: 3 })
    const { body } = await call('GET', '/api/v1/bars?symbol=UP&timeframe=1d&from=2024-01-02')
    expect(body['data']).toMatchObject([{ close: 11 }, { close: 11 }])
  })

  it('may be compressed; what unpacks to too much ends early, what is broken is told', async () => {
    const packed = (text: string) => new Uint8Array(gzipSync(text))
    const send = async (type: string, body: Uint8Array<ArrayBuffer>, encoding: string) =>
      app.request('/api/v1/bars?symbol=GZ&timeframe=1d', {
        method: 'POST',
        headers: { 'content-type': type, 'content-encoding': encoding },
        body,
      })
    expect((await send('text/csv', packed(csv), 'gzip')).status).toBe(200)
    const json = JSON.stringify({
      symbol: 'GZ',
      timeframe: '1d',
      bars: [{ timestamp: '2024-01-01', open: 10, high: 12, low: 9, close: 11, volume: 1000 }],
    })
    expect(await (await send('application/json', packed(json), 'gzip')).json()).toMatchObject({
      unchanged: 1,
    })
    expect((await send('text/csv', packed(`${csv}${'\n'.repeat(2_000_000)}`), 'gzip')).status).toBe(413)
    expect((await send('application/json', packed(`"${'x'.repeat(8_000_000)}"`), 'gzip')).status).toBe(413)
    expect((await send('text/csv', new TextEncoder().encode(csv), 'gzip')).status).toBe(400)
    expect((await send('application/json', packed(json).slice(0, 40), 'gzip')).status).toBe(400)
    expect((await send('text/csv', packed(csv), 'br')).status).toBe(415)
  })

  it('say which rows are bad and why', async () => {
    const mixed = [
      csv,
      '2024-01-02,10,12,9,11,1000',
      '2024-01-04,10,8,9,8.5,1',
      'x',
      '2024-01-05,1,2,0.5,1.5,3',
    ].join('\n')
    const { body } = await upload('text/csv', mixed, 'symbol=MIX&timeframe=1d')
    expect(body).toMatchObject({ inserted: 4, rejected_count: 3 })
    expect((body['rejected'] as { index: number }[]).map(({ index }) => index)).toEqual([3, 4, 5])
    const bar = { timestamp: '2024-02-05', open: 1, high: 2, low: 1, close: 1, volume: 1 }
    const faults = [
      [{ ...bar, colour: 'red' }, 'has an unknown field "colour"'],
      [{ ...bar, symbol: 'OTHER' }, 'symbol is not MIX'],
      [{ ...bar, timestamp: true }, 'timestamp is not a time'],
      [{ ...bar, timestamp: 'March 7, 2024' }, 'timestamp is not a time'],
      [{ ...bar, timestamp: '2024-02-30' }, 'timestamp is not a time'],
      [{ ...bar, open: '1' }, 'open is not a number'],
      [null, 'is not an object'],
    ] as const
    const ndjson = [
      ...faults.map(([row]) => JSON.stringify(row)),
      JSON.stringify(bar),
      '{"__proto__":1}',
      '{',
    ]
    const { body: strict } = await upload(
      'application/x-ndjson',
      ndjson.join('\n'),
      'symbol=MIX&timeframe=1d',
    )
    expect(strict['inserted']).toBe(1)
    expect(strict['rejected']).toEqual([
      ...faults.map(([, reason], index) => ({ index, reason })),
      { index: 8, reason: 'has an unknown field "__proto__"' },
      { index: 9, reason: 'is not JSON' },
    ])
    const headless = await upload('text/csv', '2024-01-01,10,12,9,11,1000')
    expect(headless.body['detail']).toContain('the header has no column date, open')
    // Lines that end as on an old Mac, and half of them as on Windows: rows keep their numbers.
    const mac = await upload(
      'text/csv',
      `${csv.replaceAll('\n', '\r')}\r\nx\r2024-01-04,1,1,1,1,1`,
      'symbol=MAC&timeframe=1d',
    )
    expect(mac.body).toMatchObject({ inserted: 4, rejected: [{ index: 3 }] })
    const lines = ['{"timestamp":"2024-02-01"}', 'not json', '{"timestamp":"2024-02-02","open":"1"}'].join(
      '\n',
    )
    expect((await upload('application/x-ndjson', lines)).status).toBe(422)
  })
})

describe('a browser', () => {
  const ask = (origin: string, method = 'GET', headers: Record<string, string> = {}) =>
    app.request('/api/v1/audit?limit=1', { method, headers: { ...headers, origin } })
  const allowed = 'access-control-allow-origin'

  it('may read for the pages of the viewer, and of nobody else', async () => {
    expect((await ask('http://127.0.0.1:4319')).headers.get(allowed)).toBe('http://127.0.0.1:4319')
    for (const origin of ['https://evil.example', 'null', 'http://127.0.0.1:4319.evil.example'])
      expect([origin, (await ask(origin)).headers.get(allowed)]).toEqual([origin, null])
    const preflight = await ask('https://evil.example', 'OPTIONS', {
      'access-control-request-method': 'POST',
    })
    expect(preflight.headers.get(allowed)).toBeNull()
  })

  it('is told not to guess and not to frame, in answers that are no success too', async () => {
    for (const path of ['/api/v1/audit', '/api/v1/nothing', '/api/v1/audit?limit=x', '/docs']) {
      const { headers } = await app.request(path)
      const said = ['x-content-type-options', 'x-frame-options', 'cross-origin-resource-policy'].map((name) =>
        headers.get(name),
      )
      expect([path, ...said]).toEqual([path, 'nosniff', 'SAMEORIGIN', 'same-origin'])
    }
  })
})

describe('prices beyond measure', () => {
  it('are no fault of the service: what cannot be stored is 422, told to the operator', async () => {
    const real = (await readRealBarsCsv()).trim().split('\n')
    const before = logged.length
    for (const [symbol, factor] of [
      ['HUGE', 2.9e6],
      ['TINY', 5e-9],
    ] as const) {
      const scaled = real.map((line, i) =>
        i === 0
          ? line
          : line
              .split(',')
              .map((cell, k) => (k >= 1 && k <= 4 ? (Number(cell) * factor).toPrecision(12) : cell))
              .join(','),
      )
      const sent = await app.request(`/api/v1/bars?symbol=${symbol}&timeframe=1d`, {
        method: 'POST',
        headers: { 'content-type': 'text/csv' },
        body: scaled.join('\n'),
      })
      expect(sent.status).toBe(200)
      const { status, body } = await call('POST', '/api/v1/signals/generate', { symbol, timeframe: '1d' })
      expect([symbol, status]).toEqual([symbol, 422])
      expect(body['detail']).toContain('beyond what can be stored')
      const { body: nothing } = await call('GET', `/api/v1/ranges?symbol=${symbol}`)
      expect(nothing['data']).toEqual([])
    }
    expect(logged.slice(before).map(({ level }) => level)).toEqual(['warn', 'warn'])
  })
})

describe('bad input', () => {
  const deep = '['.repeat(100_000)
  const json = (text: string) => ['POST', '/api/v1/signals/generate', text] as const
  it.each([
    [400, json('{')],
    [400, json(deep)],
    [422, json('[]')],
    [422, json('null')],
    [422, json('{"symbol":"SPX"}')],
    [422, json('{"symbol":"SPX","timeframe":"1d","extra":1}')],
    [422, json('{"symbol":5,"timeframe":"1d"}')],
    [422, json(`{"symbol":"${'x'.repeat(21)}","timeframe":"1d"}`)],
    [404, json(`{"symbol":"';DROP--","timeframe":"1d"}`)],
    [422, json('{"symbol":"a\\u0000b","timeframe":"1d"}')],
    [404, json('{"symbol":"NONE","timeframe":"1d"}')],
    [413, json(`{"symbol":"${'x'.repeat(5_000_000)}"}`)],
    [
      422,
      [
        'POST',
        '/api/v1/backtests/run',
        '{"symbol":"SPX","start_date":"2012-01-01","end_date":"2010-01-01","strategy":"sma_cross"}',
      ],
    ],
    [
      422,
      [
        'POST',
        '/api/v1/backtests/run',
        '{"symbol":"SPX","start_date":"1950-01-01","end_date":"1951-01-01","strategy":"sma_cross"}',
      ],
    ],
    [
      422,
      [
        'POST',
        '/api/v1/backtests/run?wait=61',
        '{"symbol":"SPX","start_date":"2012-01-01","end_date":"2013-01-01","strategy":"sma_cross"}',
      ],
    ],
    [422, ['GET', '/api/v1/signals/active?limit=201']],
    [422, ['GET', '/api/v1/signals/active?nonsense=1']],
    [422, ['GET', '/api/v1/signals/not-an-id']],
    [422, ['GET', '/api/v1/bars?symbol=SPX&timeframe=2d']],
    [404, ['GET', '/api/v1/nothing']],
    [400, ['GET', '/api/v1/campaigns?user_id=%ff']],
    [400, ['GET', '/api/v1/signals/%']],
    [422, ['GET', '/api/v1/audit?action_type=%00']],
    [422, ['GET', '/api/v1/signals/active?min_confidence=70.5']],
    [422, ['GET', '/api/v1/bars?symbol=SPX&timeframe=1d&from=2012-01-01&to=2011-01-01']],
    [
      422,
      [
        'POST',
        '/api/v1/backtests/run',
        '{"symbol":"SPX","start_date":"0000-01-01","end_date":"9999-12-31","strategy":"sma_cross"}',
      ],
    ],
    [405, ['DELETE', '/api/v1/signals/active']],
  ] as [number, [string, string, string?]][])(
    'is answered with %d',
    async (expected, [method, path, body]) => {
      const before = logged.length
      const { status, body: problem } = await call(method, path, body)
      expect({ status, problem: problem['detail'] }).toEqual({
        status: expected,
        problem: expect.any(String) as string,
      })
      expect(Object.keys(problem).sort()).toEqual(
        ['detail', 'errors', 'instance', 'status', 'title', 'trace_id', 'type'].sort(),
      )
      expect(logged.slice(before)).toEqual([])
    },
  )

  it('is not stored: invalid UTF-8 in any format', async () => {
    const bytes = Uint8Array.from([0x64, 0x61, 0xff, 0xfe, 0x0a])
    for (const type of ['text/csv', 'application/x-ndjson', 'application/json']) {
      const { status } = await upload(type, bytes, 'symbol=BAD&timeframe=1d')
      expect([type, status]).toEqual([type, 400])
    }
    expect((await upload('text/xml', '<a/>')).status).toBe(415)
  })
})
