import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { smallPrograms } from './fixtures/small-programs.ts'
import type { ProfileDocument } from './profile-document.ts'
import type { ProfileSummary } from './profile-summary.ts'

const cli = new URL('cli.ts', import.meta.url).pathname
const sdk = new URL('index.ts', import.meta.url).href
let folder = ''

beforeAll(() => {
  // Every path of these tests has what shells, URLs and command lines trip over.
  folder = join(mkdtempSync(join(tmpdir(), 'tapescope-cli-')), `it's 100% "odd" ü`)
  mkdirSync(folder)
  for (const [name, program] of Object.entries(smallPrograms))
    writeFileSync(join(folder, `${name}.${program(sdk).includes('import ') ? 'mjs' : 'cjs'}`), program(sdk))
})
const children: ChildProcess[] = []
afterAll(() => {
  // One that a failed test left behind.
  for (const { pid, exitCode, signalCode } of children)
    if (pid !== undefined && exitCode === null && signalCode === null) process.kill(-pid, 'SIGKILL')
  rmSync(join(folder, '..'), { recursive: true })
})

interface Run {
  code: number | null
  stdout: string
  stderr: string
}

function start(args: string[], env: Record<string, string> = {}) {
  const child = spawn(process.execPath, [cli, 'profile', ...args], {
    cwd: folder,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, OTEL_TRACES_EXPORTER: 'none', OTEL_METRICS_EXPORTER: 'none', ...env },
  })
  children.push(child)
  let [stdout, stderr] = ['', '']
  const ready = new Promise<void>((resolve) => {
    child.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk.toString()
      if (stdout.includes('ready')) resolve()
    })
  })
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  const ended = once(child, 'close').then(([code]): Run => ({ code: code as number | null, stdout, stderr }))
  return { child, ready, ended }
}

const profile = (...args: string[]): Promise<Run> => start(['--no-viewer', ...args]).ended

const read = (name: string): ProfileDocument =>
  JSON.parse(readFileSync(join(folder, `${name}.tapescope.json`), 'utf8')) as ProfileDocument

/** Names of the spans that have samples. */
const sampled = ({ samples, spans }: ProfileDocument): string[] => [
  ...new Set(samples.span.flatMap((span) => (span < 0 ? [] : [spans[span].name]))),
]

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

test('an ES module with spans: three files, a summary of 80 columns, nothing of a hostile name', async () => {
  const { code, stderr } = await profile('--out', 'désk', '--', 'node', 'desk.mjs')
  expect(code).toBe(0)
  expect(readdirSync(folder).filter((name) => name.startsWith('désk'))).toEqual(
    ['cpuprofile', 'speedscope.json', 'tapescope.json'].map((suffix) => `désk.${suffix}`),
  )
  expect(sampled(read('désk'))).toContain('desk.average')
  expect(stderr).toMatch(/\d+ samples in \d/)
  expect(stderr).toContain('desk.red�<img src=x onerror=alert(1)>�')
  expect(stderr).not.toContain('\u001b')
  for (const line of stderr.split('\n')) expect(line.length).toBeLessThanOrEqual(80)
})

test('--json: the summary alone on stdout', async () => {
  const { code, stdout } = await profile('--json', '--out', 'json', '--', 'node', 'desk.mjs')
  const summary = JSON.parse(stdout) as ProfileSummary & {
    files: string[]
    flameGraph: null
    exitCode: number
  }
  expect([code, summary.exitCode, summary.flameGraph]).toEqual([0, 0, null])
  expect(summary.spans.map(({ name }) => name)).toContain('desk.average')
  const sum = summary.spans.reduce((total, { cpuMs }) => total + cpuMs, 0)
  expect(sum).toBeCloseTo(summary.totalMs - summary.idleMs, 3)
  for (const file of summary.files) expect(JSON.parse(readFileSync(file, 'utf8'))).toBeTypeOf('object')
})

test('a CommonJS program without spans, 10,000 frames deep: its exit code, all unattributed', async () => {
  const { code, stderr } = await profile(
    '--out',
    'deep',
    '--',
    'node',
    '--stack-size=4000',
    'spanless.cjs',
    '10000',
  )
  expect(code).toBe(4)
  expect(stderr).toContain('No sample is on a span')
  const { samples, stacks, frames } = read('deep')
  expect(new Set(samples.span)).toEqual(new Set([-1]))
  // V8 samples the innermost 255 frames.
  const depths = samples.stack.map((leaf) => {
    let depth = 0
    for (let at = leaf; at >= 0; at = stacks.parent[at]) depth += 1
    return depth
  })
  expect(Math.max(...depths)).toBeGreaterThan(200)
  expect(frames.map(({ name }) => name)).toEqual(expect.arrayContaining(['burn', 'deep']))
})

test('a program with worker threads: the main thread is sampled, the threads run as they would', async () => {
  const { code } = await profile('--out', 'threads', '--', 'node', 'threads.cjs')
  expect(code).toBe(11)
  expect(read('threads').samples.stack.length).toBeGreaterThan(20)
})

test('a command that starts Node itself', async () => {
  const { code } = await profile('--out', 'shell', '--', 'sh', '-c', 'node spanless.cjs && exit 9')
  expect(code).toBe(4)
  expect(read('shell').samples.stack.length).toBeGreaterThan(20)
})

test('an uncaught error: what was sampled is there, on the span that was open', async () => {
  const { code, stderr } = await profile('--out', 'throws', '--', 'node', 'throws.mjs')
  expect(code).toBe(1)
  expect(stderr).toContain('as planned')
  expect(sampled(read('throws'))).toContain('desk.run')
})

test('SIGTERM reaches the program, which ends by it and leaves its profile', async () => {
  const { child, ready, ended } = start(['--no-viewer', '--out', 'term', '--', 'node', 'server.mjs'])
  await ready
  await pause(500)
  child.kill('SIGTERM')
  expect((await ended).code).toBe(143)
  expect(sampled(read('term'))).toContain('desk.tick')
})

test('a program that handles SIGTERM decides about its end', async () => {
  const { child, ready, ended } = start([
    '--no-viewer',
    '--out',
    'own',
    '--',
    'node',
    'server.mjs',
    'handles',
  ])
  await ready
  await pause(300)
  child.kill('SIGTERM')
  expect((await ended).code).toBe(7)
  expect(sampled(read('own'))).toContain('desk.tick')
})

test('killed inside of a synchronous span: all but the last seconds are there, on its span', async () => {
  const { child, ready, ended } = start(['--no-viewer', '--out', 'killed', '--', 'node', 'stuck.mjs'])
  await ready
  const onSpans = (): number =>
    readdirSync(folder).includes('killed.partial')
      ? readFileSync(join(folder, 'killed.partial'), 'utf8')
          .split('\n')
          .slice(0, -1)
          .flatMap((line) => (JSON.parse(line) as ProfileDocument).samples.span)
          .filter((span) => span >= 0).length
      : 0
  while (onSpans() <= 200) await pause(50)
  for (let i = 0; i < 3; i += 1) {
    child.kill('SIGTERM')
    await pause(300)
  }
  const { code, stderr } = await ended
  expect(code).toBe(137)
  expect(stderr).toContain('what was sampled until its last seconds')
  const document = read('killed')
  expect(document.samples.span.filter((span) => span >= 0).length).toBeGreaterThan(200)
  expect(sampled(document)).toEqual(['desk.run'])
  expect(readdirSync(folder)).not.toContain('killed.partial')
})

test('--on: a signal writes what the ring holds, and the program goes on', async () => {
  const args = ['--no-viewer', '--on', 'SIGUSR2', '--ring', '5', '--heap', '--json', '--out', 'ring']
  const { child, ended } = start([...args, '--', 'node', 'server.mjs', 'handles'])
  let stderr = ''
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  // Its output and its process id are the program's own, so the child is found by what it says.
  while (!stderr.includes('ready')) await pause(20)
  await pause(700)
  const pid = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim()
  process.kill(Number(pid), 'SIGUSR2')
  while (!/profile written to .*heap/.test(stderr)) await pause(20)
  child.kill('SIGTERM')
  expect((await ended).code).toBe(7)
  const dumps = readdirSync(folder).filter((name) => /^ring-\d+\./.test(name))
  expect(dumps.map((name) => name.replace(/^ring-\d+\./, '')).sort()).toEqual([
    'cpuprofile',
    'heap.speedscope.json',
    'heapprofile',
    'speedscope.json',
    'tapescope.json',
  ])
  const dumped = dumps.find((name) => name.endsWith('.tapescope.json')) ?? ''
  expect(sampled(read(dumped.replace('.tapescope.json', '')))).toContain('desk.tick')
})

test('what cannot be done is a sentence, before the program runs', async () => {
  const none = join(folder, 'none', 'x')
  writeFileSync(
    join(folder, 'mark.cjs'),
    `require('node:fs').writeFileSync(${JSON.stringify(join(folder, 'ran'))}, '')`,
  )
  for (const [args, says] of [
    [[], 'Say what to run after --'],
    [['node', 'mark.cjs'], 'Say what to run after --'],
    [['--interval-us', '1', '--', 'node', 'mark.cjs'], '--interval-us is "1": give whole microseconds'],
    [['--interval-us', '', '--', 'node', 'mark.cjs'], '--interval-us is ""'],
    [['--ring=-3', '--', 'node', 'mark.cjs'], '--ring is "-3": give seconds above 0.'],
    [['--on', 'SIGKILL', '--', 'node', 'mark.cjs'], '--on is "SIGKILL"'],
    [['--viewer', 'here', '--', 'node', 'mark.cjs'], '--viewer is "here": give a URL'],
    [['--nonsense', '--', 'node', 'mark.cjs'], "Unknown option '--nonsense'"],
    [['--out', none, '--', 'node', 'mark.cjs'], 'there is no such folder'],
  ] as const) {
    const { code, stderr } = await start([...args]).ended
    expect([args, code, stderr]).toEqual([args, 2, expect.stringContaining(says)])
  }
  expect(readdirSync(folder)).not.toContain('ran')
}, 60_000)

test('a command that is not there, and one that is no Node', async () => {
  const missing = await profile('--', 'no-such-command-here')
  expect([missing.code, missing.stderr]).toEqual([127, expect.stringContaining('there is no such command')])
  const other = await profile('--', 'sh', '-c', 'exit 5')
  expect([other.code, other.stderr]).toEqual([5, expect.stringContaining('no profile was written')])
})

test('a viewer that was asked for and does not answer is told of', async () => {
  const { code, stderr } = await start(['--viewer', 'http://127.0.0.1:1', '--', 'node', 'spanless.cjs']).ended
  expect(code).toBe(4)
  expect(stderr).toContain('no viewer answers at http://127.0.0.1:1')
  expect(stderr).toContain('speedscope.app')
})
