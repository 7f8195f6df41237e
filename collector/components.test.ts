import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { array, assert, constantFrom, double, integer, property, record } from 'fast-check'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Refused, type Batch, type Context, type Processor } from './component.ts'
import { components } from './components.ts'
import { decode, encode, type Json } from './otlp/codec.ts'
import { attributesOf, list } from './otlp/plain.ts'
import { scanBatch } from './otlp/scan.ts'
import { REQUESTS, type Signal } from './otlp/schema.ts'
import { encodedRequest } from './exporters/request-json.ts'
import { PayloadError } from './otlp/wire.ts'
import { Telemetry } from './telemetry.ts'

/** One contract for all: each signal's golden request goes in, and what comes out is what the component promises. */
const golden: Record<Signal, Buffer> = {
  traces: encode(REQUESTS.traces, readJson('traces')),
  logs: encode(REQUESTS.logs, readJson('logs')),
  metrics: encode(REQUESTS.metrics, readJson('metrics')),
}

function readJson(name: string): Json {
  return JSON.parse(readFileSync(join(import.meta.dirname, 'golden', `${name}.json`), 'utf8')) as Json
}

let dir: string
const lines: string[] = []
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'components-'))
  lines.length = 0
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

function context(): Context {
  const note = (line: string) => void lines.push(line)
  return {
    id: 'it',
    pipeline: 'traces',
    telemetry: new Telemetry(),
    log: { info: note, warn: note },
    dataDir: undefined,
    extension: () => undefined,
  }
}

interface Factory {
  readonly type: string
  readonly signals?: readonly Signal[]
  readonly config: { parse(settings: unknown): unknown }
  create(config: unknown, context: Context, signal?: Signal, next?: object): object
}

const factory = (section: keyof typeof components, type: string) =>
  (components[section] as unknown as readonly Factory[]).find((one) => one.type === type)!

const batchOf = (signal: Signal): Batch => scanBatch(signal, golden[signal]).batch

/** What a processor makes of the golden request, as JSON. */
async function through(type: string, settings: object, signal: Signal): Promise<Json[]> {
  const out: Json[] = []
  const next = { consume: (batch: Batch) => void out.push(decode(REQUESTS[signal], encodedRequest(batch))) }
  const made = factory('processors', type)
  const processor = made.create(made.config.parse(settings), context(), signal, next) as Processor
  await processor.start?.()
  processor.consume(batchOf(signal))
  await processor.shutdown?.(Date.now())
  return out
}

const passing: Record<string, object> = {
  memory_limiter: { check_interval: '1s', limit_mib: 100_000 },
  resource: { attributes: [{ key: 'nobody.has.it', action: 'delete' }] },
  attributes: { actions: [{ key: 'nobody.has.it', action: 'delete' }] },
  filter: { traces: { span: ['name == "nobody"'] } },
  tail_sampling: { policies: [{ name: 'all', type: 'always_sample' }] },
}

test('each processor that has nothing to change hands on what it got, in every signal that it takes', async () => {
  const factories = components.processors as unknown as readonly Factory[]
  expect(Object.keys(passing).toSorted()).toEqual(factories.map(({ type }) => type).toSorted())
  for (const { type, signals } of factories)
    for (const signal of signals!)
      expect(await through(type, passing[type], signal), `${type} ${signal}`).toEqual([
        decode(REQUESTS[signal], golden[signal]),
      ])
})

const actions = [
  { key: 'env', value: 'test', action: 'insert' },
  { key: 'service.name', value: 'other', action: 'insert' },
  { key: 'service.instance.id', action: 'hash' },
  { key: 'host.cores', from_attribute: 'service.name', action: 'update' },
  { key: 'missing', value: 1, action: 'update' },
  { key: 'n', value: 3, action: 'upsert' },
]

test.each(['traces', 'logs', 'metrics'] as const)('resource changes the resource of %s', async (signal) => {
  const [request] = await through('resource', { attributes: actions }, signal)
  const name = { traces: 'resourceSpans', logs: 'resourceLogs', metrics: 'resourceMetrics' }[signal]
  const [group] = list(request[name])
  expect(attributesOf(group['resource'] as Json)).toEqual({
    'service.name': 'tapescope',
    'service.instance.id': createHash('sha256').update('i-1').digest('hex'),
    'host.cores': 'tapescope',
    env: 'test',
    n: 3,
  })
})

test('attributes changes spans, and log records', async () => {
  const settings = {
    actions: [
      { pattern: '^(bars|share)$', action: 'delete' },
      { key: 'nested', action: 'delete' },
      { key: 'tapescope.keep', value: false, action: 'update' },
    ],
  }
  const [request] = await through('attributes', settings, 'traces')
  const spans = list(request['resourceSpans'])
    .flatMap((one) => list(one['scopeSpans']))
    .flatMap((one) => list(one['spans']))
  expect(attributesOf(spans[2])).toEqual({ 'tapescope.keep': false, stages: ['volume', 'detect'] })
  // Everything else is as it was.
  expect(spans[2]['links']).toHaveLength(1)
  const [logs] = await through('attributes', { actions: [{ key: 'row', action: 'delete' }] }, 'logs')
  const [record] = list(list(list(logs['resourceLogs'])[0]['scopeLogs'])[0]['logRecords'])
  expect(attributesOf(record)).toEqual({ 'exception.type': 'ParseError' })
})

test('filter and tail_sampling leave out what they are told to', async () => {
  const names = async (type: string, settings: object) =>
    (await through(type, settings, 'traces'))
      .flatMap((request) => list(request['resourceSpans']))
      .flatMap((one) => list(one['scopeSpans']))
      .flatMap((one) => list(one['spans']))
      .map((span) => span['name'])
  const health = 'attributes["http.route"] == "/healthz"'
  expect(await names('filter', { traces: { span: [health] } })).toEqual([
    'POST /api/v1/signals/generate',
    'signals.generate',
    'stage.detect',
  ])
  const keep = {
    name: 'k',
    type: 'boolean_attribute',
    boolean_attribute: { key: 'tapescope.keep', value: true },
  }
  expect(await names('tail_sampling', { policies: [keep] })).toEqual([
    'POST /api/v1/signals/generate',
    'signals.generate',
    'stage.detect',
  ])
})

test('memory_limiter refuses while the process holds more than it may', async () => {
  const made = factory('processors', 'memory_limiter')
  const settings = made.config.parse({ check_interval: '10ms', limit_mib: 2, spike_limit_mib: 1 })
  const processor = made.create(settings, context(), 'traces', { consume: () => {} }) as Processor
  await processor.start?.()
  await vi.waitFor(() => expect(() => processor.consume(batchOf('traces'))).toThrow(Refused), 5000)
  await processor.shutdown?.(Date.now())
})

interface MadeExporter {
  consumer(signal: Signal): { consume(batch: Batch): void }
  shutdown?(deadline: number): Promise<void>
}

async function exported(type: string, settings: unknown, signal: Signal): Promise<void> {
  const made = factory('exporters', type)
  const exporter = made.create(made.config.parse(settings), context()) as MadeExporter
  exporter.consumer(signal).consume(batchOf(signal))
  await exporter.shutdown?.(Date.now())
}

test.each(['traces', 'logs', 'metrics'] as const)('debug, nop and file take %s', async (signal) => {
  await exported('nop', {}, signal)
  expect(lines).toEqual([])
  await exported('debug', { verbosity: 'basic' }, signal)
  const noun = { traces: '4 spans', logs: '1 log records', metrics: '3 data points' }[signal]
  expect(lines).toEqual([`it: ${noun}`])
  await exported('debug', { verbosity: 'detailed' }, signal)
  expect(JSON.parse(lines[1].slice(`it: ${noun} `.length))).toEqual(decode(REQUESTS[signal], golden[signal]))

  const json = join(dir, 'json')
  await exported('file', { path: json }, signal)
  expect(JSON.parse(readFileSync(json, 'utf8'))).toEqual(decode(REQUESTS[signal], golden[signal]))
  const proto = join(dir, 'proto')
  await exported('file', { path: proto, format: 'proto' }, signal)
  const bytes = readFileSync(proto)
  expect(bytes.readUInt32BE(0)).toBe(bytes.length - 4)
  expect(bytes.subarray(4).equals(golden[signal])).toBe(true)
})

test('forward hands on the very same batch', () => {
  const made = factory('connectors', 'forward')
  const out: Batch[] = []
  const connector = made.create({}, context(), 'traces', {
    consume: (batch: Batch) => void out.push(batch),
  }) as Processor
  const batch = batchOf('traces')
  connector.consume(batch)
  expect(out).toEqual([batch])
  expect(out[0]).toBe(batch)
})

/** Bytes that were cut, overwritten, repeated: what an attacker or a broken sender might send. */
const damage = array(
  record({
    kind: constantFrom('set', 'cut', 'remove', 'repeat'),
    at: double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
    length: integer({ min: 1, max: 40 }),
    byte: integer({ min: 0, max: 255 }),
  }),
  { minLength: 1, maxLength: 5 },
)

test.each(['traces', 'logs', 'metrics'] as const)(
  'damaged %s are refused with a sentence or go through every processor',
  (signal) => {
    const factories = (components.processors as unknown as readonly Factory[]).filter(({ signals }) =>
      signals!.includes(signal),
    )
    const policies = [
      { name: 'errors', type: 'status_code', status_code: { status_codes: ['ERROR'] } },
      { name: 'k', type: 'boolean_attribute', boolean_attribute: { key: 'tapescope.keep', value: true } },
      { name: 's', type: 'string_attribute', string_attribute: { key: 'http.route', values: ['/x'] } },
      { name: 'o', type: 'ottl_condition', ottl_condition: { span: ['attributes["bars"] > 4'] } },
    ]
    const settings: Record<string, object> = {
      ...passing,
      resource: { attributes: actions },
      tail_sampling: { policies },
    }
    const processors = factories.map((made) =>
      made.create(made.config.parse(settings[made.type]), context(), signal, {
        consume: (batch: Batch) => void decode(REQUESTS[signal], encodedRequest(batch)),
      }),
    ) as Processor[]
    let taken = 0
    assert(
      property(damage, (steps) => {
        let body = Buffer.from(golden[signal])
        for (const { kind, at, length, byte } of steps) {
          const from = Math.floor(at * body.length)
          if (kind === 'set' && body.length > 0) body[from] = byte
          else if (kind === 'cut') body = body.subarray(0, from)
          else if (kind === 'remove')
            body = Buffer.concat([body.subarray(0, from), body.subarray(from + length)])
          else if (kind === 'repeat')
            body = Buffer.concat([body.subarray(0, from + length), body.subarray(from)])
        }
        let batch: Batch
        try {
          ;({ batch } = scanBatch(signal, Buffer.from(body)))
        } catch (error) {
          if (error instanceof PayloadError) return
          throw error
        }
        taken++
        for (const processor of processors) processor.consume(batch)
      }),
      { numRuns: 1500 },
    )
    expect(taken).toBeGreaterThan(20)
  },
)
