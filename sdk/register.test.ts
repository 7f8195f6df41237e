import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { startOtlpSink, type OtlpSink } from './testing/otlp-sink.ts'

// `node --import @tapescope/sdk/register` with the variables of the specification, on a program without telemetry.

let sink: OtlpSink
beforeEach(async () => {
  sink = await startOtlpSink()
})
afterEach(() => sink.close())

const program = `
  import { metrics, trace } from '@opentelemetry/api'
  metrics.getMeter('program').createCounter('orders').add(3)
  trace.getTracer('program').startActiveSpan('one', (span) => {
    span.setAttribute('long', 'x'.repeat(100))
    for (let i = 0; i < 20; i++) span.setAttribute('number.' + i + '.', i)
    span.end()
  })
`

async function run(env: Record<string, string>, code = program) {
  const register = new URL('register.ts', import.meta.url).href
  const child = spawn(process.execPath, ['--import', register, '--input-type=module', '--eval', code], {
    cwd: import.meta.dirname,
    env: { PATH: process.env['PATH'], OTEL_EXPORTER_OTLP_ENDPOINT: sink.url, ...env },
  })
  let [stdout, stderr] = ['', '']
  child.stdout.on('data', (data) => (stdout += String(data)))
  child.stderr.on('data', (data) => (stderr += String(data)))
  const [status] = (await once(child, 'close')) as [number]
  return { status, stdout, stderr }
}

const text = (path = '/v1/traces'): string =>
  sink.bodies
    .filter((one) => one.path === path)
    .map(({ body }) => body.toString('latin1'))
    .join()

it('describes the service as the variables say, and keeps its command line to itself', async () => {
  const env = {
    OTEL_SERVICE_NAME: 'desk',
    OTEL_RESOURCE_ATTRIBUTES: 'service.name=other,deployment.environment.name=lab%20one',
  }
  expect(await run(env)).toEqual({ status: 0, stdout: '', stderr: '' })
  expect(sink.spans.map(({ name }) => name)).toEqual(['one'])
  expect(text()).toMatch(/service\.name.{1,6}desk/s)
  expect(text()).toContain('lab one')
  expect(text()).toContain('process.pid')
  expect(text()).not.toContain('command')
  expect(sink.bodies.map(({ path }) => path)).toEqual(['/v1/traces'])
})

it('speaks JSON, and packs', async () => {
  await run({ OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json', OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip' })
  expect(sink.bodies[0].type).toBe('application/json')
  const { resourceSpans } = JSON.parse(text()) as {
    resourceSpans: { scopeSpans: { spans: { name: string; flags: number }[] }[] }[]
  }
  const [span] = resourceSpans[0].scopeSpans[0].spans
  expect(span.name).toBe('one')
  // Sampled and random.
  expect(span.flags & 3).toBe(3)
})

it('keeps the limits on attributes', async () => {
  await run({
    OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT: '5',
    OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT: '10',
    OTEL_LOG_LEVEL: 'error',
  })
  expect(text()).toContain('x'.repeat(10))
  expect(text()).not.toContain('x'.repeat(11))
  expect(text()).toContain('number.3.')
  expect(text()).not.toContain('number.4.')
})

it('samples, and sends nothing when nothing is to be sent', async () => {
  await run({ OTEL_TRACES_SAMPLER: 'always_off' })
  await run({ OTEL_TRACES_EXPORTER: 'none' })
  await run({ OTEL_SDK_DISABLED: 'true' })
  expect(sink.acts).toEqual([])
  const { stdout } = await run({ OTEL_TRACES_EXPORTER: 'console' })
  expect(stdout).toContain("name: 'one'")
})

it('sends metrics when asked to', async () => {
  await run({ OTEL_METRICS_EXPORTER: 'otlp' })
  expect(text('/v1/metrics')).toContain('orders')
  expect(text('/v1/metrics')).toContain('tapescope_spans_created_total')
})

it('sends histograms and temporality as the variables say', async () => {
  const code = `import { metrics } from '@opentelemetry/api'
    metrics.getMeter('program').createHistogram('wait').record(3)
    metrics.getMeter('program').createCounter('orders').add(3)`
  await run(
    {
      OTEL_METRICS_EXPORTER: 'otlp',
      OTEL_EXPORTER_OTLP_METRICS_PROTOCOL: 'http/json',
      OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION: 'base2_exponential_bucket_histogram',
      OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE: 'delta',
    },
    code,
  )
  const { resourceMetrics } = JSON.parse(text('/v1/metrics')) as {
    resourceMetrics: {
      scopeMetrics: { metrics: { name: string; exponentialHistogram?: object; sum?: object }[] }[]
    }[]
  }
  const found = resourceMetrics[0].scopeMetrics.flatMap(({ metrics }) => metrics)
  const named = (name: string) => found.find((metric) => metric.name === name)
  expect(named('wait')?.exponentialHistogram).toMatchObject({ aggregationTemporality: 1 })
  expect(named('orders')?.sum).toMatchObject({ aggregationTemporality: 1 })
  // What the SDK counts itself stays cumulative.
  expect(named('tapescope_spans_created_total')?.sum).toMatchObject({ aggregationTemporality: 2 })
})

it('serves metrics when asked to, and says when the port is taken', async () => {
  const env = { OTEL_METRICS_EXPORTER: 'prometheus', OTEL_EXPORTER_PROMETHEUS_PORT: String(sink.port) }
  const taken = await run(env)
  expect(taken.status).toBe(0)
  expect(taken.stderr).toContain(`port ${sink.port} of 127.0.0.1 is taken`)
  const { port } = await freePort()
  const scraping = `${program}
    import { setTimeout as sleep } from 'node:timers/promises'
    await sleep(100)
    const answer = await fetch('http://127.0.0.1:${port}/metrics')
    console.log(await answer.text())`
  const { stdout } = await run({ ...env, OTEL_EXPORTER_PROMETHEUS_PORT: String(port) }, scraping)
  expect(stdout).toMatch(/^orders(_total)? 3$/m)
})

it('trusts the authority and shows the certificate that it is given', async () => {
  const pem = (name: string): string =>
    readFileSync(new URL(`fixtures/tls/${name}.pem`, import.meta.url), 'utf8')
  const clients: string[] = []
  const server = createServer(
    {
      key: pem('server-key'),
      cert: pem('server'),
      ca: pem('ca'),
      requestCert: true,
      rejectUnauthorized: true,
    },
    (request, response) => {
      clients.push(`${String(request.headers['x-desk'])} ${request.url}`)
      request.resume().on('end', () => response.end())
    },
  )
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const file = (name: string): string => new URL(`fixtures/tls/${name}.pem`, import.meta.url).pathname
  const env = {
    OTEL_EXPORTER_OTLP_ENDPOINT: `https://127.0.0.1:${port}`,
    OTEL_EXPORTER_OTLP_CERTIFICATE: file('ca'),
    OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE: file('client'),
    OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY: file('client-key'),
    OTEL_EXPORTER_OTLP_HEADERS: 'x-desk=blue%20one',
  }
  expect(await run(env)).toEqual({ status: 0, stdout: '', stderr: '' })
  expect(clients).toEqual(['blue one /v1/traces'])
  await run(env, `${program}; process.exit(0)`)
  expect(clients).toEqual(['blue one /v1/traces', 'blue one /v1/traces'])
  const { stderr } = await run(
    { ...env, OTEL_EXPORTER_OTLP_CERTIFICATE: '', TAPESCOPE_DEADLINE_MS: '500' },
    `${program}; setTimeout(() => process.exit(0), 300)`,
  )
  expect(stderr).toContain('1 spans dropped: shutdown_deadline')
  expect(clients.length).toBe(2)
  const missing = await run({ ...env, OTEL_EXPORTER_OTLP_CERTIFICATE: '/nowhere.pem' })
  expect(missing).toMatchObject({
    status: 0,
    stderr: expect.stringContaining('/nowhere.pem cannot be read (ENOENT)') as string,
  })
  server.closeAllConnections()
  server.close()
})

it('says what it lost when the process ends at once and the backend is away', async () => {
  const { port } = await freePort()
  const { status, stderr } = await run(
    { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}` },
    `${program}; process.exit(3)`,
  )
  expect(status).toBe(3)
  expect(stderr).toContain('1 spans dropped: shutdown_deadline')
})

async function freePort(): Promise<{ port: number }> {
  const other = await startOtlpSink()
  await other.close()
  return { port: other.port }
}
