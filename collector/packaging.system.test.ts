import { execFile, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { arch, tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { spawnSidecar } from './spawn-sidecar.ts'

const run = promisify(execFile)
const here = import.meta.dirname
const project = mkdtempSync(join(tmpdir(), 'collector-package-'))
const installed = join(project, 'node_modules', '@tapescope', 'collector')
let child: ChildProcess | undefined

/** The package as somebody gets it who knows nothing of this workspace. */
beforeAll(async () => {
  await run('npm', ['run', '--silent', 'build', '-w', 'collector'], { cwd: join(here, '..') })
  const { stdout } = await run('npm', ['pack', '--silent', '--pack-destination', project, './dist'], {
    cwd: here,
  })
  writeFileSync(join(project, 'package.json'), JSON.stringify({ name: 'trial', private: true }))
  const packages = [`./${stdout.trim()}`, `node22@npm:node-linux-${arch()}@22.23.3`]
  await run('npm', ['install', '--no-audit', '--no-fund', '--silent', ...packages], { cwd: project })
}, 300_000)
afterAll(() => rmSync(project, { recursive: true, force: true }))
afterEach(() => child?.kill('SIGKILL'))

test.each([
  ['this Node', process.execPath],
  ['Node 22', join(project, 'node_modules', 'node22', 'bin', 'node')],
])(
  'installed elsewhere it runs without a configuration of its own, on %s',
  async (name, node) => {
    const spawned = await spawnSidecar({
      node,
      program: join(installed, 'main.js'),
      files: [],
      args: ['--data-dir', join(project, name)],
    })
    child = spawned.child
    const golden = readFileSync(join(here, 'golden', 'traces.json'), 'utf8')
    const sent = await fetch(`${spawned.urls['OTLP/HTTP']}/v1/traces`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: golden,
    })
    expect(sent.status).toBe(200)
    const { traces } = (await (await fetch(`${spawned.urls['viewer']}/api/traces`)).json()) as {
      traces: { traceId: string }[]
    }
    expect(traces).toHaveLength(2)
    child.kill('SIGTERM')
    expect(await once(child, 'exit')).toEqual([0, null])
  },
  60_000,
)

test('its one command is what npx runs, and it carries what it needs', async () => {
  const manifest = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')) as Record<string, object>
  expect(Object.keys(manifest['bin'])).toEqual(['tapescope-collector'])
  expect(Object.keys(manifest['dependencies'])).toEqual(['yaml', 'zod'])
  expect(manifest).not.toHaveProperty('devDependencies')
  for (const file of ['README.md', 'LICENSE', 'otel-collector.yaml', 'local.yaml'])
    expect(existsSync(join(installed, file)), file).toBe(true)
  const { stdout } = await run('npx', ['--no-install', 'tapescope-collector', '--check'], { cwd: project })
  expect(stdout).toBe('the configuration is sound\n')
}, 60_000)
