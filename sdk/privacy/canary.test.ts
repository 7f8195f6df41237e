import { logs, SpanKind } from '@opentelemetry/api'
import { Hono } from 'hono'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import * as fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { traceRequests } from '../hono.ts'
import { bindCounter } from '../instruments.ts'
import { createLogger } from '../logs/create-logger.ts'
import { startTelemetry, type Telemetry } from '../start-telemetry.ts'
import { startOtlpSink, type OtlpSink } from '../testing/otlp-sink.ts'
import { traced } from '../traced.ts'
import { withSpan } from '../with-span.ts'
import { maskMessage, maskStatement, maskUrl } from './mask-text.ts'

const canary = 'canary7f3a9bq2x'
let sink: OtlpSink
let telemetry: Telemetry
const peer = createServer((_, response) => response.end())
const lines: string[] = []

beforeAll(async () => {
  sink = await startOtlpSink()
  telemetry = await startTelemetry({
    serviceName: 'canary',
    otlpEndpoint: sink.url,
    logsExporter: ['otlp'],
    metricsExporter: ['otlp'],
    resourceAttributes: { 'deployment.note': `Bearer ${canary}` },
    redactKeys: ['account'],
  })
  await new Promise<void>((resolve) => peer.listen(0, '127.0.0.1', resolve))
})

afterAll(async () => {
  await telemetry.shutdown()
  await sink.close()
  peer.close()
})

it('emits a secret nowhere: headers, URLs, SQL, error messages, arguments', async () => {
  const log = createLogger({ write: (line) => lines.push(line) })
  const place = `http://127.0.0.1:${(peer.address() as AddressInfo).port}`
  const failing = traced('desk.order', (_order: string, _config: object): never => {
    throw new Error(`order for "${canary}" failed: password=${canary}, token ${canary}`)
  })
  const app = new Hono()
  app.use(traceRequests())
  app.get('/login/:key', () => {
    throw new Error(`could not reach postgres://desk:${canary}@db.internal/x?sslkey=${canary}`)
  })

  await withSpan('work', async (span) => {
    expect(() => failing(canary, { apiKey: canary })).toThrow(canary)
    const url = `${place}/bot${canary}/send?sig=${canary}&${canary}#${canary}`
    await (await fetch(url, { headers: { authorization: `Bearer ${canary}`, cookie: `s=${canary}` } })).text()
    await app.request(`http://host/login/${canary}?token=${canary}`, {
      headers: { authorization: `Basic ${canary}`, 'x-api-key': canary, referer: `http://x/?k=${canary}` },
    })
    span.setAttributes({
      'http.request.header.authorization': [`Bearer ${canary}`],
      'http.request.header.x-api-key': canary,
      'http.response.header.set-cookie': [canary],
      'user.password': canary,
      'desk.account_name': canary,
      'db.query.text': `select * from users where name = '${canary}' -- ${canary}`,
      'db.query.parameter.0': canary,
      'db.postgresql.values': [canary],
      'process.command_args': ['node', `--key=${canary}`],
      note: `key: AKIA${'A'.repeat(16)} and access_key="${canary}"`,
      nested: [`https://host/?q=${canary}`],
    })
    span.addEvent('retry', { 'exception.message': `Key (email)=(${canary}) already exists`, secret: canary })
    span.updateName(`GET https://host/?q=${canary}`)
    span.recordException(new TypeError(`bad value '${canary}'`))
    log.error('login failed', {
      error: new Error(`bad "${canary}"`),
      headers: { authorization: canary },
      password: canary,
    })
    log.info(`calling https://host/?token=${canary} with Bearer ${canary}`)
    logs.getLogger('host').emit({ body: `password=${canary}`, attributes: { 'api.token': canary } })
  })
  await expect(
    withSpan('rejected', () => Promise.reject(new Error(`secret ${canary}`)), { kind: SpanKind.CLIENT }),
  ).rejects.toThrow(canary)
  bindCounter('api_requests_total', { method: 'GET', endpoint: '/login/:key', status_code: '500' }).add()

  expect(await telemetry.flush()).toBe(true)
  const sent = sink.bodies.map(({ path, body }) => `${path} ${body.toString('latin1')}`)
  const metrics = await (await telemetry.metricsHandler(new Request('http://localhost/'))).text()
  const everything = [...sent, ...lines, metrics, await telemetry.configuration()].join('\n')
  // It was emitted, all of it…
  for (const part of [
    '/v1/traces',
    '/v1/logs',
    '/v1/metrics',
    'desk.order',
    'GET /login/:key',
    'retry',
    'login failed',
  ])
    expect(everything).toContain(part)
  expect(sink.spans.length).toBe(5)
  // … and the secret was not.
  expect(everything).not.toContain(canary)
  expect(everything).toContain('***')
})

it('keeps what helps: sentences, statement shapes, hosts, names of parameters', () => {
  expect(maskMessage('duplicate key value violates unique constraint "bars_pkey"')).toBe(
    'duplicate key value violates unique constraint "***"',
  )
  expect(maskMessage('timeout after 5000 ms in backtest of 5105 bars')).toBe(
    'timeout after 5000 ms in backtest of 5105 bars',
  )
  expect(maskUrl('https://a:b@host:8443/v1/bars/AAPL?symbol=AAPL&limit=5#top')).toBe(
    'https://***@host:8443/v1/bars/AAPL?symbol=***&limit=***',
  )
  expect(
    maskStatement(`select a1, "t2" from x where b = 'it''s' and c > -1.5e3 and d = $1 /* s */ -- s`),
  ).toBe('select a1, "t2" from x where b = ? and c > ? and d = $1    ')
  expect(maskStatement("insert into t values (E'a\\'b', $tag$x$tag$, $$y$$)")).toBe(
    'insert into t values (?, ?, ?)',
  )
})

it('masks a token in a message wherever it stands', () => {
  const token = fc
    .string({
      unit: fc.constantFrom(...Array.from('abcdefghijkmnpqrstuvwxyz0123456789')),
      minLength: 12,
      maxLength: 40,
    })
    .filter((text) => /[a-z]/.test(text) && /\d/.test(text))
  const around = fc.constantFrom(
    '',
    ' ',
    '"',
    "'",
    '=',
    ': ',
    '(',
    ')',
    ',',
    '/',
    '?q=',
    '@',
    '://',
    '\n',
    '[',
    '{',
  )
  fc.assert(
    fc.property(token, around, around, (secret, before, after) => {
      expect(maskMessage(`login of desk${before}${secret}${after}failed`)).not.toContain(secret)
    }),
  )
})

it('keeps spans within the limits on count and size of attributes', async () => {
  const before = sink.bodies.length
  withSpan('large', (span) => {
    for (let i = 0; i < 1000; i++) span.setAttribute(`key.${i}`, 'x'.repeat(10_000))
  })
  await telemetry.flush()
  const size = sink.bodies.slice(before).reduce((sum, { body }) => sum + body.length, 0)
  expect(size).toBeLessThan(128 * 4200)
  expect(size).toBeGreaterThan(128 * 4096 * 0.9)
})
