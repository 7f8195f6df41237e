import { execFile } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { arch, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startOtlpSink, type OtlpSink } from '../testing/otlp-sink.ts'

const run = promisify(execFile)
const sdk = dirname(import.meta.dirname)
const project = mkdtempSync(join(tmpdir(), 'tapescope-trial-'))
let sink: OtlpSink

beforeAll(async () => {
  await run('npm', ['run', '--silent', 'build', '-w', 'sdk'], { cwd: dirname(sdk) })
  const { stdout } = await run('npm', ['pack', '--silent', '--pack-destination', project, './dist'], {
    cwd: sdk,
  })
  cpSync(join(import.meta.dirname, 'trial'), project, { recursive: true })
  const manifest = { name: 'trial', private: true, type: 'module' }
  writeFileSync(join(project, 'package.json'), JSON.stringify(manifest))
  const packages = [
    `./${stdout.trim()}`,
    '@opentelemetry/api@1.10.0',
    // What a host may have registered on its own.
    '@opentelemetry/sdk-trace@3.1.0',
    '@opentelemetry/context-async-hooks@3.1.0',
    'hono@4.13.19',
    'typescript@7.0.2',
    '@types/node@24.19.2',
    `node22@npm:node-linux-${arch()}@22.23.3`,
    `node24@npm:node-linux-${arch()}@24.21.0`,
  ]
  await run('npm', ['install', '--no-audit', '--no-fund', '--silent', ...packages], { cwd: project })
}, 300_000)
afterAll(() => rmSync(project, { recursive: true, force: true }))
beforeEach(async () => {
  sink = await startOtlpSink()
})
afterEach(() => sink.close())

async function node(version: string, args: string[], env: Record<string, string> = {}) {
  const { stdout, stderr } = await run(join(project, 'node_modules', `node${version}`, 'bin', 'node'), args, {
    cwd: project,
    env: { PATH: process.env['PATH'], OTEL_EXPORTER_OTLP_ENDPOINT: sink.url, ...env },
  })
  return { stdout, stderr }
}

const names = () => sink.spans.map(({ name }) => name).toSorted()

describe.each(['22', '24'])('the packed SDK in a project of its own on Node %s', (version) => {
  it('is really that Node', async () => {
    expect((await node(version, ['--version'])).stdout).toMatch(new RegExp(`^v${version}\\.`))
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

  it('has a command', async () => {
    const { stdout } = await node(version, ['node_modules/@tapescope/sdk/cli.js', 'doctor', '--json'], {
      OTEL_SERVICE_NAME: 'trial',
    })
    expect((JSON.parse(stdout) as { findings: unknown[] }).findings).toEqual([])
  })
})

it('type-checks in a strict project', async () => {
  const options = ['--strict', '--noEmit', '--module', 'nodenext', '--target', 'es2024', '--types', 'node']
  const { stdout } = await run(join(project, 'node_modules', '.bin', 'tsc'), [...options, 'typed.ts'], {
    cwd: project,
  })
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
