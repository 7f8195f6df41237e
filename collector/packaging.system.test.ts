import { execFile, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { nodeVersions, packProject, type PackedProject } from '../scripts/packed-project.ts'
import { spawnSidecar } from './spawn-sidecar.ts'

const run = promisify(execFile)
const here = import.meta.dirname
let project: PackedProject
let child: ChildProcess | undefined

/** Both packages as somebody gets them who knows nothing of this workspace. */
beforeAll(async () => {
  project = await packProject(['sdk', 'collector'], ['@opentelemetry/api@1.10.0'])
  writeFileSync(
    join(project.folder, 'desk.js'),
    `import { instrumentBacktestEngine, startTelemetry, withSpan } from '@tapescope/sdk'
const telemetry = await startTelemetry({ serviceName: 'desk' })
const engine = instrumentBacktestEngine({ run: (bars) => bars.length })
withSpan('order', (span) => {
  engine.run({ symbol: 'ACME', length: 100 })
  console.log(span.spanContext().traceId)
})
if (!(await telemetry.shutdown())) throw new Error('not all was delivered')
`,
  )
}, 300_000)
beforeEach(({ skip }) => skip(project.offline !== undefined, project.offline))
afterEach(() => child?.kill('SIGKILL'))
afterAll(() => project?.remove())

const installed = (...names: string[]) =>
  join(project.folder, 'node_modules', '@tapescope', 'collector', ...names)

describe.each(nodeVersions)('installed elsewhere, on Node %s', (version) => {
  const start = async () => {
    const spawned = await spawnSidecar({
      node: project.node(version),
      program: installed('main.js'),
      files: [],
      args: ['--data-dir', join(project.folder, `data-${version}`)],
    })
    ;({ child } = spawned)
    return spawned
  }

  test('it runs without a configuration of its own, and drains', async () => {
    const { urls, child } = await start()
    const golden = readFileSync(join(here, 'golden', 'traces.json'), 'utf8')
    const headers = { 'content-type': 'application/json' }
    const sent = await fetch(`${urls['OTLP/HTTP']}/v1/traces`, { method: 'POST', headers, body: golden })
    expect(sent.status).toBe(200)
    const listed = await fetch(`${urls['viewer']}/api/traces`)
    expect(((await listed.json()) as { traces: object[] }).traces).toHaveLength(2)
    child.kill('SIGTERM')
    expect(await once(child, 'exit')).toEqual([0, null])
  }, 60_000)

  test('its viewer serves a page and all that the page loads', async () => {
    const { urls } = await start()
    const page = await fetch(`${urls['viewer']}/`)
    expect(page.status).toBe(200)
    expect(page.headers.get('content-type')).toContain('text/html')
    const loaded = [...(await page.text()).matchAll(/(?:src|href)="(\.\/[^"]+)"/g)].map(([, path]) => path)
    expect(loaded.map((path) => path.split('.').at(-1))).toEqual(expect.arrayContaining(['js', 'css']))
    for (const path of [...loaded, './speedscope/index.html']) {
      const part = await fetch(new URL(path, `${urls['viewer']}/`))
      expect(part.status, path).toBe(200)
      expect((await part.arrayBuffer()).byteLength, path).toBeGreaterThan(0)
    }
  }, 60_000)

  test('a program with the packed SDK is seen by the packed command', async () => {
    const { urls } = await start()
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: urls['OTLP/HTTP'], TAPESCOPE_VIEWER_URL: urls['viewer'] }
    const node = async (...args: string[]) =>
      (await run(project.node(version), args, { cwd: project.folder, env })).stdout
    const traceId = (await node('desk.js')).trim()
    const shown = await node('node_modules/.bin/tapescope', 'trace', traceId)
    expect(shown).toMatch(/^order .*\n {2}backtest\.run /m)
    expect(await node('node_modules/.bin/tapescope', 'runs')).toContain(traceId)
  }, 60_000)
})

test('its one command is what npx runs, and it carries what it needs', async () => {
  const manifest = JSON.parse(readFileSync(installed('package.json'), 'utf8')) as Record<string, object>
  expect(Object.keys(manifest['bin'])).toEqual(['tapescope-collector'])
  expect(Object.keys(manifest['dependencies'])).toEqual(['yaml', 'zod'])
  expect(manifest).not.toHaveProperty('devDependencies')
  for (const file of ['README.md', 'LICENSE', 'NOTICE', 'otel-collector.yaml', 'local.yaml'])
    expect(existsSync(installed(file)), file).toBe(true)
  const { stdout } = await run('npx', ['--no-install', 'tapescope-collector', '--check'], {
    cwd: project.folder,
  })
  expect(stdout).toBe('the configuration is sound\n')
}, 60_000)

test('it names each library that is built into its page, with the text of its licence', () => {
  const licences = readFileSync(installed('THIRD-PARTY-LICENSES.md'), 'utf8')
  for (const name of ['preact', 'uplot', 'd3-flame-graph', 'd3-selection', 'speedscope'])
    expect(licences).toMatch(new RegExp(`^## ${name}\\b`, 'im'))
  // A library without one could not be given away.
  for (const [section] of licences.matchAll(/^## .*\n[^#]*/gm))
    expect(section).toMatch(/copyright|licen[cs]e/i)
})

test('what is published has nothing that publint would change', async () => {
  const publint = join(dirname(here), 'node_modules', '.bin', 'publint')
  const env = { ...process.env, NO_COLOR: '1' }
  const { stdout } = await run(publint, ['run', './dist', '--strict'], { cwd: here, env })
  expect(stdout).toContain('All good!')
})
