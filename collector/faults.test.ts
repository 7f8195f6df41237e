import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { decode, encode, type Json } from './otlp/codec.ts'
import { list } from './otlp/plain.ts'
import { TracesRequest } from './otlp/schema.ts'
import { otlpOnAnyPort, runSidecar } from './run-sidecar.ts'
import { spawnSidecar, type SpawnedSidecar } from './spawn-sidecar.ts'
import { TraceStore } from './store/trace-store.ts'

let dir: string
const children: ChildProcess[] = []
const servers: Server[] = []

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'faults-'))
})

afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    server.close()
  }
  rmSync(dir, { recursive: true, force: true })
})

/** A backend that answers with what `status` says now, and notes the ids of the spans it takes. */
async function backend(port = 0) {
  const taken: string[] = []
  const behaviour: { status: number | 'never' | (() => number) } = { status: 200 }
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const status = typeof behaviour.status === 'function' ? behaviour.status() : behaviour.status
      if (status === 'never') return
      if (status === 200) taken.push(...spanIds(gunzipSync(Buffer.concat(chunks))))
      response.writeHead(status).end()
    })
  })
  servers.push(server)
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  const { port: taking } = server.address() as AddressInfo
  return { taken, behaviour, server, port: taking, url: `http://127.0.0.1:${taking}` }
}

/** An address where nobody listens: the port was free a moment ago. */
async function nobody(): Promise<number> {
  const { server, port } = await backend()
  server.close()
  await once(server, 'close')
  return port
}

function spanIds(body: Buffer): string[] {
  return list(decode(TracesRequest, body)['resourceSpans'])
    .flatMap((resource) => list(resource['scopeSpans']))
    .flatMap((scope) => list(scope['spans']))
    .map((span) => span['spanId'] as string)
}

let serial = 0

/** A request of as many spans, each a trace of its own. */
function request(count: number): { body: Uint8Array<ArrayBuffer>; ids: string[] } {
  const ids = Array.from({ length: count }, () => (++serial).toString(16).padStart(16, '0'))
  const spans: Json[] = ids.map((spanId) => ({
    traceId: spanId.padStart(32, 'a'),
    spanId,
    name: 'work',
    startTimeUnixNano: '1769851800000000000',
    endTimeUnixNano: '1769851800001000000',
  }))
  const body = encode(TracesRequest, { resourceSpans: [{ scopeSpans: [{ spans }] }] })
  return { body: new Uint8Array(body), ids }
}

async function send(base: string, body: Uint8Array<ArrayBuffer>): Promise<number> {
  const response = await fetch(`${base}/v1/traces`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-protobuf' },
    body,
  })
  return response.status
}

/** The repository's file; everything is kept and decided soon. */
async function wholeFile(jaeger: string, tempo: string): Promise<SpawnedSidecar> {
  const soon = join(dir, 'soon.yaml')
  writeFileSync(
    soon,
    `processors: {tail_sampling: {decision_wait: 300ms, policies: [{name: all, type: always_sample}]}}
exporters:
  otlp_http/jaeger: {retry_on_failure: {initial_interval: 50ms, max_interval: 100ms}, sending_queue: {batch: {flush_timeout: 50ms}}}
  otlp_http/tempo: {retry_on_failure: {initial_interval: 50ms, max_interval: 100ms}, sending_queue: {batch: {flush_timeout: 50ms}}}
`,
  )
  const spawned = await spawnSidecar({
    files: [join(import.meta.dirname, '..', 'otel-collector.yaml'), soon],
    args: ['--data-dir', join(dir, 'data')],
    env: {
      TAPESCOPE_JAEGER_ENDPOINT: jaeger,
      TAPESCOPE_TEMPO_ENDPOINT: tempo,
      TAPESCOPE_QUEUE_DIR: join(dir, 'queue'),
    },
  })
  children.push(spawned.child)
  return spawned
}

async function kill(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL')
  await once(child, 'exit')
}

const waiting = { timeout: 20_000, interval: 50 }

/** What was received was left out, waits or was handed on; per destination: what reached it is what it took, what waits, and what was counted as dropped. */
async function expectConservation(sidecar: SpawnedSidecar, exporter: string): Promise<Map<string, number>> {
  const metrics = await sidecar.metrics()
  const sum = (prefix: string) =>
    [...metrics].reduce(
      (total, [name, value]) =>
        name.startsWith(`otelcol_exporter_${prefix}`) && name.includes(`exporter="${exporter}"`)
          ? total + value
          : total,
      0,
    )
  const of = (name: string, labels: string) => metrics.get(`otelcol_${name}{${labels}}`) ?? 0
  const sampling = (name: string, more = '') =>
    of(`processor_tail_sampling_${name}`, `processor="tail_sampling"${more}`)
  expect(
    of('receiver_accepted_spans_total', 'receiver="otlp",transport="http"') +
      sampling('replayed_spans_total'),
  ).toBe(
    of('processor_filter_spans_filtered_total', 'filter="filter",pipeline="traces"') +
      sampling('pending_spans') +
      sampling('lost_spans_total') +
      sampling('spans_total', ',decision="sampled"') +
      sampling('spans_total', ',decision="not_sampled"'),
  )
  expect(sum('offered_spans_total'), exporter).toBe(
    sum('sent_spans_total') +
      sum('queued_spans') +
      sum('enqueue_failed_spans_total') +
      sum('send_failed_spans_total'),
  )
  return metrics
}

test('kill -9 while spans come in and one backend is gone: each acknowledged span reaches both', async () => {
  const jaeger = await backend()
  const port = await nobody()
  const first = await wholeFile(jaeger.url, `http://127.0.0.1:${port}`)
  const acknowledged: string[] = []
  const killed = new AbortController()
  const sender = (async () => {
    while (!killed.signal.aborted) {
      const { body, ids } = request(50)
      const status = await send(first.urls['OTLP/HTTP'], body).catch(() => 0)
      if (status === 200) acknowledged.push(...ids)
    }
  })()
  await vi.waitFor(() => expect(jaeger.taken.length).toBeGreaterThan(0), waiting)
  killed.abort()
  await kill(first.child)
  await sender
  expect(acknowledged.length).toBeGreaterThan(100)

  const tempo = await backend(port)
  const second = await wholeFile(jaeger.url, tempo.url)
  await vi.waitFor(() => {
    for (const { taken } of [jaeger, tempo]) {
      const came = new Set(taken)
      expect(acknowledged.filter((id) => !came.has(id))).toEqual([])
    }
  }, waiting)
  for (const exporter of ['otlp_http/jaeger', 'otlp_http/tempo'])
    await vi.waitFor(() => expectConservation(second, exporter), waiting)
})

test('a damaged queue file costs the record that was hit, and it is counted', async () => {
  const jaeger = await backend()
  const port = await nobody()
  const first = await wholeFile(jaeger.url, `http://127.0.0.1:${port}`)
  const requests = [request(3), request(4), request(5)]
  // One after another, so that each is a record of its own.
  for (const [i, { body }] of requests.entries()) {
    expect(await send(first.urls['OTLP/HTTP'], body)).toBe(200)
    const so = requests.slice(0, i + 1).flatMap(({ ids }) => ids).length
    await vi.waitFor(() => expect(jaeger.taken).toHaveLength(so), waiting)
  }
  await kill(first.child)
  const queue = join(dir, 'queue', 'otlp_http_tempo-traces')
  const file = join(
    queue,
    readdirSync(queue).find((name) => name.endsWith('.log'))!,
  )
  const bytes = readFileSync(file)
  bytes[bytes.indexOf(Buffer.from(requests[1].ids[0], 'hex'))] ^= 0xff
  writeFileSync(file, bytes)

  const tempo = await backend(port)
  const second = await wholeFile(jaeger.url, tempo.url)
  await vi.waitFor(
    () => expect(tempo.taken.toSorted()).toEqual([...requests[0].ids, ...requests[2].ids].toSorted()),
    waiting,
  )
  const metrics = await vi.waitFor(() => expectConservation(second, 'otlp_http/tempo'), waiting)
  expect(
    metrics.get('otelcol_exporter_send_failed_spans_total{exporter="otlp_http/tempo",reason="damaged"}'),
  ).toBe(4)
  expect(second.stderr()).toContain('1 damaged records in its queue were left out (4 spans known)')
})

test.each([
  ['never answers', 'never' as const],
  ['answers 503', 503],
])('a backend that %s costs the other one nothing', async (_what, status) => {
  const [jaeger, tempo] = [await backend(), await backend()]
  jaeger.behaviour.status = status
  const sidecar = await wholeFile(jaeger.url, tempo.url)
  const sent: string[] = []
  for (let i = 0; i < 10; i++) {
    const { body, ids } = request(20)
    expect(await send(sidecar.urls['OTLP/HTTP'], body)).toBe(200)
    sent.push(...ids)
  }
  await vi.waitFor(() => expect(tempo.taken.toSorted()).toEqual(sent.toSorted()), waiting)
  expect(jaeger.taken).toEqual([])
  const metrics = await expectConservation(sidecar, 'otlp_http/jaeger')
  expect(metrics.get('otelcol_exporter_queued_spans{exporter="otlp_http/jaeger"}')).toBe(200)
})

test('a permanent refusal is dropped and counted, not tried again for ever', async () => {
  const [jaeger, tempo] = [await backend(), await backend()]
  jaeger.behaviour.status = 400
  const sidecar = await wholeFile(jaeger.url, tempo.url)
  expect(await send(sidecar.urls['OTLP/HTTP'], request(7).body)).toBe(200)
  await vi.waitFor(async () => {
    const metrics = await expectConservation(sidecar, 'otlp_http/jaeger')
    expect(
      metrics.get('otelcol_exporter_send_failed_spans_total{exporter="otlp_http/jaeger",reason="permanent"}'),
    ).toBe(7)
  }, waiting)
  await vi.waitFor(() => expect(tempo.taken).toHaveLength(7), waiting)
})

test('whatever a backend answers, what came is what was taken, waits or was counted as dropped', async () => {
  const fickle = await backend()
  let answers = 0
  fickle.behaviour.status = () => [200, 503, 429, 400, 200, 502, 500][answers++ % 7]
  const running = await runSidecar({
    receivers: otlpOnAnyPort(),
    exporters: {
      otlp_http: {
        endpoint: fickle.url,
        sending_queue: { queue_size: 5, num_consumers: 2 },
        retry_on_failure: { initial_interval: '5ms', max_interval: '10ms', max_elapsed_time: '40ms' },
      },
    },
    service: { pipelines: { traces: { receivers: ['otlp'], exporters: ['otlp_http'] } } },
  })
  const acknowledged = new Set<string>()
  let accepted = 0
  let refused = 0
  await Promise.all(
    Array.from({ length: 60 }, async (_, i) => {
      const { body, ids } = request((i % 9) + 1)
      const status = await send(running.urls['OTLP/HTTP'], body)
      expect([200, 503]).toContain(status)
      if (status === 200) {
        accepted += ids.length
        for (const id of ids) acknowledged.add(id)
      } else refused += (i % 9) + 1
    }),
  )
  await running.stop()
  const { telemetry } = running
  const sum = (name: string, labels = {}) => telemetry.sum(`otelcol_${name}_spans_total`, labels)
  // Each once, and nothing else: what waited was not overwritten by what came after it.
  expect(fickle.taken.filter((id) => acknowledged.delete(id))).toHaveLength(fickle.taken.length)
  expect(sum('receiver_accepted')).toBe(accepted)
  expect(sum('receiver_refused')).toBe(refused)
  expect(refused).toBeGreaterThan(0)
  expect(sum('exporter_enqueue_failed')).toBe(refused)
  expect(sum('exporter_offered')).toBe(accepted + refused)
  expect(sum('exporter_sent')).toBe(fickle.taken.length)
  expect(sum('exporter_sent') + sum('exporter_send_failed')).toBe(accepted)
  expect(sum('exporter_send_failed', { reason: 'permanent' })).toBeGreaterThan(0)
})

test('a store in memory keeps what came, whatever came after it', async () => {
  const store = new TraceStore({ maxBytes: 2 ** 20 })
  const running = await runSidecar(
    {
      receivers: otlpOnAnyPort(),
      exporters: { nop: null },
      service: { pipelines: { traces: { receivers: ['otlp'], exporters: ['nop'] } } },
    },
    (batch) => store.append(batch),
  )
  const sent: string[] = []
  for (let i = 0; i < 40; i++) {
    const { body, ids } = request((i % 7) + 1)
    expect(await send(running.urls['OTLP/HTTP'], body)).toBe(200)
    sent.push(...ids)
  }
  for (const id of sent)
    expect(await store.trace(id.padStart(32, 'a'))).toMatchObject([{ spanId: id, name: 'work' }])
  await running.stop()
})

test('a queue in memory keeps what came, whatever came after it', async () => {
  const slow = await backend()
  slow.behaviour.status = 503
  const running = await runSidecar({
    receivers: otlpOnAnyPort(),
    exporters: {
      otlp_http: {
        endpoint: slow.url,
        retry_on_failure: { initial_interval: '20ms', max_interval: '50ms', max_elapsed_time: '0s' },
      },
    },
    service: { pipelines: { traces: { receivers: ['otlp'], exporters: ['otlp_http'] } } },
  })
  const sent: string[] = []
  for (let i = 0; i < 20; i++) {
    const { body, ids } = request((i % 7) + 1)
    expect(await send(running.urls['OTLP/HTTP'], body)).toBe(200)
    sent.push(...ids)
  }
  slow.behaviour.status = 200
  await running.stop()
  expect(slow.taken.toSorted()).toEqual(sent.toSorted())
})

test.each(['file', 'debug'])(
  'each destination counts what it took, a full disk is a 503: %s',
  async (type) => {
    const settings = type === 'file' ? { path: '/dev/full' } : { verbosity: 'basic' }
    const running = await runSidecar({
      receivers: otlpOnAnyPort(),
      exporters: { [type]: settings },
      service: { pipelines: { traces: { receivers: ['otlp'], exporters: [type] } } },
    })
    const status = await send(running.urls['OTLP/HTTP'], request(3).body)
    const sum = (name: string) =>
      running.telemetry.sum(`otelcol_exporter_${name}_spans_total`, { exporter: type })
    expect([status, sum('offered'), sum('sent'), sum('enqueue_failed')]).toEqual(
      type === 'file' ? [503, 3, 0, 3] : [200, 3, 3, 0],
    )
    await running.stop()
  },
)
