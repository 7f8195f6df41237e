import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gunzipSync, zstdDecompressSync } from 'node:zlib'
import { decode, type Json } from '../../collector/otlp/codec.ts'
import { keyValues, list, text } from '../../collector/otlp/plain.ts'
import { TracesRequest } from '../../collector/otlp/schema.ts'

/** A span as a backend got it, comparable: attributes by name, ids as text. */
export interface ReceivedSpan {
  readonly traceId: string
  readonly spanId: string
  readonly name: string
  readonly resource: Readonly<Record<string, unknown>>
  readonly scope: string
  readonly attributes: Readonly<Record<string, unknown>>
  /** Everything else as it came. */
  readonly rest: Json
}

/** An OTLP/HTTP backend on the loopback that keeps what it is sent. */
export interface OtlpSink {
  readonly url: string
  readonly spans: readonly ReceivedSpan[]
  close(): Promise<void>
}

export async function startOtlpSink(): Promise<OtlpSink> {
  const spans: ReceivedSpan[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const raw = Buffer.concat(chunks)
      const encoding = request.headers['content-encoding']
      const body = encoding === 'gzip' ? gunzipSync(raw) : encoding === 'zstd' ? zstdDecompressSync(raw) : raw
      if (request.url === '/v1/traces') spans.push(...spansOf(decode(TracesRequest, body)))
      response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end()
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    async close() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}

function spansOf(request: Json): ReceivedSpan[] {
  return list(request['resourceSpans']).flatMap((resource) =>
    list(resource['scopeSpans']).flatMap((scope) =>
      list(scope['spans']).map(({ traceId, spanId, name, attributes, ...rest }) => ({
        traceId: text(traceId),
        spanId: text(spanId),
        name: text(name),
        resource: sorted(keyValues((resource['resource'] as Json | undefined)?.['attributes'])),
        scope: text((scope['scope'] as Json | undefined)?.['name']),
        attributes: sorted(keyValues(attributes)),
        rest: said(rest),
      })),
    ),
  )
}

/** In protobuf an empty value and none are the same; the Collector writes some of them. */
function said(rest: Json): Json {
  const empty = (value: unknown): boolean =>
    value === '' || (typeof value === 'object' && value !== null && Object.keys(value).length === 0)
  return Object.fromEntries(Object.entries(rest).filter(([, value]) => !empty(value)))
}

function sorted(attributes: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(attributes).toSorted(([a], [b]) => (a < b ? -1 : 1)))
}
