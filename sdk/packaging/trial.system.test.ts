import { execFile } from 'node:child_process'
import { cpSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  nodeVersions,
  packProject,
  type NodeVersion,
  type PackedProject,
} from '../../scripts/packed-project.ts'
import { startOtlpSink, type OtlpSink } from '../testing/otlp-sink.ts'

const run = promisify(execFile)
const sdk = dirname(import.meta.dirname)
let project: PackedProject
let sink: OtlpSink

beforeAll(async () => {
  project = await packProject(
    ['sdk'],
    [
      '@opentelemetry/api@1.10.0',
      // What a host may have registered on its own.
      '@opentelemetry/sdk-trace@3.1.0',
      '@opentelemetry/context-async-hooks@3.1.0',
      'hono@4.13.19',
      'typescript@7.0.2',
      '@types/node@24.19.2',
    ],
  )
  cpSync(join(import.meta.dirname, 'trial'), project.folder, { recursive: true })
}, 300_000)
afterAll(() => project?.remove())
beforeEach(async ({ skip }) => {
  skip(project.offline !== undefined, project.offline)
  sink = await startOtlpSink()
})
afterEach(() => sink?.close())

async function node(version: NodeVersion, args: string[], env: Record<string, string> = {}) {
  const { stdout, stderr } = await run(project.node(version), args, {
    cwd: project.folder,
    env: { PATH: process.env['PATH'], OTEL_EXPORTER_OTLP_ENDPOINT: sink.url, ...env },
  })
  return { stdout, stderr }
}

const names = () => sink.spans.map(({ name }) => name).toSorted()

describe.each(nodeVersions)('the packed SDK in a project of its own on Node %s', (version) => {
  it('is really that Node', async () => {
    expect((await node(version, ['--version'])).stdout).toBe(`v${version}\n`)
  })

  it('works when code starts it', async () => {
    const { stdout, stderr } = await node(version, ['started-by-code.js'])
    expect(stderr).toBe('')
    expect(stdout).toContain('mode: started\n')
    expect(stdout).toContain('backtest_executions_total{symbol="ACME",status="completed"} 1\n')
    expect(names()).toEqual(['GET /orders/:id', 'backtest.run'])
  })

  it('works without code, and delivers at process.exit', async () => {
    const { stdout, stderr } = await node(version, ['--import', '@tapescope/sdk/register', 'without-code.js'])
    expect({ stdout, stderr }).toEqual({ stdout: 'done\n', stderr: '' })
    expect(names()).toEqual(['backtest.run', 'in worker', 'work'])
    expect(new Set(sink.spans.map(({ traceId }) => traceId)).size).toBe(1)
  })

  it('joins an SDK that is registered already, and leaves it alone', async () => {
    const { stdout, stderr } = await node(version, ['already-registered.js'])
    expect(stderr).toBe('')
    expect(JSON.parse(stdout)).toEqual({
      mode: 'joined',
      spansOfTheHost: ['backtest.run', 'of the host', 'after shutdown'],
      metric: true,
    })
    // Nothing goes out beside the host's own exporter.
    expect(sink.acts).toEqual([])
  })

  it('has a harness for tests', async () => {
    expect((await node(version, ['own-test.js'])).stdout).toBe('ok\n')
  })

  it('can be required by CommonJS', async () => {
    const { stdout, stderr } = await node(version, ['required.cjs'])
    expect({ stdout, stderr }).toEqual({ stdout: 'required\n', stderr: '' })
    expect(names()).toEqual(['work'])
  })

  it('has a command', async () => {
    const { stdout } = await node(version, ['node_modules/.bin/tapescope', 'doctor', '--json'], {
      OTEL_SERVICE_NAME: 'trial',
    })
    expect((JSON.parse(stdout) as { findings: unknown[] }).findings).toEqual([])
  })
})

it.each([
  ['node16', 'node16'],
  ['nodenext', 'nodenext'],
  ['esnext', 'bundler'],
])('type-checks in a strict project, module %s, resolution %s', async (module, resolution) => {
  const options = ['--strict', '--noEmit', '--target', 'es2024', '--types', 'node']
  const { stdout } = await run(
    join(project.folder, 'node_modules', '.bin', 'tsc'),
    [...options, '--module', module, '--moduleResolution', resolution, 'typed.ts'],
    { cwd: project.folder },
  )
  expect(stdout).toBe('')
})

describe('what is published', () => {
  const tool = (name: string, args: string[]) =>
    run(join(dirname(sdk), 'node_modules/.bin', name), args, {
      cwd: sdk,
      env: { ...process.env, NO_COLOR: '1' },
    })

  it('has nothing that publint would change', async () => {
    const { stdout } = await tool('publint', ['run', './dist', '--strict'])
    expect(stdout).toContain('All good!')
  })

  it('has types that attw finds right for every entry, by ESM', async () => {
    // It exits with 1 when it finds a problem, and the call rejects then.
    const { stdout } = await tool('attw', [
      '--pack',
      './dist',
      '--profile',
      'esm-only',
      '--no-color',
      '--no-emoji',
    ])
    for (const entry of ['@tapescope/sdk', '@tapescope/sdk/register', '@tapescope/sdk/testing'])
      expect(stdout).toContain(`"${entry}"`)
  })
})
