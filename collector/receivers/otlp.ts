import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { z } from 'zod'
import {
  areKept,
  Refused,
  type Consumer,
  type Context,
  type Receiver,
  type ReceiverFactory,
} from '../component.ts'
import { endpoint, section } from '../config/shapes.ts'
import { close, listen } from '../listen.ts'
import { scanBatch } from '../otlp/scan.ts'
import { encode, type Json } from '../otlp/codec.ts'
import { REQUESTS, RpcStatus, type Signal } from '../otlp/schema.ts'
import { PayloadError, WireWriter } from '../otlp/wire.ts'
import { BodyError, IntakeBudget, readBody } from './body.ts'

const config = section({
  protocols: section({
    grpc: z
      .preprocess((value) => value ?? {}, z.looseObject({ endpoint: z.string().optional() }))
      .optional()
      .describe('accepted for production and not served by the sidecar'),
    http: section({
      endpoint: endpoint('127.0.0.1:4318'),
      traces_url_path: z.string().startsWith('/').default('/v1/traces'),
      metrics_url_path: z.string().startsWith('/').default('/v1/metrics'),
      logs_url_path: z.string().startsWith('/').default('/v1/logs'),
      max_request_body_size: z
        .int()
        .positive()
        .default(20 * 1024 * 1024)
        .describe('bytes, counted after decompression'),
      cors: section({
        allowed_origins: z.array(z.string()).default([]).describe('exact, or with * as a wildcard'),
        allowed_headers: z.array(z.string()).default([]),
        max_age: z.int().nonnegative().default(7200).describe('seconds'),
      }).optional(),
    }).optional(),
  }),
})

type Config = z.infer<typeof config>

/** Seconds. The JavaScript exporter gives up on a batch when it is told to wait longer than it may. */
const RETRY_AFTER = '1'

export const otlpReceiver: ReceiverFactory<Config> = {
  type: 'otlp',
  summary: 'OTLP over HTTP, protobuf and JSON, plain, gzip or deflate',
  signals: ['traces', 'metrics', 'logs'],
  config,
  create: (config, context) => new OtlpReceiver(config, context),
}

class OtlpReceiver implements Receiver {
  readonly listening: Record<string, string> = {}
  private readonly pipelines = new Map<Signal, Consumer>()
  private readonly paths = new Map<string, Signal>()
  private readonly config: NonNullable<Config['protocols']['http']> | undefined
  private readonly declaresGrpc: boolean
  private readonly context: Context
  private readonly server = createServer((request, response) => void this.handle(request, response))
  private readonly counters: Record<Signal, ReturnType<typeof countersOf>>
  private readonly budget: IntakeBudget
  private readonly origins: RegExp[]

  constructor(config: Config, context: Context) {
    this.config = config.protocols.http
    this.declaresGrpc = config.protocols.grpc !== undefined
    this.context = context
    this.counters = {
      traces: countersOf(context, 'traces', 'spans'),
      metrics: countersOf(context, 'metrics', 'metric_points'),
      logs: countersOf(context, 'logs', 'log_records'),
    }
    if (this.config) {
      this.paths.set(this.config.traces_url_path, 'traces')
      this.paths.set(this.config.metrics_url_path, 'metrics')
      this.paths.set(this.config.logs_url_path, 'logs')
    }
    const limit = this.config?.max_request_body_size ?? 0
    this.budget = new IntakeBudget(Math.max(limit, 32 * 1024 * 1024))
    this.origins = (this.config?.cors?.allowed_origins ?? []).map(originPattern)
    this.server.requestTimeout = 30_000
    this.server.headersTimeout = 10_000
    this.server.keepAliveTimeout = 30_000
  }

  connect(signal: Signal, next: Consumer): void {
    this.pipelines.set(signal, next)
  }

  async start(): Promise<void> {
    if (!this.config) return
    const address = await listen(this.server, this.config.endpoint, 'OTLP/HTTP receiver')
    this.listening['OTLP/HTTP'] = `http://${address}`
    if (this.declaresGrpc)
      this.context.log.info(
        `${this.context.id}: gRPC is declared in the file; the sidecar serves OTLP over HTTP only`,
      )
  }

  async shutdown(deadline: number): Promise<void> {
    await close(this.server, deadline)
  }

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const json = mediaType(request) === 'application/json'
    try {
      this.allowOrigin(request, response)
      if (request.method === 'OPTIONS' && request.headers['access-control-request-method'] !== undefined) {
        response.writeHead(204).end()
        return
      }
      const signal = this.paths.get(request.url?.split('?', 1)[0] ?? '')
      const next = signal && this.pipelines.get(signal)
      if (!signal || !next) throw new HttpProblem(404, 5, 'no pipeline takes this path')
      if (request.method !== 'POST') {
        response.setHeader('allow', 'POST')
        throw new HttpProblem(405, 12, 'OTLP is sent by POST')
      }
      if (!json && mediaType(request) !== 'application/x-protobuf')
        throw new HttpProblem(415, 3, 'content-type must be application/x-protobuf or application/json')
      const body = await readBody(request, this.config!.max_request_body_size, this.budget)
      let taken: { rejected: number; message: string }
      try {
        taken = this.take(signal, next, json ? encodeJson(signal, body.bytes) : body.bytes)
      } finally {
        body.release(areKept(body.bytes))
      }
      this.answer(response, signal, json, taken)
    } catch (error) {
      this.refuse(request, response, json, error)
    }
  }

  private take(signal: Signal, next: Consumer, bytes: Buffer): { rejected: number; message: string } {
    const counters = this.counters[signal]
    const { batch, rejected } = scanBatch(signal, bytes)
    try {
      if (batch.count > 0) next.consume(batch)
    } catch (error) {
      if (error instanceof Refused) counters.refused.value += batch.count
      else counters.failed.value += batch.count
      throw error
    }
    counters.accepted.value += batch.count
    counters.rejected.value += rejected
    return {
      rejected,
      message: rejected === 0 ? '' : `${rejected} spans without a valid trace id or span id`,
    }
  }

  /** 200 with the response message of the signal, in the encoding of the request. */
  private answer(
    response: ServerResponse,
    signal: Signal,
    json: boolean,
    taken: { rejected: number; message: string },
  ): void {
    const { rejected, message } = taken
    if (json) {
      const name = { traces: 'rejectedSpans', metrics: 'rejectedDataPoints', logs: 'rejectedLogRecords' }[
        signal
      ]
      const partialSuccess = rejected === 0 ? {} : { [name]: String(rejected), errorMessage: message }
      send(response, 200, 'application/json', Buffer.from(JSON.stringify({ partialSuccess })))
      return
    }
    const writer = new WireWriter(64)
    if (rejected > 0)
      writer.message(1, (partial) => {
        partial.tag(1, 0)
        partial.varint(rejected)
        partial.string(2, message)
      })
    send(response, 200, 'application/x-protobuf', writer.bytes())
  }

  private refuse(request: IncomingMessage, response: ServerResponse, json: boolean, error: unknown): void {
    const problem = asProblem(error)
    if (problem.status === 500) this.context.log.warn(`${this.context.id}: ${String((error as Error).stack)}`)
    if (response.destroyed || response.headersSent) return
    if (problem.status === 503 || problem.status === 429) response.setHeader('retry-after', RETRY_AFTER)
    // What is left of a body that will not be read must not be mistaken for the next request.
    if (!request.complete) response.setHeader('connection', 'close')
    const status: Json = { code: problem.code, message: problem.message }
    if (json) send(response, problem.status, 'application/json', Buffer.from(JSON.stringify(status)))
    else send(response, problem.status, 'application/x-protobuf', encode(RpcStatus, status))
  }

  private allowOrigin(request: IncomingMessage, response: ServerResponse): void {
    const { origin } = request.headers
    const { cors } = this.config!
    if (origin === undefined || cors === undefined || !this.origins.some((pattern) => pattern.test(origin)))
      return
    response.setHeader('access-control-allow-origin', origin)
    response.setHeader('vary', 'Origin')
    if (request.method !== 'OPTIONS') return
    response.setHeader('access-control-allow-methods', 'POST')
    response.setHeader(
      'access-control-allow-headers',
      ['content-type', 'content-encoding', ...cors.allowed_headers].join(', '),
    )
    response.setHeader('access-control-max-age', String(cors.max_age))
  }
}

function countersOf(context: Context, signal: Signal, unit: string) {
  const labels = { receiver: context.id, transport: 'http' }
  const counter = (what: string, help: string) =>
    context.telemetry.counter(`otelcol_receiver_${what}_${unit}_total`, help, labels)
  return {
    accepted: counter('accepted', `${signal} taken over, answered with 200`),
    refused: counter('refused', `${signal} answered with 503, to be sent again`),
    failed: counter('failed', `${signal} answered with 500`),
    rejected: counter('rejected', `${signal} reported back by partial success`),
  }
}

/** An answer other than 200: its HTTP status, its gRPC code, a sentence. */
class HttpProblem extends Error {
  readonly status: number
  readonly code: number

  constructor(status: number, code: number, message: string) {
    super(message)
    this.status = status
    this.code = code
  }
}

function asProblem(error: unknown): HttpProblem {
  if (error instanceof HttpProblem) return error
  if (error instanceof BodyError)
    return new HttpProblem(error.status, error.status === 503 ? 14 : 3, error.message)
  if (error instanceof PayloadError) return new HttpProblem(400, 3, error.message)
  if (error instanceof Refused) return new HttpProblem(503, 14, error.message)
  return new HttpProblem(500, 13, 'the sidecar failed to take this request; its log says why')
}

function encodeJson(signal: Signal, bytes: Buffer): Buffer {
  let json: unknown
  try {
    json = JSON.parse(bytes.toString('utf8'))
  } catch (cause) {
    throw new PayloadError('the body is not JSON', { cause })
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw new PayloadError('the body must be a JSON object')
  return encode(REQUESTS[signal], json as Json)
}

function mediaType(request: IncomingMessage): string {
  return (request.headers['content-type'] ?? '').split(';', 1)[0].trim().toLowerCase()
}

function originPattern(origin: string): RegExp {
  const parts = origin.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${parts.join('.*')}$`, 'i')
}

function send(response: ServerResponse, status: number, type: string, body: Buffer): void {
  response.writeHead(status, { 'content-type': type, 'content-length': body.length })
  // Without a body head and end go out in one write.
  if (body.length === 0) response.end()
  else response.end(body)
}
