import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { readApiKeys } from './api-keys.ts'
import type { EmbeddedPostgres } from './embedded-postgres.ts'
import { serve, type Service } from './serve.ts'
import { readServiceLimits } from './service-limits.ts'
import { startTemporaryPostgres } from './temporary-postgres.ts'

let postgres: EmbeddedPostgres
let service: Service
const logged: Record<string, unknown>[] = []

beforeAll(async () => {
  postgres = await startTemporaryPostgres()
  service = await serve({
    databaseUrl: postgres.url,
    host: '127.0.0.1',
    port: 0,
    version: '0.0.0',
    metrics: async () => new Response(''),
    keys: readApiKeys(undefined),
    limits: readServiceLimits({ TAPESCOPE_HEADER_SECONDS: '1', TAPESCOPE_REQUEST_SECONDS: '2' }),
    allowedOrigins: [],
    log: (line) => logged.push(line),
  })
})
afterAll(async () => {
  await service.stop()
  await postgres.stop()
})

function open(): Socket {
  const socket = connect(Number(new URL(service.url).port), '127.0.0.1')
  socket.on('error', () => undefined)
  return socket
}

/** Sends `text` and answers with all that comes back until the service closes the connection. */
async function answerTo(text: string): Promise<string> {
  const socket = open()
  let answer = ''
  socket.setEncoding('utf8').on('data', (chunk: string) => (answer += chunk))
  socket.write(text)
  await once(socket, 'close')
  return answer
}

const head = (first: string, ...headers: string[]) =>
  [first, 'Host: 127.0.0.1', ...headers].join('\r\n') + '\r\n'
const stored = () => service.database.query({ name: 'any', text: 'SELECT FROM ohlcv_bars LIMIT 1' })

it('lets a client go whose headers do not end', { timeout: 30_000 }, async () => {
  expect(await answerTo(head('GET /healthz HTTP/1.1'))).toMatch(/^HTTP\/1\.1 408 /)
})

it('lets a client go whose body does not end, and stores nothing of it', { timeout: 30_000 }, async () => {
  const json = head('POST /api/v1/bars HTTP/1.1', 'Content-Type: application/json', 'Content-Length: 1000')
  const csv = head(
    'POST /api/v1/bars?symbol=A&timeframe=1d HTTP/1.1',
    'Content-Type: text/csv',
    'Content-Length: 1000',
  )
  const row = 'timestamp,open,high,low,close,volume\n2020-01-02,1,2,1,2,5\n'
  const answers = await Promise.all([answerTo(`${json}\r\n{"symbol":`), answerTo(`${csv}\r\n${row}`)])
  for (const answer of answers) expect(answer).toMatch(/^HTTP\/1\.1 (408|400) /)
  expect(await stored()).toEqual([])
})

it('keeps whole parts of an upload that breaks off, and takes it again', { timeout: 30_000 }, async () => {
  const rows = Array.from(
    { length: 25_000 },
    (_, i) => `${new Date(Date.UTC(2000, 0) + i * 60_000).toISOString()},1,2,1,2,5`,
  )
  const csv = `date,open,high,low,close,volume\n${rows.join('\n')}\n`
  const place = '/api/v1/bars?symbol=BROKEN&timeframe=1m'
  const count = async () => {
    const response = await fetch(`${service.url}${place}&limit=1`)
    return ((await response.json()) as { pagination: { total_count: number } }).pagination.total_count
  }
  const socket = open()
  socket.write(
    `${head(`POST ${place} HTTP/1.1`, 'Content-Type: text/csv', 'Content-Length: 9000000')}\r\n${csv}`,
  )
  // The rest would wait for more rows. The service gives up after 2 s, this client before: how much is stored then depends
  // on the machine.
  const deadline = Date.now() + 10_000
  while ((await count()) < 20_000 && !socket.destroyed && Date.now() < deadline)
    await new Promise((done) => setTimeout(done, 20))
  socket.destroy()
  expect((await count()) % 5_000).toBe(0)
  const again = await fetch(`${service.url}${place}`, {
    method: 'POST',
    headers: { 'content-type': 'text/csv' },
    body: csv,
  })
  const { inserted, unchanged } = (await again.json()) as { inserted: number; unchanged: number }
  // The last 5,000 rows never were a part.
  expect(inserted).toBeGreaterThanOrEqual(5_000)
  expect(inserted + unchanged).toBe(25_000)
  expect(await count()).toBe(25_000)
  // That a client went away is no fault of ours.
  expect(logged.filter(({ level }) => level === 'error')).toEqual([])
})

it('serves others while two hundred clients dawdle', { timeout: 30_000 }, async () => {
  const sockets = Array.from({ length: 200 }, () => {
    const socket = open()
    socket.write(head('GET /healthz HTTP/1.1'))
    return socket
  })
  try {
    for (let i = 0; i < 20; i++)
      expect((await fetch(`${service.url}/api/v1/signals/active`)).status).toBe(200)
  } finally {
    for (const socket of sockets) socket.destroy()
  }
})

it.each([
  [
    'headers of more than 16 KiB',
    head('GET /healthz HTTP/1.1', `X-Long: ${'a'.repeat(17_000)}`) + '\r\n',
    431,
  ],
  [
    '3,000 headers',
    head('GET /healthz HTTP/1.1', ...Array.from({ length: 3_000 }, (_, i) => `X-${i}: 1`)) + '\r\n',
    431,
  ],
  ['bytes that are no HTTP', '\x16\x03\x01\x02\x00 hello\r\n\r\n', 400],
  [
    'a length and chunks in one request',
    head('POST /api/v1/bars HTTP/1.1', 'Content-Length: 4', 'Transfer-Encoding: chunked') + '\r\n0\r\n\r\n',
    400,
  ],
  [
    'two lengths',
    head('POST /api/v1/bars HTTP/1.1', 'Content-Length: 4', 'Content-Length: 5') + '\r\nabcd',
    400,
  ],
  ['a length that is none', head('POST /api/v1/bars HTTP/1.1', 'Content-Length: -1') + '\r\n', 400],
  ['no Host', 'GET /healthz HTTP/1.1\r\n\r\n', 400],
  ['a foreign Host', 'GET /healthz HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n', 403],
])('refuses %s, and goes on', { timeout: 30_000 }, async (_, text, status) => {
  expect(await answerTo(text)).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
  expect((await fetch(`${service.url}/healthz`)).status).toBe(200)
})
