import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { Agent, createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import { encode, type Json } from '../collector/otlp/codec.ts'
import { spawnSidecar } from '../collector/spawn-sidecar.ts'
import { TracesRequest } from '../collector/otlp/schema.ts'
import { PARENT_ID, scanTraces, SPAN_ID, STRIDE, TRACE_ID } from '../collector/otlp/trace-batch.ts'

export const SPANS_PER_REQUEST = 512
/** Spans of one trace in a request; each request brings whole traces. */
const SPANS_PER_TRACE = 16

const ROUTES = ['/api/v1/signals/generate', '/api/v1/backtests', '/api/v1/bars', '/api/v1/signals/{id}']
const NAMES = ['signals.generate', 'stage.detect', 'stage.validate', 'pg.query:insert signals', 'stage.size']

/** 512 spans of 10 attributes each, as an encoded request whose ids can be made fresh in place. */
export class SpanRequests {
  private readonly body: Buffer
  private readonly rows: Int32Array
  private serial = 0

  constructor() {
    const now = BigInt(Date.now()) * 1_000_000n
    const spans = Array.from({ length: SPANS_PER_REQUEST }, (_, i) => spanOf(i, now))
    const service: Json[] = [
      { key: 'service.name', value: { stringValue: 'trading-engine' } },
      { key: 'service.version', value: { stringValue: '1.4.2' } },
      { key: 'host.name', value: { stringValue: 'laptop' } },
    ]
    this.body = encode(TracesRequest, {
      resourceSpans: [
        { resource: { attributes: service }, scopeSpans: [{ scope: { name: 'tapescope' }, spans }] },
      ],
    })
    this.rows = scanTraces(this.body).rows
  }

  /** The next request; its bytes are overwritten by the one after it. */
  next(): Buffer {
    const { body, rows } = this
    for (let i = 0; i < SPANS_PER_REQUEST; i++) {
      const row = i * STRIDE
      if (i % SPANS_PER_TRACE === 0) this.serial++
      // Spread over all bytes: the sampling share hashes the whole id.
      body.writeUInt32BE(Math.imul(this.serial, 0x9e3779b1) >>> 0, rows[row + TRACE_ID])
      body.writeUInt32BE(this.serial, rows[row + TRACE_ID] + 4)
      body.writeUInt32BE(Math.imul(this.serial, 0x85ebca6b) >>> 0, rows[row + TRACE_ID] + 8)
      body.writeUInt32BE(Math.imul(this.serial, 0xc2b2ae35) >>> 0, rows[row + TRACE_ID] + 12)
      body.writeUInt32BE(this.serial, rows[row + SPAN_ID])
      if (rows[row + PARENT_ID] !== 0) body.writeUInt32BE(this.serial, rows[row + PARENT_ID])
    }
    return body
  }
}

function spanOf(i: number, now: bigint): Json {
  const inTrace = i % SPANS_PER_TRACE
  const start = now + BigInt(i) * 1_000n
  const attributes: Record<string, Json> = {
    'http.route': { stringValue: ROUTES[(i >> 4) % ROUTES.length] },
    'http.response.status_code': { intValue: i % 97 === 0 ? '503' : '200' },
    'http.request.method': { stringValue: 'POST' },
    'tapescope.run.id': { stringValue: `01J9ZK3M7Q8R5T2V6W4X0Y1B${String(i % 100).padStart(2, '0')}` },
    'tapescope.symbol': { stringValue: ['SPY', 'QQQ', 'IWM', 'DIA'][i % 4] },
    'tapescope.timeframe': { stringValue: '1d' },
    'tapescope.bars': { intValue: String(100 + i) },
    'tapescope.volume.ratio': { doubleValue: 1 + i / 512 },
    'tapescope.stage.estimated': { boolValue: i % 2 === 0 },
    'thread.id': { intValue: '7' },
  }
  return {
    traceId: '0123456789abcdef0123456789abcdef',
    spanId: (i + 1).toString(16).padStart(16, '0'),
    ...(inTrace > 0 && { parentSpanId: (i - inTrace + 1).toString(16).padStart(16, '0') }),
    name: inTrace === 0 ? 'POST /api/v1/signals/generate' : NAMES[i % NAMES.length],
    kind: inTrace === 0 ? 2 : 1,
    startTimeUnixNano: String(start),
    endTimeUnixNano: String(start + BigInt(50_000 + ((i * 7919) % 5_000_000))),
    status: i === 17 ? { code: 2, message: 'rejected' } : {},
    attributes: Object.entries(attributes).map(([key, value]) => ({ key, value })),
  }
}

/** A backend that takes everything and counts the bytes and requests. */
export async function startBackend() {
  const taken = { requests: 0, spans: 0 }
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      taken.requests++
      taken.spans += scanTraces(gunzipSync(Buffer.concat(chunks))).count
      response.writeHead(200).end()
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    taken,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

interface RigOptions {
  /** Where the two backends are; left out, two are started that take everything. */
  readonly backends?: readonly [string, string]
  /** Configuration files that are added to the whole one. */
  readonly files?: readonly string[]
  readonly args?: readonly string[]
  readonly nodeArgs?: readonly string[]
}

/** The sidecar in a process of its own with the whole file, and two backends in this one. */
export async function startRig(options: RigOptions = {}) {
  const dir = mkdtempSync(join(tmpdir(), 'bench-sidecar-'))
  const own = options.backends ? [] : [await startBackend(), await startBackend()]
  const [jaeger, tempo] = options.backends ?? [own[0].url, own[1].url]
  const root = join(import.meta.dirname, '..')
  const { child, urls, stderr, metrics } = await spawnSidecar({
    files: [join(root, 'otel-collector.yaml'), ...(options.files ?? [])],
    args: ['--data-dir', join(dir, 'data'), ...(options.args ?? [])],
    nodeArgs: options.nodeArgs ?? [],
    env: {
      TAPESCOPE_JAEGER_ENDPOINT: jaeger,
      TAPESCOPE_TEMPO_ENDPOINT: tempo,
      TAPESCOPE_QUEUE_DIR: join(dir, 'queue'),
    },
  })
  const agent = new Agent({ keepAlive: true })
  return {
    child,
    urls,
    backends: own.map((backend) => backend.taken),
    metrics,
    stderr,
    /** Sends one body; answers with the status. */
    send: (body: Buffer, gzip = false) => post(agent, `${urls['OTLP/HTTP']}/v1/traces`, body, gzip),
    async close() {
      agent.destroy()
      if (child.exitCode === null && child.signalCode === null) {
        child.removeAllListeners('exit')
        child.kill('SIGTERM')
        await once(child, 'exit')
      }
      for (const backend of own) backend.close()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

export type Rig = Awaited<ReturnType<typeof startRig>>

function post(agent: Agent, url: string, body: Buffer, gzip: boolean): Promise<number> {
  return new Promise((resolve, reject) => {
    const sending = request(url, {
      method: 'POST',
      agent,
      headers: {
        'content-type': 'application/x-protobuf',
        'content-length': body.length,
        ...(gzip && { 'content-encoding': 'gzip' }),
      },
    })
    sending.on('error', reject)
    sending.on('response', (response) => {
      response.resume()
      response.on('end', () => resolve(response.statusCode ?? 0))
      response.on('error', reject)
    })
    sending.end(body)
  })
}

/** Requests that are on their way at once. */
const IN_FLIGHT = 4

/** Sends `count` fresh requests; throws when one is not answered with 200. */
export async function sendRequests(
  rig: Rig,
  source: SpanRequests,
  count: number,
  gzip: boolean,
): Promise<void> {
  let left = count
  const lane = async () => {
    while (left-- > 0) {
      const body = gzip ? gzipSync(source.next(), { level: 1 }) : Buffer.from(source.next())
      const status = await rig.send(body, gzip)
      if (status !== 200) throw new Error(`the sidecar answered ${status}: ${rig.stderr()}`)
    }
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane))
}
