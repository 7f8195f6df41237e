import { fork } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { request } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { EmbeddedPostgres } from './embedded-postgres.ts'
import { startTemporaryPostgres } from './temporary-postgres.ts'

// A million rows over a socket into the service as production runs it, in a process of its own whose memory is read
// from /proc while it works.

const rows = 1_000_000
const megabyte = 2 ** 20
let postgres: EmbeddedPostgres
let url: string
let stop: () => Promise<void>
let pid: number

beforeAll(async () => {
  postgres = await startTemporaryPostgres()
  const child = fork(new URL('main.ts', import.meta.url), {
    // A heap that would not hold the rows: what is not needed any more must be let go.
    execArgv: ['--max-old-space-size=96'],
    env: {
      ...process.env,
      DATABASE_URL: postgres.url,
      TAPESCOPE_PORT: '0',
      OTEL_TRACES_EXPORTER: 'none',
    },
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
  let log = ''
  url = await new Promise<string>((resolve, reject) => {
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      log += text
      const found = /"url":"([^"]+)"/.exec(log)?.[1]
      if (found !== undefined) resolve(found)
    })
    child.once('exit', () => reject(new Error(`the service did not start: ${log}`)))
  })
  pid = child.pid!
  stop = async () => {
    child.kill('SIGTERM')
    if (child.exitCode === null) await once(child, 'exit')
  }
})
afterAll(async () => {
  await stop()
  await postgres.stop()
})

/** Resident memory of the service now, bytes. */
function resident(): number {
  const [, kilobytes] = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))!
  return Number(kilobytes) * 1_024
}

function* lines(format: 'csv' | 'ndjson'): Generator<string> {
  if (format === 'csv') yield 'date,open,high,low,close,volume\n'
  let text = ''
  for (let i = 0; i < rows; i++) {
    const timestamp = new Date(Date.UTC(2000, 0) + i * 60_000).toISOString()
    const close = 100 + (i % 997) / 100
    text +=
      format === 'csv'
        ? `${timestamp},${close},${close + 1},${close - 1},${close},${1000 + (i % 89)}\n`
        : `{"timestamp":"${timestamp}","open":${close},"high":${close + 1},"low":${close - 1},"close":${close},"volume":${1000 + (i % 89)}}\n`
    if (i % 1_000 === 999) {
      yield text
      text = ''
    }
  }
  yield text
}

async function upload(format: 'csv' | 'ndjson', symbol: string) {
  const type = format === 'csv' ? 'text/csv' : 'application/x-ndjson'
  const outgoing = request(`${url}/api/v1/bars?symbol=${symbol}&timeframe=1m`, {
    method: 'POST',
    headers: { 'content-type': type },
  })
  const answered = once(outgoing, 'response')
  const memory: number[] = []
  const timer = setInterval(() => memory.push(resident()), 100)
  await pipeline(Readable.from(lines(format)), outgoing)
  const [response] = (await answered) as [Readable & { statusCode: number }]
  let text = ''
  for await (const chunk of response) text += String(chunk)
  clearInterval(timer)
  return { status: response.statusCode, body: JSON.parse(text) as Record<string, unknown>, memory }
}

describe('a million rows', () => {
  it.runIf(process.platform === 'linux')(
    'come as CSV, and the same as NDJSON change nothing, with memory that stays flat',
    async () => {
      const before = resident()
      const csv = await upload('csv', 'MILLION')
      expect(csv.status).toBe(200)
      expect(csv.body).toMatchObject({ inserted: rows, updated: 0, unchanged: 0, rejected_count: 0 })
      const ndjson = await upload('ndjson', 'MILLION')
      expect(ndjson.body).toMatchObject({ inserted: 0, updated: 0, unchanged: rows, rejected_count: 0 })
      // The first upload also warms the process up: its heap grows until it is as large as the work needs.
      for (const [{ memory }, growth] of [
        [csv, 96],
        [ndjson, 32],
      ] as const) {
        const quarter = Math.floor(memory.length / 4)
        const early = Math.max(...memory.slice(0, quarter))
        const late = Math.max(...memory.slice(-quarter))
        console.info(
          `resident: ${(before / megabyte).toFixed(0)} MB before, ${(early / megabyte).toFixed(0)} in the first quarter, ` +
            `${(late / megabyte).toFixed(0)} in the last, ${(Math.max(...memory) / megabyte).toFixed(0)} at most`,
        )
        // Three quarters of the rows come after the first quarter, and must not be kept.
        expect(Math.max(...memory)).toBeLessThan(400 * megabyte)
        expect(late - early).toBeLessThan(growth * megabyte)
      }
    },
  )
})
