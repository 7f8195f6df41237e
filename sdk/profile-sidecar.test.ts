import { execFile } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { smallPrograms } from './fixtures/small-programs.ts'
import { spawnSidecar, type TestSidecar } from './fixtures/spawn-sidecar.ts'
import type { ProfileDocument } from './profile-document.ts'
import type { SpeedscopeFile } from './profile-formats.ts'

const cli = new URL('cli.ts', import.meta.url).pathname
const sdk = new URL('index.ts', import.meta.url).href
let folder = ''
let sidecar: TestSidecar

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tapescope-profile-sidecar-'))
  for (const name of ['desk', 'profiled'] as const)
    writeFileSync(join(folder, `${name}.mjs`), smallPrograms[name](sdk))
  sidecar = await spawnSidecar()
})
afterAll(async () => {
  await sidecar.close()
  rmSync(folder, { recursive: true })
})

async function node(args: string[], env: Record<string, string> = {}) {
  return promisify(execFile)(process.execPath, args, {
    cwd: folder,
    env: {
      ...process.env,
      OTEL_EXPORTER_OTLP_ENDPOINT: sidecar.otlp,
      OTEL_METRICS_EXPORTER: 'none',
      TAPESCOPE_VIEWER_URL: sidecar.viewer,
      ...env,
    },
  })
}

async function get<Answer>(path: string): Promise<Answer> {
  const answer = await fetch(sidecar.viewer + path)
  expect([path, answer.status]).toEqual([path, 200])
  return (await answer.json()) as Answer
}

/** Names of the functions of a profile that have samples of their own. */
const leaves = ({ shared, profiles }: SpeedscopeFile): string[] => [
  ...new Set(profiles[0].samples.map((stack) => shared.frames[stack.at(-1) ?? 0].name)),
]

interface StoredSpan {
  spanId: string
  name: string
}

test('startTelemetry({ profile: true }): the samples of each span are in the viewer', async () => {
  const { stdout, stderr } = await node(['profiled.mjs', 'true'])
  expect([stdout, stderr]).toEqual(['true', ''])
  const { traces } = await get<{ traces: { traceId: string }[] }>('/api/traces?service=desk&limit=1')
  const [{ traceId }] = traces
  const { spans } = await get<{ spans: StoredSpan[] }>(`/api/traces/${traceId}`)
  const average = spans.find(({ name }) => name === 'desk.average')
  const profile = await get<SpeedscopeFile>(`/api/spans/${average?.spanId}/profile?trace=${traceId}`)
  expect(profile.profiles[0].samples.length).toBeGreaterThan(30)
  expect(leaves(profile)).toContain('burn')
})

test('startTelemetry({ profile: { dumpOn, file } }): a signal writes the ring, shutdown the rest', async () => {
  const settings = JSON.stringify({
    dumpOn: 'SIGUSR2',
    file: join(folder, 'dump'),
    sidecar: 'http://127.0.0.1:1',
  })
  const { stderr } = await node(['profiled.mjs', settings, 'dump'])
  expect(stderr).toMatch(/tapescope: profile written to .*dump-\d+\.speedscope\.json/)
  const written = readdirSync(folder).filter((name) => /^dump.*\.tapescope\.json$/.test(name))
  expect(written.length).toBe(2)
  for (const name of written) {
    const { spans } = JSON.parse(readFileSync(join(folder, name), 'utf8')) as ProfileDocument
    expect(spans.map((span) => span.name)).toContain('desk.average')
  }
})

test.each(['signal', 'exit'])(
  'startTelemetry({ profile }): a process that ends by %s leaves its profile',
  async (how) => {
    const file = join(folder, how)
    const run = node(['profiled.mjs', JSON.stringify({ file }), how])
    const ended = (await run.catch((error: unknown) => error)) as {
      code: number
      signal: string
      stderr: string
    }
    expect([ended.code, ended.signal]).toEqual(how === 'exit' ? [6, null] : [null, 'SIGTERM'])
    expect(ended.stderr).not.toContain('debugger')
    const { samples, spans } = JSON.parse(readFileSync(`${file}.tapescope.json`, 'utf8')) as ProfileDocument
    const found = new Set(samples.span.map((at) => spans[at]?.name))
    expect(found).toContain('desk.average')
  },
)

test('tapescope profile prints the link to the flame graph, and it has the samples', async () => {
  const { stderr } = await node([cli, 'profile', '--out', 'linked', '--', 'node', 'desk.mjs'])
  const [link] = /http:\S+/.exec(stderr) ?? []
  const url = new URL(link ?? '')
  expect(url.origin).toBe(sidecar.viewer)
  const [page, query] = url.hash.split('?')
  expect(page).toBe('#/cpu')
  const asked = new URLSearchParams(query)
  expect(asked.get('below')).toBe('true')
  // What the page asks for.
  const profile = await get<SpeedscopeFile>(
    `/api/spans/${asked.get('span')}/profile?trace=${asked.get('trace')}&below=true`,
  )
  expect(leaves(profile)).toContain('burn')
  // The samples went to the viewer while it ran, and all of them are in the file besides.
  const { samples } = JSON.parse(
    readFileSync(join(folder, 'linked.tapescope.json'), 'utf8'),
  ) as ProfileDocument
  expect(samples.span.filter((at) => at >= 0).length).toBeGreaterThanOrEqual(
    profile.profiles[0].samples.length,
  )
})

test('where the spans went elsewhere, the link is that of the name', async () => {
  const none = { OTEL_TRACES_EXPORTER: 'none' }
  const { stdout } = await node([cli, 'profile', '--json', '--', 'node', 'desk.mjs'], none)
  const { flameGraph } = JSON.parse(stdout) as { flameGraph: string }
  const name = new URLSearchParams(new URL(flameGraph).hash.split('?')[1]).get('name') ?? ''
  expect(name).toMatch(/^desk\./)
  expect(leaves(await get<SpeedscopeFile>(`/api/profile?${new URLSearchParams({ name })}`))).toContain('burn')
})

test('a program without spans leaves the viewer alone', async () => {
  writeFileSync(join(folder, 'spanless.cjs'), smallPrograms.spanless())
  const run = node([cli, 'profile', '--', 'node', 'spanless.cjs'])
  const { code, stderr } = (await run.catch((error: unknown) => error)) as { code: number; stderr: string }
  expect(code).toBe(4)
  expect(stderr).toContain('No sample is on a span')
  expect(stderr).toContain('speedscope.app')
})
