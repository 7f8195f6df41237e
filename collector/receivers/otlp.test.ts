import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { request, type IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { deflateSync, gzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { decode, encode, type Json } from '../otlp/codec.ts'
import { RpcStatus, TracesRequest } from '../otlp/schema.ts'
import { otlpOnAnyPort, runSidecar } from '../run-sidecar.ts'

const golden = readFileSync(join(import.meta.dirname, '..', 'golden', 'traces.json'), 'utf8')
const LIMIT = 100_000
const JSON_TYPE = { 'content-type': 'application/json' }
const PROTO = { 'content-type': 'application/x-protobuf' }

let base: string
let stop: () => Promise<void>

beforeAll(async () => {
  const sidecar = await runSidecar({
    receivers: otlpOnAnyPort({
      max_request_body_size: LIMIT,
      cors: { allowed_origins: ['http://127.0.0.1:*'], allowed_headers: ['x-tenant'] },
    }),
    exporters: { nop: null },
    service: {
      pipelines: {
        traces: { receivers: ['otlp'], exporters: ['nop'] },
        logs: { receivers: ['otlp'], exporters: ['nop'] },
      },
    },
  })
  base = sidecar.urls['OTLP/HTTP']
  stop = sidecar.stop
})

afterAll(() => stop())

function post(body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string>, path = '/v1/traces') {
  return fetch(base + path, { method: 'POST', body, headers })
}

async function statusOf(response: Response): Promise<Json> {
  return decode(RpcStatus, Buffer.from(await response.arrayBuffer()))
}

test.each([
  ['plain', 'identity', (bytes: Buffer) => bytes],
  ['gzip', 'gzip', (bytes: Buffer) => gzipSync(bytes)],
  ['deflate', 'deflate', (bytes: Buffer) => deflateSync(bytes)],
])('takes JSON and protobuf, %s', async (_name, encoding, pack) => {
  const headers = { 'content-encoding': encoding }
  const json = await post(new Uint8Array(pack(Buffer.from(golden))), { ...JSON_TYPE, ...headers })
  expect(json.status).toBe(200)
  expect(await json.json()).toEqual({ partialSuccess: {} })
  const bytes = pack(encode(TracesRequest, JSON.parse(golden) as Json))
  const proto = await post(new Uint8Array(bytes), { ...PROTO, ...headers })
  expect(proto.status).toBe(200)
  expect(proto.headers.get('content-type')).toBe('application/x-protobuf')
  expect((await proto.arrayBuffer()).byteLength).toBe(0)
})

test.each([
  ['a small one, inflated at once', 30 * LIMIT],
  // More than 64 KiB on the wire.
  ['a large one, inflated in chunks', 800 * LIMIT],
])('a gzip bomb is refused: %s', async (_name, size) => {
  const bomb = gzipSync(Buffer.alloc(size))
  expect(bomb.length).toBeLessThan(LIMIT)
  expect(bomb.length > 64 * 1024).toBe(size > 100 * LIMIT)
  const response = await post(new Uint8Array(bomb), { ...PROTO, 'content-encoding': 'gzip' })
  expect(response.status).toBe(413)
  expect(await statusOf(response)).toEqual({
    code: 3,
    message: `the body is larger than ${LIMIT} bytes after decompression`,
  })
  expect((await post(golden, JSON_TYPE)).status).toBe(200)
})

test('the limit holds to the byte, before and after decompression', async () => {
  const padded = (size: number) => golden.trimEnd().padEnd(size)
  for (const encoding of ['identity', 'gzip']) {
    const headers = { ...JSON_TYPE, 'content-encoding': encoding }
    const packed = (size: number) =>
      encoding === 'gzip' ? new Uint8Array(gzipSync(padded(size))) : padded(size)
    expect((await post(packed(LIMIT), headers)).status).toBe(200)
    const over = await post(packed(LIMIT + 1), headers)
    expect(over.status).toBe(413)
    expect(await over.json()).toMatchObject({ code: 3 })
  }
})

test('a body of unknown length is cut off at the limit, before its end', async () => {
  const sender = request(`${base}/v1/traces`, { method: 'POST', headers: PROTO })
  sender.write(Buffer.alloc(3 * LIMIT))
  const [answer] = (await once(sender, 'response')) as [IncomingMessage]
  sender.on('error', () => {})
  sender.destroy()
  expect(answer.statusCode).toBe(413)
  expect(answer.headers.connection).toBe('close')
})

test.each([
  [400, 3, 'the body is not JSON', '{', JSON_TYPE, '/v1/traces'],
  [400, 3, 'the body must be a JSON object', '[]', JSON_TYPE, '/v1/traces'],
  [400, 3, 'the body is not valid gzip', 'x', { ...JSON_TYPE, 'content-encoding': 'gzip' }, '/v1/traces'],
  [415, 3, 'content-encoding must be', 'x', { ...JSON_TYPE, 'content-encoding': 'br' }, '/v1/traces'],
  [404, 5, 'no pipeline takes this path', '{}', JSON_TYPE, '/v1/metrics'],
  [400, 3, '', '\x0a\x7f', PROTO, '/v1/traces'],
  [415, 3, 'content-type must be', 'x', { 'content-type': 'text/plain' }, '/v1/traces'],
  [404, 5, 'no pipeline takes this path', 'x', PROTO, '/other'],
])('%i (code %i) %s', async (status, code, message, body, headers, path) => {
  const response = await post(body, headers, path)
  expect(response.status).toBe(status)
  const json = headers['content-type'] === 'application/json'
  expect(response.headers.get('content-type')).toBe(json ? 'application/json' : 'application/x-protobuf')
  const problem = json ? ((await response.json()) as Json) : await statusOf(response)
  expect(problem).toEqual({ code, message: expect.stringContaining(message) as string })
  expect(problem['message']).not.toBe('')
})

test('spans without valid ids are reported by partial success, in both encodings', async () => {
  const oneWithout = JSON.parse(golden) as { resourceSpans: { scopeSpans: { spans: Json[] }[] }[] }
  oneWithout.resourceSpans[0].scopeSpans[0].spans[1]['traceId'] = '0'.repeat(32)
  const json = await post(JSON.stringify(oneWithout), JSON_TYPE)
  expect(json.status).toBe(200)
  const errorMessage = '1 spans without a valid trace id or span id'
  expect(await json.json()).toEqual({ partialSuccess: { rejectedSpans: '1', errorMessage } })
  const bytes = encode(TracesRequest, oneWithout)
  const proto = await post(new Uint8Array(bytes), PROTO)
  expect(proto.status).toBe(200)
  // Field 1: the partial success, of field 1 (one span) and field 2 (the message).
  const text = Buffer.from(errorMessage)
  expect(Buffer.from(await proto.arrayBuffer())).toEqual(
    Buffer.concat([Buffer.from([10, 4 + text.length, 8, 1, 18, text.length]), text]),
  )
})

test('values nested too deep are refused, and not at the price of the stack', async () => {
  const nested = (depth: number): string =>
    `${'{"arrayValue":{"values":['.repeat(depth)}{"stringValue":"x"}${']}}'.repeat(depth)}`
  const withValue = (value: string) =>
    `{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"${'1'.repeat(32)}","spanId":"${'1'.repeat(16)}","attributes":[{"key":"a","value":${value}}]}]}]}]}`
  expect((await post(withValue(nested(10)), JSON_TYPE)).status).toBe(200)
  const deep = await post(withValue(nested(2000)), JSON_TYPE)
  expect(deep.status).toBe(400)
  expect(await deep.json()).toEqual({
    code: 3,
    message: expect.stringContaining('is nested deeper than 64') as string,
  })
  // The same in protobuf: AnyValue.array_value (5) > ArrayValue.values (1), from the inside out.
  const field = (tag: number, inner: Buffer) => {
    const length = [inner.length & 127]
    for (let rest = inner.length >>> 7; rest > 0; rest >>>= 7) {
      length[length.length - 1] |= 128
      length.push(rest & 127)
    }
    return Buffer.concat([Buffer.from([tag, ...length]), inner])
  }
  let value = field(10, Buffer.from('x'))
  for (let depth = 0; depth < 2000; depth++) value = field(42, field(10, value))
  const pair = Buffer.concat([field(10, Buffer.from('a')), field(18, value)])
  const span = Buffer.concat([field(10, Buffer.alloc(16, 1)), field(18, Buffer.alloc(8, 1)), field(74, pair)])
  const response = await post(new Uint8Array(field(10, field(18, field(18, span)))), PROTO)
  expect(response.status).toBe(400)
  expect((await statusOf(response))['message']).toContain('is nested deeper than 64')
})

test('a page of an allowed origin may send; another one is not told so', async () => {
  const preflight = (origin: string) =>
    fetch(`${base}/v1/traces`, {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'POST' },
    })
  const viewer = await preflight('http://127.0.0.1:4319')
  expect(viewer.status).toBe(204)
  expect(Object.fromEntries(viewer.headers)).toMatchObject({
    'access-control-allow-origin': 'http://127.0.0.1:4319',
    'access-control-allow-methods': 'POST',
    'access-control-allow-headers': 'content-type, content-encoding, x-tenant',
    'access-control-max-age': '7200',
    vary: 'Origin',
  })
  const sent = await post(golden, { ...JSON_TYPE, origin: 'http://127.0.0.1:4319' })
  expect(sent.headers.get('access-control-allow-origin')).toBe('http://127.0.0.1:4319')
  for (const origin of ['http://127.0.0.1.evil.example:80', 'https://evil.example', 'null'])
    expect((await preflight(origin)).headers.get('access-control-allow-origin')).toBeNull()
})

test('only POST sends', async () => {
  const response = await fetch(`${base}/v1/traces`)
  expect(response.status).toBe(405)
  expect(response.headers.get('allow')).toBe('POST')
})
