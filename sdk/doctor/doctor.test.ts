import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createServer as createTcpServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startOtlpSink, type OtlpSink } from '../testing/otlp-sink.ts'

const sdk = dirname(import.meta.dirname)
/** A project of its own, outside the workspace, with the SDK and pg linked into it. */
const project = mkdtempSync(join(tmpdir(), 'tapescope-doctor-test-'))
let sink: OtlpSink

beforeAll(async () => {
  sink = await startOtlpSink()
  mkdirSync(join(project, 'node_modules', '@tapescope'), { recursive: true })
  symlinkSync(sdk, join(project, 'node_modules', '@tapescope', 'sdk'))
  symlinkSync(join(dirname(sdk), 'node_modules', 'pg'), join(project, 'node_modules', 'pg'))
  writeFileSync(join(project, 'package.json'), '{"type":"module"}')
})
afterAll(async () => {
  rmSync(project, { recursive: true })
  await sink.close()
})

interface Finding {
  readonly check: string
  readonly problem: string
  readonly remedy: string
}

async function tapescope(args: string[], env: Record<string, string> = {}, cwd = project) {
  const child = execFile(process.execPath, [join(sdk, 'cli.ts'), ...args], {
    cwd,
    env: { PATH: process.env['PATH'], OTEL_EXPORTER_OTLP_ENDPOINT: sink.url, ...env },
  })
  let stdout = ''
  let stderr = ''
  child.stdout!.on('data', (data) => (stdout += String(data)))
  child.stderr!.on('data', (data) => (stderr += String(data)))
  const [code] = (await once(child, 'close')) as [number]
  return { code, stdout, stderr }
}

async function findings(args: string[], env?: Record<string, string>, cwd?: string): Promise<Finding[]> {
  const { code, stdout, stderr } = await tapescope(['doctor', '--json', ...args], env, cwd)
  const { findings: found } = JSON.parse(
    stdout || `{"findings":[{"problem":${JSON.stringify(stderr)}}]}`,
  ) as {
    findings: Finding[]
  }
  expect(code).toBe(found.length === 0 ? 0 : 1)
  for (const { remedy } of found) expect(remedy.length).toBeGreaterThan(20)
  return found
}

it('finds nothing wrong where nothing is', async () => {
  expect(await findings([])).toEqual([])
  expect((await tapescope(['doctor'])).stdout).toBe(
    'Nothing is wrong with the telemetry that this could see.\n',
  )
})

it('names a package that is installed twice, and where', async () => {
  const folder = join(project, 'twice')
  for (const [path, version] of [
    ['node_modules/@opentelemetry/sdk-metrics', '3.1.0'],
    ['node_modules/library/node_modules/@opentelemetry/sdk-metrics', '2.0.1'],
  ] as const) {
    mkdirSync(join(folder, path), { recursive: true })
    writeFileSync(join(folder, path, 'package.json'), JSON.stringify({ version }))
  }
  const [found, ...more] = await findings([], {}, folder)
  expect(more).toEqual([])
  expect(found).toMatchObject({ check: 'packages', remedy: expect.stringContaining('npm dedupe') as string })
  expect(found.problem).toContain('@opentelemetry/sdk-metrics is installed 2 times: 3.1.0 in ')
  expect(found.problem).toContain('2.0.1 in node_modules/library/')
})

it.each([
  ['nobody listens', 'ECONNREFUSED', /npx @tapescope\/collector/],
  ['somebody is silent', 'no answer within', /says nothing/],
  ['it is no OTLP receiver', 'HTTP 404', /must be \/v1\/traces/],
  ['it wants credentials', 'HTTP 401', /OTEL_EXPORTER_OTLP_HEADERS/],
  ['it speaks no HTTP', 'HPE_', /does not speak HTTP/],
])('says what to do when %s', async (_, problem, remedy) => {
  const status = /HTTP (\d+)/.exec(problem)?.[1]
  const server =
    status !== undefined
      ? createServer((__, response) => response.writeHead(Number(status)).end())
      : createTcpServer((socket) => {
          if (problem === 'HPE_') socket.end('SSH-2.0-OpenSSH\r\n')
        })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  if (problem === 'ECONNREFUSED') server.close()
  const env = {
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://user:secret@127.0.0.1:${port}`,
    OTEL_EXPORTER_OTLP_TIMEOUT: '300',
  }
  const [found, ...more] = await findings([], env)
  server.close()
  expect(more).toEqual([])
  expect(found).toMatchObject({ check: 'backend', remedy: expect.stringMatching(remedy) as string })
  expect(found.problem).toContain(problem)
  expect(found.problem).not.toContain('secret')
})

it('names a taken port', async () => {
  const env = { OTEL_METRICS_EXPORTER: 'prometheus', OTEL_EXPORTER_PROMETHEUS_PORT: String(sink.port) }
  expect(await findings([], env)).toMatchObject([
    { check: 'ports', problem: expect.stringContaining('the port is taken') as string },
  ])
})

it('names settings that cannot be meant', async () => {
  expect(await findings([], { OTEL_TRACE_SAMPLER: 'x', OTEL_BSP_SCHEDULE_DELAY: 'soon' })).toMatchObject([
    {
      check: 'configuration',
      problem: expect.stringContaining('OTEL_BSP_SCHEDULE_DELAY is left out') as string,
    },
    {
      check: 'configuration',
      problem: expect.stringContaining('did you mean OTEL_TRACES_SAMPLER?') as string,
    },
  ])
  expect(await findings([], { OTEL_CONFIG_FILE: 'nowhere.yaml' })).toMatchObject([
    { check: 'configuration', problem: expect.stringContaining('nowhere.yaml cannot be used') as string },
  ])
})

it('runs a program and says what it imported too early, and what it lost', async () => {
  const early = `import 'pg'\nconst { startTelemetry } = await import('@tapescope/sdk')\nawait startTelemetry()\n`
  writeFileSync(join(project, 'early.js'), early)
  expect(await findings(['--', 'node', 'early.js'])).toMatchObject([
    { check: 'import order', problem: 'pg was imported before the SDK started: its calls give no spans.' },
  ])
  writeFileSync(join(project, 'right.js'), `import 'pg'\n`)
  expect(await findings(['--', 'node', '--import', '@tapescope/sdk/register', 'right.js'])).toEqual([])
  expect(await findings(['--', 'node', 'right.js'])).toMatchObject([
    { check: 'import order', problem: expect.stringContaining('did not start the SDK') as string },
  ])
  writeFileSync(
    join(project, 'late.js'),
    `import { startTelemetry, withSpan } from '@tapescope/sdk'
     const telemetry = await startTelemetry()
     const end = withSpan('late', () => new Promise((resolve) => setTimeout(resolve, 100)))
     await telemetry.shutdown()
     await end
     setInterval(() => {}, 1000)`,
  )
  expect(await findings(['--seconds', '2', '--', 'node', 'late.js'])).toMatchObject([
    {
      check: 'delivery',
      problem: '1 spans were dropped: after_shutdown.',
      remedy: expect.stringContaining('call it last') as string,
    },
  ])
})

it('reads the losses of a program that runs', async () => {
  const text =
    'tapescope_spans_dropped_total{reason="queue_full"} 512\ntapescope_misuse_total{reason="not_finite"} 3\n'
  const server = createServer((_, response) => response.end(text)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  expect(await findings(['--metrics', `http://127.0.0.1:${port}/metrics`])).toMatchObject([
    {
      problem: '512 spans were dropped: queue_full.',
      remedy: expect.stringContaining('TAPESCOPE_QUEUE_BYTES') as string,
    },
    { problem: '3 calls of the SDK were refused: not_finite.' },
  ])
  server.close()
  const gone = await tapescope(['doctor', '--metrics', `http://127.0.0.1:${port}/metrics`])
  expect(gone.stdout).toContain('No metrics at')
  for (const line of gone.stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(80)
})

it('refuses a command line that cannot be meant', async () => {
  for (const args of [
    ['doctor', '--metric', 'x'],
    ['doctor', '--seconds', 'soon'],
    ['doctor', '--metrics', 'x'],
    ['doktor'],
    ['config', 'x'],
  ]) {
    const { code, stdout, stderr } = await tapescope(args)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toContain('tapescope')
  }
})

it('shows the configuration in effect', async () => {
  const { code, stdout } = await tapescope(['config'], { OTEL_EXPORTER_OTLP_HEADERS: 'authorization=canary' })
  expect(code).toBe(0)
  expect(stdout).toMatch(
    /^tracesEndpoint +http:\/\/127\.0\.0\.1:\d+\/v1\/traces +\(OTEL_EXPORTER_OTLP_ENDPOINT\)$/m,
  )
  expect(stdout).not.toContain('canary')
})
