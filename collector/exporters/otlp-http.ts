import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { z } from 'zod'
import {
  keepBytes,
  Refused,
  type Batch,
  type Consumer,
  type Context,
  type Exporter,
  type ExporterFactory,
} from '../component.ts'
import { ConfigError } from '../config/read-config.ts'
import { duration, section } from '../config/shapes.ts'
import { limited } from '../log.ts'
import { decode } from '../otlp/codec.ts'
import { ExportResponse, type Signal } from '../otlp/schema.ts'
import { encodedRequest } from './request-json.ts'
import { diskStorage } from '../queue/disk-storage.ts'
import { memoryStorage, SendQueue, type Delivery, type QueueStorage } from '../queue/send-queue.ts'

const url = z.url({ protocol: /^https?$/, error: 'expected an http:// or https:// URL' })

const config = section({
  endpoint: url.optional().describe('base URL; /v1/traces, /v1/metrics and /v1/logs are appended'),
  traces_endpoint: url.optional(),
  metrics_endpoint: url.optional(),
  logs_endpoint: url.optional(),
  timeout: duration('30s'),
  compression: z.enum(['gzip', 'none', '']).default('gzip'),
  headers: z.record(z.string(), z.coerce.string()).default({}),
  tls: section({
    insecure: z.boolean().default(false),
    insecure_skip_verify: z.boolean().default(false),
    ca_file: z.string().optional(),
  }).optional(),
  sending_queue: section({
    enabled: z.boolean().default(true),
    num_consumers: z.int().positive().default(10),
    queue_size: z.int().positive().default(1000),
    sizer: z.enum(['requests', 'items', 'bytes']).default('requests'),
    storage: z.string().optional().describe('id of a file_storage extension; in memory without it'),
    block_on_overflow: z.literal(false).default(false),
    batch: section({
      flush_timeout: duration('200ms'),
      min_size: z.int().nonnegative().default(8192),
      max_size: z.int().nonnegative().default(0),
      sizer: z.literal('items').default('items'),
    }).optional(),
  }).prefault({}),
  retry_on_failure: section({
    enabled: z.boolean().default(true),
    initial_interval: duration('5s'),
    randomization_factor: z.number().min(0).max(1).default(0.5),
    multiplier: z.number().positive().default(1.5),
    max_interval: duration('30s'),
    max_elapsed_time: duration('5m').describe('0 tries for ever'),
  }).prefault({}),
})

type Config = z.infer<typeof config>

export const otlpHttpExporter: ExporterFactory<Config> = {
  type: 'otlp_http',
  aliases: ['otlphttp'],
  summary: 'OTLP/HTTP protobuf to a backend, with a queue of its own',
  signals: ['traces', 'metrics', 'logs'],
  config,
  create: (config, context) => new OtlpHttpExporter(config, context),
}

const PATHS: Readonly<Record<Signal, string>> = {
  traces: '/v1/traces',
  metrics: '/v1/metrics',
  logs: '/v1/logs',
}
const UNITS: Readonly<Record<Signal, string>> = {
  traces: 'spans',
  metrics: 'metric_points',
  logs: 'log_records',
}
/** The status codes after which OTLP allows to send again; any other refusal is final. */
const RETRYABLE: ReadonlySet<number> = new Set([429, 502, 503, 504])

const compress = promisify(gzip)

const compressing = new WeakMap<Buffer, Promise<Buffer>>()

/**
 * The gzip member of a payload. Members one after another are one gzip file (RFC 1952, 2.2), so each payload is
 * compressed alone, once for all destinations whose queues hold the same bytes.
 */
function compressed(payload: Buffer): Promise<Buffer> {
  let member = compressing.get(payload)
  if (member === undefined) compressing.set(payload, (member = compress(payload, { level: 1 })))
  return member
}

class OtlpHttpExporter implements Exporter {
  readonly countsItself = true
  private readonly config: Config
  private readonly context: Context
  private readonly queues = new Map<Signal, SendQueue>()
  private readonly warn: (key: string, line: string) => void
  private readonly agents = {
    'http:': new HttpAgent({ keepAlive: true }),
    'https:': new HttpsAgent({ keepAlive: true }),
  }

  constructor(config: Config, context: Context) {
    this.config = config
    this.context = context
    this.warn = limited(context.log)
  }

  consumer(signal: Signal): Consumer {
    const { config, context } = this
    const target = config[`${signal}_endpoint`] ?? config.endpoint?.replace(/\/$/, '').concat(PATHS[signal])
    if (target === undefined)
      throw new ConfigError(`exporters::${context.id}: endpoint or ${signal}_endpoint is required`)
    const destination = new URL(target)
    const unit = UNITS[signal]
    const labels = { exporter: context.id }
    const counter = (name: string, help: string, more: Record<string, string> = {}) =>
      context.telemetry.counter(`otelcol_exporter_${name}_${unit}_total`, help, { ...labels, ...more })
    const offered = counter('offered', `${signal} that reached this destination's queue`)
    const sent = counter('sent', `${signal} that the destination has taken`)
    const full = counter('enqueue_failed', `${signal} for which the queue had no room`)
    const failed = Object.fromEntries(
      (['permanent', 'retries_exhausted', 'shutdown', 'damaged', 'rejected'] as const).map((reason) => [
        reason,
        counter('send_failed', `${signal} dropped after they were queued, by reason`, { reason }),
      ]),
    )
    const queueing = config.sending_queue
    const retry = config.retry_on_failure
    const storage = this.storage(signal)
    const queue: SendQueue = new SendQueue(
      {
        consumers: queueing.num_consumers,
        size: queueing.enabled ? queueing.queue_size : Infinity,
        sizer: queueing.sizer,
        batch: queueing.batch && {
          flushMs: queueing.batch.flush_timeout,
          minItems: queueing.batch.min_size,
          maxItems: queueing.batch.max_size,
        },
        retry: retry.enabled
          ? {
              initialMs: retry.initial_interval,
              maxMs: retry.max_interval,
              multiplier: retry.multiplier,
              randomization: retry.randomization_factor,
              maxElapsedMs: retry.max_elapsed_time,
            }
          : undefined,
        send: (payloads, abort) => this.send(destination, payloads, abort),
        delivered: (count, rejected) => {
          sent.value += count
          failed['rejected'].value += rejected
        },
        dropped: (count, reason, why) => {
          failed[reason].value += count
          this.warn(`dropped ${reason}`, `${context.id}: dropped ${count} ${unit} (${reason}): ${why}`)
        },
        retrying: (why) =>
          this.warn('retrying', `${context.id}: ${destination.origin} ${why}; will try again`),
      },
      storage,
    )
    if ('damage' in storage && storage.damage.records > 0) {
      // What a record held is known while its header is sound; otherwise the record itself is what can be counted.
      failed['damaged'].value += storage.damage.items
      context.log.warn(
        `${context.id}: ${storage.damage.records} damaged records in its queue were left out (${storage.damage.items} ${unit} known)`,
      )
    }
    // What an earlier process queued has reached the destination's queue too: the sums hold over a restart.
    offered.value += queue.depth + ('damage' in storage ? storage.damage.items : 0)
    this.queues.set(signal, queue)
    const queueLabels = { ...labels, data_type: signal }
    context.telemetry.gauge(
      'otelcol_exporter_queue_size',
      'Fill of the queue, in units of its sizer',
      queueLabels,
      () => queue.size,
    )
    context.telemetry.gauge(
      'otelcol_exporter_queue_capacity',
      'queue_size',
      queueLabels,
      () => queueing.queue_size,
    )
    context.telemetry.gauge(
      `otelcol_exporter_queued_${unit}`,
      `${signal} waiting or under way`,
      labels,
      () => queue.depth,
    )
    return {
      consume: (batch: Batch) => {
        offered.value += batch.count
        keepBytes(batch)
        let why = 'is full'
        try {
          if (queue.offer(encodedRequest(batch), batch.count)) return
        } catch (error) {
          why = `cannot be written: ${(error as Error).message}`
        }
        full.value += batch.count
        throw new Refused(`the queue of ${context.id} ${why}`)
      },
    }
  }

  /** The folder's name tells the destination, so that a queue is found again by the exporter that wrote it. */
  private storage(signal: Signal): QueueStorage | ReturnType<typeof diskStorage> {
    const { config, context } = this
    const id = config.sending_queue.storage
    if (id === undefined) return memoryStorage()
    const dir = context.extension(id)?.storageDir
    if (dir === undefined)
      throw new ConfigError(
        `exporters::${context.id}::sending_queue::storage: "${id}" is not a file_storage extension that service::extensions names`,
      )
    return diskStorage(join(dir, `${context.id.replaceAll(/[^\w.-]/g, '_')}-${signal}`))
  }

  start(): Promise<void> {
    for (const queue of this.queues.values()) queue.pump()
    return Promise.resolve()
  }

  async shutdown(deadline: number): Promise<void> {
    await Promise.all([...this.queues.values()].map((queue) => queue.close(deadline)))
    for (const agent of Object.values(this.agents)) agent.destroy()
  }

  private async send(destination: URL, payloads: readonly Buffer[], abort: AbortSignal): Promise<Delivery> {
    const zipped = this.config.compression === 'gzip'
    const body = zipped ? await Promise.all(payloads.map(compressed)) : payloads
    const response = await this.post(destination, body, zipped, abort)
    const status = response.statusCode ?? 0
    const answer = await readAnswer(response)
    if (status >= 200 && status < 300) return { kind: 'delivered', rejected: rejectedIn(response, answer) }
    const reason = `answered ${status}`
    if (!RETRYABLE.has(status)) return { kind: 'permanent', reason }
    return { kind: 'retry', reason, afterMs: retryAfter(response.headers['retry-after']) }
  }

  private post(
    destination: URL,
    body: readonly Buffer[],
    zipped: boolean,
    abort: AbortSignal,
  ): Promise<IncomingMessage> {
    const { config } = this
    const secure = destination.protocol === 'https:'
    return new Promise((resolve, reject) => {
      const request = (secure ? httpsRequest : httpRequest)(destination, {
        method: 'POST',
        agent: this.agents[secure ? 'https:' : 'http:'],
        signal: abort,
        timeout: config.timeout,
        ...(secure && { rejectUnauthorized: !config.tls?.insecure_skip_verify }),
        headers: {
          'content-type': 'application/x-protobuf',
          'content-length': body.reduce((sum, part) => sum + part.length, 0),
          'user-agent': 'tapescope-sidecar',
          ...(zipped && { 'content-encoding': 'gzip' }),
          ...config.headers,
        },
      })
      request.on('timeout', () => request.destroy(new Error(`did not answer within ${config.timeout} ms`)))
      request.on('error', (error: NodeJS.ErrnoException) => reject(new Error(error.code ?? error.message)))
      request.on('response', resolve)
      request.cork()
      for (const part of body) request.write(part)
      request.end()
    })
  }
}

const ANSWER_LIMIT = 64 * 1024

async function readAnswer(response: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length <= ANSWER_LIMIT) chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** What the destination reports back by partial success. */
function rejectedIn(response: IncomingMessage, answer: Buffer): number {
  if (answer.length === 0 || !(response.headers['content-type'] ?? '').includes('protobuf')) return 0
  try {
    const { partialSuccess } = decode(ExportResponse, answer) as { partialSuccess?: { rejected?: string } }
    return Number(partialSuccess?.rejected ?? 0)
  } catch {
    return 0
  }
}

function retryAfter(header: string | undefined): number | undefined {
  if (header === undefined) return undefined
  const seconds = Number(header)
  const ms = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(header) - Date.now()
  return Number.isFinite(ms) ? Math.min(Math.max(0, ms), 60_000) : undefined
}
