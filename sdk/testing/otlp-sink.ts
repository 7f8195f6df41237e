import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gunzipSync } from 'node:zlib'
import { readOtlpSpans, type SinkSpan } from './read-otlp-spans.ts'

/** What the sink does with one request. Only `ok` and `partial` take what it carries. */
export type SinkAct =
  | 'ok'
  /** Closes the connection before the request is read. */
  | 'reset'
  /** Reads the request and never answers. */
  | 'hang'
  | { readonly status: number; readonly retryAfter?: string }
  /** 200, with this many items not taken. */
  | { readonly rejected: number }

/** An OTLP/HTTP receiver under the control of a test. */
export interface OtlpSink {
  readonly url: string
  readonly port: number
  /** Spans that were acknowledged, in the order of their arrival. */
  readonly spans: SinkSpan[]
  /** Bodies of acknowledged requests by path, unpacked: `/v1/logs` and `/v1/metrics` too. */
  readonly bodies: { readonly path: string; readonly body: Buffer; readonly type: string }[]
  /** Acts so far. */
  readonly acts: SinkAct[]
  /** What the next requests get, by number from 0. */
  script: (request: number) => SinkAct
  close(): Promise<void>
}

/**
 * An OTLP/HTTP receiver that follows a script, for tests of how telemetry fares on a backend's bad days. Understands
 * protobuf for spans. Listens on loopback, `port` 0 takes a free one.
 */
export async function startOtlpSink(script: OtlpSink['script'] = () => 'ok', port = 0): Promise<OtlpSink> {
  const hanging = new Set<ServerResponse>()
  const server = createServer((request, response) => {
    const act = sink.script(sink.acts.length)
    sink.acts.push(act)
    if (act === 'reset') request.socket.resetAndDestroy()
    else void answer(request, response, act)
  })

  async function answer(request: IncomingMessage, response: ServerResponse, act: Exclude<SinkAct, 'reset'>) {
    const parts: Buffer[] = []
    try {
      for await (const part of request) parts.push(part as Buffer)
    } catch {
      return
    }
    if (act === 'hang') {
      hanging.add(response)
      return
    }
    if (typeof act === 'object' && 'status' in act) {
      response.writeHead(act.status, act.retryAfter === undefined ? {} : { 'retry-after': act.retryAfter })
      response.end()
      return
    }
    const packed = Buffer.concat(parts)
    const body = request.headers['content-encoding'] === 'gzip' ? gunzipSync(packed) : packed
    const path = request.url ?? ''
    const type = request.headers['content-type'] ?? ''
    const rejected = typeof act === 'object' ? act.rejected : 0
    sink.bodies.push({ path, body, type })
    if (path === '/v1/traces' && type === 'application/x-protobuf')
      for (const span of readOtlpSpans(body).slice(rejected)) sink.spans.push(span)
    response.writeHead(200, { 'content-type': type })
    // ExportTraceServiceResponse { partial_success (1) { rejected_spans (1) } }
    response.end(rejected === 0 ? undefined : Buffer.from([0x0a, 2, 0x08, rejected]))
  }

  const { promise, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', reject)
  server.listen(port, '127.0.0.1', resolve)
  await promise
  const address = server.address() as AddressInfo
  const sink: OtlpSink = {
    url: `http://127.0.0.1:${address.port}`,
    port: address.port,
    spans: [],
    bodies: [],
    acts: [],
    script,
    async close() {
      for (const response of hanging) response.destroy()
      server.closeAllConnections()
      await new Promise((done) => server.close(done))
    },
  }
  return sink
}
