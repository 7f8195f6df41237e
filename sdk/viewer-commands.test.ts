import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { spawnSidecar, type TestSidecar } from './fixtures/spawn-sidecar.ts'
import { compareCommand, runsCommand, traceCommand } from './viewer-commands.ts'

const traceA = 'a'.repeat(32)
const traceB = 'b'.repeat(32)
const traceHostile = 'c'.repeat(32)
const id = (n: number): string => n.toString(16).padStart(16, '0')
let sidecar: TestSidecar
let dir = ''

/** Milliseconds since an hour ago, so that the store does not find them too old. */
const began = Date.now() - 3_600_000
const ns = (ms: number): string => String(BigInt(began) * 1_000_000n + BigInt(Math.round(ms * 1e6)))
const text = (key: string, value: string) => ({ key, value: { stringValue: value } })

function span(traceId: string, n: number, parent: number, name: string, from: number, to: number, more = {}) {
  const parentSpanId = parent === 0 ? {} : { parentSpanId: id(parent) }
  const times = { startTimeUnixNano: ns(from), endTimeUnixNano: ns(to) }
  return { traceId, spanId: id(n), ...parentSpanId, name, kind: 1, ...times, ...more }
}

async function send(spans: object[]): Promise<void> {
  const resource = { attributes: [text('service.name', 'desk')] }
  const body = JSON.stringify({ resourceSpans: [{ resource, scopeSpans: [{ spans }] }] })
  const headers = { 'content-type': 'application/json' }
  const answer = await fetch(`${sidecar.otlp}/v1/traces`, { method: 'POST', headers, body })
  expect(answer.status).toBe(200)
}

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'tapescope-viewer-commands-'))
  sidecar = await spawnSidecar(dir)
  const attributes = [text('tapescope.symbol', 'SPX')]
  await send([
    span(traceA, 1, 0, 'backtest.run', 0, 100, { attributes }),
    span(traceA, 2, 1, 'stage.fills', 0, 40),
    span(traceA, 3, 1, 'stage.mark', 40, 50),
  ])
  await send([
    span(traceB, 11, 0, 'backtest.run', 1000, 1150, { attributes, status: { code: 2 } }),
    span(traceB, 12, 11, 'stage.fills', 1000, 1080),
    span(traceB, 13, 11, 'stage.mark', 1080, 1090),
    span(traceB, 14, 11, 'stage.new', 1090, 1095),
  ])
  await send([
    ...Array.from({ length: 40 }, (_, i) =>
      span(traceHostile, 100 + i, 99, 'tick', 2000 + i, 2000 + i + (i + 1) / 100),
    ),
    // Its parent never came, one is its own parent, and one tries the terminal.
    span(traceHostile, 98, 98, 'circle', 2000, 2001),
    span(traceHostile, 97, 99, `\u001b[2J\u202e${'long '.repeat(40)}\n`, 2000, 2001),
  ])
  const answer = await fetch(`${sidecar.viewer}/api/profiles`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      format: 'tapescope.profile/1',
      service: 'desk',
      frames: [{ name: 'fills' }],
      stacks: { parent: [-1], frame: [0] },
      samples: { timeUs: [0, 1000], weightUs: [1000, 1000], stack: [0, 0], span: [0, 0] },
      spans: [{ traceId: traceA, spanId: id(2), name: 'stage.fills' }],
    }),
  })
  if (!answer.ok) throw new Error(`the sidecar did not take the profile: ${await answer.text()}`)
})
afterAll(async () => {
  await sidecar.close()
  rmSync(dir, { recursive: true })
})

type Command = (argv: readonly string[]) => Promise<number>

async function run(command: Command, ...argv: string[]) {
  let [stdout, stderr] = ['', '']
  const out = vi
    .spyOn(process.stdout, 'write')
    .mockImplementation((chunk) => ((stdout += String(chunk)), true))
  const err = vi
    .spyOn(process.stderr, 'write')
    .mockImplementation((chunk) => ((stderr += String(chunk)), true))
  try {
    const code = await command(['--viewer', sidecar.viewer, ...argv])
    return { code, stdout, stderr }
  } finally {
    out.mockRestore()
    err.mockRestore()
  }
}

const fits = (output: string): void => {
  for (const line of output.split('\n')) expect(line.length).toBeLessThanOrEqual(80)
}

test('runs: newest first, in 80 columns or as JSON', async () => {
  const { code, stdout } = await run(runsCommand)
  expect(code).toBe(0)
  fits(stdout)
  expect(stdout).toMatch(/backtest .* 150\.0 ms ERROR\n {2}b{32} {2}desk\n.*backtest .* 100\.0 ms\n {2}a{32}/)
  const { runs } = JSON.parse((await run(runsCommand, '--json', '--limit', '1')).stdout) as {
    runs: { traceId: string; error: boolean }[]
  }
  expect(runs).toMatchObject([{ traceId: traceB, error: true }])
})

test('trace: the tree with its samples, siblings of one name summed up', async () => {
  const { code, stdout } = await run(traceCommand, traceA)
  expect(code).toBe(0)
  expect(stdout).toMatch(
    /backtest\.run +100\.0 ms\n {2}stage\.fills +40\.0 ms +2\n {2}stage\.mark +10\.0 ms\n/,
  )
  const { spans } = JSON.parse((await run(traceCommand, traceA, '--json')).stdout) as {
    spans: { name: string; cpu: { samples: number } | null }[]
  }
  expect(spans.map(({ name, cpu }) => [name, cpu?.samples])).toContainEqual(['stage.fills', 2])

  const hostile = await run(traceCommand, traceHostile)
  expect(hostile.stdout.match(/^tick +\d/gm)?.length).toBe(10)
  expect(hostile.stdout).toMatch(/^tick \(30 more\) +4\.650 ms$/m)
  expect(hostile.stdout).toContain('circle')
  expect(hostile.stdout).not.toContain('\u001b')
  expect(hostile.stdout).not.toContain('\u202e')
  fits(hostile.stdout)
  expect((await run(traceCommand, traceHostile, '--all')).stdout.match(/^tick +\d/gm)?.length).toBe(40)
})

test('compare: exit code 1 past the threshold, and what is new', async () => {
  const { code, stdout } = await run(compareCommand, traceA, traceB)
  expect(code).toBe(1)
  fits(stdout)
  expect(stdout).toMatch(/40\.0 ms +80\.0 ms +\+100\.0 % !backtest\.run > stage\.fills/)
  expect(stdout).toMatch(/10\.0 ms +10\.0 ms +\+0\.0 % +backtest\.run > stage\.mark/)
  expect(stdout).toMatch(/new !backtest\.run > stage\.new/)
  expect(stdout).toContain('3 paths grew by more than 10 %.')
  expect((await run(compareCommand, traceB, traceA)).code).toBe(0)
  expect((await run(compareCommand, traceA, traceB, '--threshold', '100')).code).toBe(1)
  expect((await run(compareCommand, traceA, traceB, '--threshold', '100', '--min-ms', '6')).code).toBe(0)
  const json = JSON.parse((await run(compareCommand, traceA, traceB, '--json')).stdout) as {
    failed: string[]
    rows: { path: string; growth: number | null }[]
  }
  expect(json.failed).toEqual(['backtest.run', 'backtest.run > stage.fills', 'backtest.run > stage.new'])
  expect(json.rows.find(({ path }) => path.endsWith('new'))?.growth).toBeNull()
})

test('what cannot be done is a sentence and exit code 2', async () => {
  const absent = 'd'.repeat(32)
  for (const [command, argv, says] of [
    [traceCommand, [absent], `no trace ${absent} is in the store`],
    [traceCommand, [], 'tapescope trace takes one trace id, found 0.'],
    [traceCommand, ['../health'], '"../health" is no trace id'],
    [compareCommand, [traceA], 'tapescope compare takes 2 trace ids, found 1.'],
    [compareCommand, [traceA, absent], `no trace ${absent} is in the store`],
    [compareCommand, [traceA, traceB, '--threshold', 'much'], '--threshold is "much": give a percentage'],
    [compareCommand, [traceA, traceB, '--threshold=-1'], '--threshold is "-1"'],
    [compareCommand, [traceA, traceB, '--threshold', ''], '--threshold is ""'],
    [compareCommand, [traceA, traceB, '--min-ms', 'Infinity'], '--min-ms is "Infinity"'],
    [runsCommand, ['--limit', '0'], '--limit is "0": give a whole number from 1 to 1000.'],
    [runsCommand, ['extra'], 'tapescope runs takes no argument, found 1.'],
    [runsCommand, ['--verbose'], "Unknown option '--verbose'"],
    [runsCommand, ['--viewer', 'http://127.0.0.1:1'], 'No viewer answers at http://127.0.0.1:1'],
    [runsCommand, ['--viewer', 'localhost:4319'], '--viewer is "localhost:4319": give a URL'],
  ] as const) {
    const { code, stdout, stderr } = await run(command, ...argv)
    expect([argv, code, stdout, stderr]).toEqual([argv, 2, '', expect.stringContaining(says)])
  }
})

test('something else at the address is not taken for a viewer', async () => {
  const other = createServer((_, response) => response.end('<html>')).listen(0, '127.0.0.1')
  await once(other, 'listening')
  const url = `http://127.0.0.1:${(other.address() as AddressInfo).port}`
  const { code, stderr } = await run(runsCommand, '--viewer', url)
  other.closeAllConnections()
  other.close()
  expect([code, stderr]).toEqual([2, `What answers at ${url} is not the sidecar's viewer.\n`])
})

test('--help', async () => {
  for (const [name, command] of Object.entries({
    runs: runsCommand,
    trace: traceCommand,
    compare: compareCommand,
  })) {
    const { code, stdout } = await run(command, '--help')
    expect([code, stdout]).toEqual([0, expect.stringContaining(`tapescope ${name}`)])
    fits(stdout)
  }
})

test('samples are there after a restart of the sidecar, as the trace is', async () => {
  const before = await run(traceCommand, traceA)
  await sidecar.close()
  sidecar = await spawnSidecar(dir)
  expect(await run(traceCommand, traceA)).toEqual(before)
})
