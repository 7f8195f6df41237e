import { Pool } from 'undici'
import { type Call, calls } from './traffic-model.ts'

export interface Answer {
  readonly ok: boolean
  /** The status, or the code of the error that took its place: `200`, `404`, `timeout`, `ECONNREFUSED`. */
  readonly reason: string
  /** Null when there was no answer. */
  readonly status: number | null
  readonly body: Buffer
  /** On the clock of `performance.now()`. */
  readonly sentMs: number
  readonly answeredMs: number
}

export interface CallClient {
  /** Reads the whole answer. Never rejects. */
  send(call: Call): Promise<Answer>
  close(): Promise<void>
}

interface CallClientOptions {
  url: string
  key: string | null
  /** Connections, kept open between calls; a call that finds none free waits, and its latency grows. */
  connections: number
  timeoutMs: number
}

export function openCallClient({ url, key, connections, timeoutMs }: CallClientOptions): CallClient {
  const { origin, pathname } = new URL(url)
  const prefix = pathname.replace(/\/$/, '')
  const pool = new Pool(origin, { connections, pipelining: 1, connect: { timeout: timeoutMs } })
  const always = key === null ? {} : { authorization: `Bearer ${key}` }
  return {
    async send({ name, method, path, body }) {
      const sentMs = performance.now()
      try {
        const response = await pool.request({
          method,
          path: prefix + path,
          headers: body === undefined ? always : { ...always, 'content-type': 'application/json' },
          body: body ?? null,
          // From here to the last byte, the wait for a connection included.
          signal: AbortSignal.timeout(timeoutMs),
        })
        const bytes = Buffer.from(await response.body.arrayBuffer())
        const { statusCode: status } = response
        const ok = calls[name].success.includes(status)
        return { ok, reason: String(status), status, body: bytes, sentMs, answeredMs: performance.now() }
      } catch (error) {
        const reason = reasonOf(error as Error)
        return {
          ok: false,
          reason,
          status: null,
          body: Buffer.alloc(0),
          sentMs,
          answeredMs: performance.now(),
        }
      }
    },
    close: () => pool.destroy(),
  }
}

function reasonOf(error: Error): string {
  const { code } = error as NodeJS.ErrnoException
  if (error.name === 'TimeoutError' || /TIMEOUT/.test(code ?? '')) return 'timeout'
  const { cause } = error as { cause?: NodeJS.ErrnoException }
  return code ?? cause?.code ?? error.name
}
