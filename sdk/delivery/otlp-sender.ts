import { context } from '@opentelemetry/api'
import { suppressTracing } from '@opentelemetry/core'
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { packageVersion } from '../package-version.ts'

/** Where one signal goes: an OTLP/HTTP receiver. */
export interface OtlpTarget {
  /** Full URL, `/v1/traces` and the like included. */
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  /** How long one request may take, in ms; Infinity for no limit. */
  readonly timeoutMs: number
  readonly encoding: 'protobuf' | 'json'
  /** PEM texts: the authority that signed the server's certificate, and the client's own pair. */
  readonly ca?: string
  readonly key?: string
  readonly cert?: string
}

/** What a backend said to one request, or what became of the request. */
export type Answer =
  | { readonly kind: 'delivered'; readonly body: Uint8Array }
  | {
      readonly kind: 'later'
      readonly why: string
      readonly afterMs?: number
      /** Nobody is there at all: no connection was made. */
      readonly nobody?: true
    }
  | { readonly kind: 'refused'; readonly why: string }

export interface OtlpSender {
  send(body: Uint8Array, gzip: boolean): Promise<Answer>
  close(): void
}

/** Exactly these may be sent again, says the OTLP specification. */
const retryable = new Set([429, 502, 503, 504])
const nobody = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN'])
const longestAnswer = 65_536

/**
 * Posts batches to an OTLP/HTTP receiver, each request once: whether and when to try again is the queue's. Never
 * rejects. Its sockets do not keep the process alive; who waits for an answer must.
 */
export function createOtlpSender(target: OtlpTarget): OtlpSender {
  const url = new URL(target.url)
  const { ca, key, cert } = target
  const secure = url.protocol === 'https:'
  const request = secure ? httpsRequest : httpRequest
  const agent = secure
    ? new HttpsAgent({
        keepAlive: true,
        ...(ca !== undefined && { ca }),
        ...(key !== undefined && { key }),
        ...(cert !== undefined && { cert }),
      })
    : new HttpAgent({ keepAlive: true })
  const headers = {
    'content-type': target.encoding === 'json' ? 'application/json' : 'application/x-protobuf',
    'user-agent': `tapescope-sdk/${packageVersion}`,
    ...target.headers,
  }

  function post(body: Uint8Array, gzip: boolean): Promise<Answer> {
    const { promise, resolve } = Promise.withResolvers<Answer>()
    const length = { 'content-length': String(body.byteLength) }
    const outgoing = request(url, {
      method: 'POST',
      agent,
      headers: { ...headers, ...length, ...(gzip && { 'content-encoding': 'gzip' }) },
    })
    const later = (why: string): void => resolve({ kind: 'later', why })
    const timer = !Number.isFinite(target.timeoutMs)
      ? undefined
      : setTimeout(() => {
          later(`no answer within ${target.timeoutMs} ms`)
          outgoing.destroy()
        }, target.timeoutMs).unref()
    outgoing.on('socket', (socket) => socket.unref())
    outgoing.on('error', ({ code, message }: NodeJS.ErrnoException) =>
      resolve({ kind: 'later', why: code ?? message, ...(nobody.has(code ?? '') && { nobody: true }) }),
    )
    outgoing.on('response', (response) => {
      void readAnswer(response).then(resolve)
    })
    outgoing.end(body)
    return promise.finally(() => clearTimeout(timer))
  }

  return {
    async send(body, gzip) {
      try {
        return await context.with(suppressTracing(context.active()), () => post(body, gzip))
      } catch (error) {
        // What no other try can mend, such as a header that HTTP does not allow.
        return { kind: 'refused', why: error instanceof Error ? error.message : String(error) }
      }
    },
    close: () => agent.destroy(),
  }
}

async function readAnswer(response: IncomingMessage): Promise<Answer> {
  const { statusCode = 0, headers } = response
  const parts: Buffer[] = []
  let size = 0
  try {
    for await (const part of response) {
      size += (part as Buffer).length
      if (size <= longestAnswer) parts.push(part as Buffer)
    }
  } catch {
    // The status is what counts: a receiver that has said 200 has the batch.
  }
  if (statusCode >= 200 && statusCode < 300) return { kind: 'delivered', body: Buffer.concat(parts) }
  const why = `HTTP ${statusCode}`
  if (!retryable.has(statusCode)) return { kind: 'refused', why }
  const afterMs = readRetryAfter(headers['retry-after'], Date.now())
  return { kind: 'later', why, ...(afterMs !== undefined && { afterMs }) }
}

/** `Retry-After` as a delay in ms: whole seconds, or an HTTP date. Undefined when it is neither. */
export function readRetryAfter(value: string | undefined, nowMs: number): number | undefined {
  if (value === undefined) return undefined
  if (/^\d{1,9}$/.test(value.trim())) return Number(value) * 1000
  // Date.parse alone would take `-1` for a year.
  const date = /^[A-Z][a-z]{2,8},? .* GMT$/.test(value.trim()) ? Date.parse(value) : Number.NaN
  return Number.isNaN(date) ? undefined : Math.max(0, date - nowMs)
}
