import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import type { EmbeddedPostgres } from './embedded-postgres.ts'
import { startTemporaryPostgres } from './temporary-postgres.ts'

// The service as production runs it, ended in the middle of its work.

let postgres: EmbeddedPostgres
let child: ChildProcess | undefined

beforeAll(async () => {
  postgres = await startTemporaryPostgres()
})
afterEach(() => end('SIGKILL'))
afterAll(() => postgres.stop())

/** Starts it and answers with its URL. */
async function start(): Promise<string> {
  const made = fork(new URL('main.ts', import.meta.url), {
    env: { ...process.env, DATABASE_URL: postgres.url, TAPESCOPE_PORT: '0', OTEL_TRACES_EXPORTER: 'none' },
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
  child = made
  let log = ''
  return new Promise<string>((resolve, reject) => {
    made.stderr!.setEncoding('utf8').on('data', (text: string) => {
      log += text
      const found = /"url":"([^"]+)"/.exec(log)?.[1]
      if (found !== undefined) resolve(found)
    })
    made.once('exit', () => reject(new Error(`the service did not start: ${log}`)))
  })
}

/** Its exit code; null when a signal ended it. */
async function end(signal: NodeJS.Signals): Promise<number | null> {
  const ending = child
  child = undefined
  if (ending === undefined) return null
  if (ending.exitCode === null && ending.signalCode === null) {
    ending.kill(signal)
    await once(ending, 'exit')
  }
  return ending.exitCode
}

const rowsOf = (first: number, count: number) =>
  Array.from({ length: count }, (_, k) => {
    const i = first + k
    const close = 100 + (i % 997) / 100
    return `${new Date(Date.UTC(2000, 0) + i * 60_000).toISOString()},${close},${close + 1},${close - 1},${close},1000\n`
  }).join('')
const header = 'date,open,high,low,close,volume\n'

async function json(url: string, init?: RequestInit): Promise<Record<string, unknown>> {
  return (await (await fetch(url, init)).json()) as Record<string, unknown>
}
const post = (url: string, body: unknown) =>
  fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
const storeCsv = (url: string, symbol: string, csv: string) =>
  json(`${url}/api/v1/bars?symbol=${symbol}&timeframe=1m`, {
    method: 'POST',
    headers: { 'content-type': 'text/csv' },
    body: csv,
  })

async function storedBars(url: string, symbol: string): Promise<number> {
  const body = await json(`${url}/api/v1/bars?symbol=${symbol}&timeframe=1m&limit=1`)
  return (body['pagination'] as { total_count: number }).total_count
}

async function until(what: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 60_000
  while (!(await what())) {
    if (Date.now() > deadline) throw new Error('not within 60 s')
    await sleep(50)
  }
}

it('killed in mid-upload and in mid-backtest: what was acknowledged is there, the rest whole or not at all, the run ends', async () => {
  const url = await start()
  expect(await storeCsv(url, 'ACK', header + rowsOf(0, 60_000))).toMatchObject({ inserted: 60_000 })
  const accepted: string[] = []
  for (let i = 0; i < 6; i++) {
    const period = { start_date: '2000-01-01', end_date: '2000-03-01', strategy: 'wyckoff_all' }
    const answer = await post(`${url}/api/v1/backtests/run`, { symbol: 'ACK', timeframe: '1m', ...period })
    expect(answer.status).toBe(202)
    accepted.push(((await answer.json()) as { backtest_run_id: string }).backtest_run_id)
  }
  const upload = request(`${url}/api/v1/bars?symbol=HALF&timeframe=1m`, {
    method: 'POST',
    headers: { 'content-type': 'text/csv' },
  })
  upload.on('error', () => undefined)
  upload.write(header + rowsOf(0, 40_000))
  await until(async () => (await storedBars(url, 'HALF')) > 0)
  await end('SIGKILL')

  const again = await start()
  expect(await storedBars(again, 'ACK')).toBe(60_000)
  const half = await storedBars(again, 'HALF')
  expect(half).toBeGreaterThan(0)
  // A transaction is 5,000 rows.
  expect(half % 5_000).toBe(0)
  expect(await storeCsv(again, 'HALF', header + rowsOf(0, 40_000))).toMatchObject({
    inserted: 40_000 - half,
    unchanged: half,
  })
  for (const id of accepted) {
    await until(
      async () => (await json(`${again}/api/v1/backtests/${id}?include=`))['status'] === 'COMPLETED',
    )
  }
})

it('told to end with requests under way: they are answered, nothing new is taken, it ends well', async () => {
  const url = await start()
  expect(await storeCsv(url, 'TERM', header + rowsOf(0, 1_000))).toMatchObject({ inserted: 1_000 })
  const upload = request(`${url}/api/v1/bars?symbol=SLOW&timeframe=1m`, {
    method: 'POST',
    headers: { 'content-type': 'text/csv' },
  })
  const answered = once(upload, 'response') as Promise<[{ statusCode: number; resume(): void }]>
  upload.write(header + rowsOf(0, 10_000))
  await until(async () => (await storedBars(url, 'SLOW')) > 0)
  const stream = await fetch(`${url}/api/v1/signals/events?symbol=TERM`)
  const streamed = stream.text()

  const ending = child!
  ending.kill('SIGTERM')
  // It listens no more; what has begun goes on.
  await until(async () => {
    try {
      await fetch(`${url}/healthz`, { headers: { connection: 'close' } })
      return false
    } catch {
      return true
    }
  })
  upload.end(rowsOf(10_000, 10_000))
  const [response] = await answered
  expect(response.statusCode).toBe(200)
  response.resume()
  expect(await streamed).toContain(': listening')
  if (ending.exitCode === null) await once(ending, 'exit')
  expect(ending.exitCode).toBe(0)
  child = undefined

  const again = await start()
  expect(await storedBars(again, 'SLOW')).toBe(20_000)
  expect(await end('SIGTERM')).toBe(0)
})
