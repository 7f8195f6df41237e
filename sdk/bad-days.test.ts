import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { afterEach, expect, it } from 'vitest'
import { startOtlpSink, type OtlpSink, type SinkAct } from './testing/otlp-sink.ts'

let sink: OtlpSink | undefined
afterEach(async () => {
  await sink?.close()
  sink = undefined
})

/** Runs the fixture without a line of telemetry in it; `signal` is sent when it is ready. */
async function run(
  endpoint: string,
  env: Record<string, string>,
  signal?: NodeJS.Signals,
  program = 'span-program',
) {
  const child = spawn(
    process.execPath,
    ['--import', new URL('register.ts', import.meta.url).href, `fixtures/${program}.ts`],
    {
      cwd: import.meta.dirname,
      env: {
        ...process.env,
        OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
        // Only a flush sends, not the clock.
        OTEL_BSP_SCHEDULE_DELAY: '600000',
        ...env,
      },
    },
  )
  let stdout = ''
  let stderr = ''
  child.stderr.on('data', (data) => (stderr += String(data)))
  child.stdout.on('data', (data) => {
    stdout += String(data)
    if (signal !== undefined && String(data).includes('ready')) child.kill(signal)
  })
  const began = performance.now()
  const [code, by] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null]
  return { code, by, stdout, stderr, ms: performance.now() - began }
}

const names = (count: number): Set<string> => new Set(Array.from({ length: count }, (_, i) => `span-${i}`))

function expectEachOnce(count: number): void {
  expect(sink!.spans.length).toBe(count)
  expect(new Set(sink!.spans.map(({ name }) => name))).toEqual(names(count))
}

const endings: [ending: string, signal: NodeJS.Signals | undefined, outcome: object][] = [
  ['natural', undefined, { code: 0, by: null }],
  ['exit', undefined, { code: 7, by: null }],
  ['throw', undefined, { code: 1, by: null }],
  ['unhandled', 'SIGTERM', { code: null, by: 'SIGTERM' }],
  ['unhandled', 'SIGINT', { code: null, by: 'SIGINT' }],
  ['handled', 'SIGTERM', { code: 0, by: null, stdout: 'ready\nhost handler\n' }],
  ['handled-exit', 'SIGTERM', { code: 5, by: null, stdout: 'ready\nhost handler\n' }],
]

it.each(endings)(
  'delivers 400 queued spans once each when the process ends: %s %s',
  async (ENDING, signal, outcome) => {
    sink = await startOtlpSink()
    expect(await run(sink.url, { ENDING }, signal)).toMatchObject(outcome)
    expectEachOnce(400)
  },
)

const bad: [what: string, act: SinkAct][] = [
  ['429 with Retry-After', { status: 429, retryAfter: '1' }],
  ['502', { status: 502 }],
  ['503', { status: 503 }],
  ['504', { status: 504 }],
  ['a reset connection', 'reset'],
  ['a connection that hangs', 'hang'],
]

it.each(bad)('loses and duplicates nothing after %s', async (_, act) => {
  // The second, third and fourth request have the bad day, in the midst of four at a time.
  sink = await startOtlpSink((request) => (request >= 1 && request <= 3 ? act : 'ok'))
  const env = { SPANS: '5000', OTEL_EXPORTER_OTLP_TIMEOUT: '500' }
  expect(await run(sink.url, env)).toMatchObject({ code: 0, stderr: '' })
  expectEachOnce(5000)
  expect(sink.acts.filter((one) => one !== 'ok').length).toBe(3)
})

it('ends within the deadline when nobody listens, and tells the loss', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  const { by, stderr, ms } = await run(
    `http://127.0.0.1:${port}`,
    { ENDING: 'unhandled', TAPESCOPE_DEADLINE_MS: '1500' },
    'SIGTERM',
  )
  expect(by).toBe('SIGTERM')
  expect(stderr).toContain('400 spans dropped: shutdown_deadline')
  expect(ms).toBeLessThan(10_000)
})

it('does not hold up a program that ends by itself where nobody listens, and tells the loss', async () => {
  sink = await startOtlpSink()
  const { url } = sink
  await sink.close()
  sink = undefined
  const { code, stderr, ms } = await run(url, { TAPESCOPE_DEADLINE_MS: '60000' })
  expect(code).toBe(0)
  expect(stderr).toBe('tapescope: 400 spans dropped: shutdown_deadline\n')
  expect(ms).toBeLessThan(30_000)
})

it('ends within the deadline when the backend is silent, and tells the loss', async () => {
  sink = await startOtlpSink(() => 'hang')
  const { by, stderr, ms } = await run(
    sink.url,
    { ENDING: 'unhandled', TAPESCOPE_DEADLINE_MS: '1500' },
    'SIGTERM',
  )
  expect(by).toBe('SIGTERM')
  expect(stderr).toContain('400 spans dropped: shutdown_deadline')
  expect(ms).toBeLessThan(10_000)
})

it('does not hold up a program that ends by itself where a backend is silent for longer than the deadline', async () => {
  sink = await startOtlpSink(() => 'hang')
  const { code, stderr, ms } = await run(sink.url, { TAPESCOPE_DEADLINE_MS: '1000' })
  expect(code).toBe(0)
  expect(stderr).toBe('tapescope: 400 spans dropped: shutdown_deadline\n')
  expect(ms).toBeLessThan(15_000)
})

it('gives up what a backend refuses for good, and what it rejects, and says so', async () => {
  sink = await startOtlpSink((request) => (request === 0 ? { status: 400 } : { rejected: 3 }))
  const { stderr } = await run(sink.url, { SPANS: '600', OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '300' })
  expect(stderr).toContain('300 spans dropped: refused (HTTP 400)')
  expect(stderr).toContain('3 spans dropped: rejected')
  expect(sink.spans.length).toBe(297)
})

it('runs the program without telemetry when the configuration cannot be meant', async () => {
  const { code, stdout, stderr } = await run('http://127.0.0.1:1', { OTEL_CONFIG_FILE: '/nowhere.yaml' })
  expect({ code, stdout }).toEqual({ code: 0, stdout: 'ready\n' })
  expect(stderr).toMatch(
    /^tapescope: no telemetry: The configuration file \/nowhere\.yaml cannot be used: ENOENT.*\n$/,
  )
})

it.each(['natural', 'exit'])(
  'delivers the spans of a worker thread, in the trace of who started it: %s',
  async (ENDING) => {
    sink = await startOtlpSink()
    expect(await run(sink.url, { ENDING }, undefined, 'worker-program')).toMatchObject({
      code: 0,
      stderr: '',
    })
    expect(sink.spans.map(({ name }) => name).toSorted()).toEqual(['in thread', 'request'])
    expect(new Set(sink.spans.map(({ traceId }) => traceId)).size).toBe(1)
  },
)
