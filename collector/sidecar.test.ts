import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { ROOT_CONTEXT, SpanStatusCode, trace } from '@opentelemetry/api'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { TracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { spawnSidecar } from './spawn-sidecar.ts'

const here = import.meta.dirname
let dir: string
const children: ChildProcess[] = []

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'sidecar-'))
})

afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  rmSync(dir, { recursive: true, force: true })
})

async function sidecar(
  files: readonly string[],
  args: readonly string[] = [],
  env: Record<string, string> = {},
) {
  const spawned = await spawnSidecar({ files, args, env: { TAPESCOPE_DATA_DIR: dir, ...env } })
  children.push(spawned.child)
  return spawned
}

test('spans of a real exporter come back from the viewer and reach both backends', async () => {
  const received: Record<string, number> = { '/jaeger/v1/traces': 0, '/tempo/v1/traces': 0 }
  const backend = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      received[request.url!] += gunzipSync(Buffer.concat(chunks)).includes('stage.detect') ? 1 : 0
      response.writeHead(200).end()
    })
  })
  backend.listen(0, '127.0.0.1')
  await once(backend, 'listening')
  const base = `http://127.0.0.1:${(backend.address() as AddressInfo).port}`
  const { child, urls } = await sidecar([join(here, '..', 'otel-collector.yaml')], [], {
    TAPESCOPE_JAEGER_ENDPOINT: `${base}/jaeger`,
    TAPESCOPE_TEMPO_ENDPOINT: `${base}/tempo`,
    TAPESCOPE_QUEUE_DIR: join(dir, 'queue'),
  })

  const exporter = new OTLPTraceExporter({ url: `${urls['OTLP/HTTP']}/v1/traces` })
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ 'service.name': 'bar-loop' }),
    spanProcessors: [new SimpleSpanProcessor({ exporter })],
  })
  const tracer = provider.getTracer('test')
  const root = tracer.startSpan('backtest.run', {
    attributes: { symbol: 'SPY', bars: 5105, 'tapescope.keep': true },
  })
  const stage = tracer.startSpan('stage.detect', {}, trace.setSpan(ROOT_CONTEXT, root))
  stage.setStatus({ code: SpanStatusCode.ERROR, message: 'no range' })
  stage.addEvent('pattern', { type: 'SPRING' })
  stage.end()
  root.end()
  await provider.forceFlush()
  await provider.shutdown()

  const { traces } = (await (await fetch(`${urls['viewer']}/api/traces`)).json()) as { traces: unknown[] }
  const { traceId, spanId } = root.spanContext()
  expect(traces).toEqual([
    {
      traceId,
      name: 'backtest.run',
      service: 'bar-loop',
      startTime: expect.stringMatching(/^\d{4}-.*Z$/) as string,
      durationMs: expect.any(Number) as number,
      spanCount: 2,
      errorCount: 1,
    },
  ])
  const answer = (await (await fetch(`${urls['viewer']}/api/traces/${traceId}`)).json()) as {
    spans: object[]
  }
  expect(answer.spans.find((span) => 'name' in span && span.name === 'stage.detect')).toMatchObject({
    parentSpanId: spanId,
    kind: 'internal',
    service: 'bar-loop',
    scope: 'test',
    status: { code: 'error', message: 'no range' },
    events: [{ name: 'pattern', attributes: { type: 'SPRING' } }],
  })
  expect(answer.spans.find((span) => 'name' in span && span.name === 'backtest.run')).toMatchObject({
    parentSpanId: null,
    attributes: { symbol: 'SPY', bars: 5105 },
  })
  expect((await fetch(`${urls['viewer']}/api/traces/${'0'.repeat(31)}1`)).status).toBe(404)
  expect((await fetch(urls['health'])).status).toBe(200)

  child.kill('SIGTERM')
  const [code] = (await once(child, 'exit')) as [number]
  expect(code).toBe(0)
  expect(received).toEqual({ '/jaeger/v1/traces': 1, '/tempo/v1/traces': 1 })
  backend.close()
})

test('an unknown key is refused with its path and what is supported', async () => {
  const file = join(dir, 'bad.yaml')
  writeFileSync(
    file,
    'receivers: {otlp: {protocols: {http: {endpoint: "127.0.0.1:0", colour: red}}}}\nexporters: {kafka: {}, nop: }\nservice: {pipelines: {traces: {receivers: [otlp], exporters: [nop]}}}\n',
  )
  const failure = await sidecar([file]).catch((error: Error) => error.message)
  expect(failure).toContain('exit 1')
  expect(failure).toContain('receivers::otlp::protocols::http::colour: unknown key; supported: endpoint,')
  expect(failure).toContain('exporters::kafka: unknown component; supported: otlp_http,')
})

test('a taken port is one sentence', async () => {
  const other = createServer()
  other.listen(0, '127.0.0.1')
  await once(other, 'listening')
  const { port } = other.address() as AddressInfo
  const files = [join(here, '..', 'otel-collector.yaml'), join(here, 'local.yaml')]
  const failure = await sidecar(files, ['--otlp-port', String(port)]).catch((error: Error) => error.message)
  expect(failure).toBe(`exit 1: OTLP/HTTP receiver: port ${port} on 127.0.0.1 is taken by another process\n`)
  other.close()
})
