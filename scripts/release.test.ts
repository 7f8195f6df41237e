import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { execFileSync } from 'node:child_process'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { parse } from 'yaml'
import { root } from './docs-page.ts'
import { setVersion } from './set-version.ts'

interface Manifest {
  name: string
  version: string
  private?: boolean
  license?: string
  workspaces?: string[]
  dependencies?: Record<string, string>
}

const manifest = (folder: string, from = root) =>
  JSON.parse(readFileSync(path.join(from, folder, 'package.json'), 'utf8')) as Manifest
const { version, workspaces = [] } = manifest('.')

const copy = mkdtempSync(path.join(tmpdir(), 'tapescope-version-'))
afterAll(() => rmSync(copy, { recursive: true }))

const withVersion = [
  ...['.', ...workspaces].map((folder) => path.join(folder, 'package.json')),
  'package-lock.json',
  'sdk/package-version.ts',
  'docker-compose.yml',
]

test('a new version is set wherever the old one stands', () => {
  for (const file of withVersion) cpSync(path.join(root, file), path.join(copy, file))
  setVersion(copy, '7.8.9')
  for (const folder of ['.', ...workspaces]) {
    const { version, dependencies = {} } = manifest(folder, copy)
    expect(version).toBe('7.8.9')
    const ours = Object.entries(dependencies).filter(([name]) => name.startsWith('@tapescope/'))
    expect(ours.filter(([, wanted]) => wanted !== '7.8.9')).toEqual([])
  }
  for (const file of withVersion) expect(readFileSync(path.join(copy, file), 'utf8')).toContain('7.8.9')
  expect(() => setVersion(copy, '7.8')).toThrow('7.8 is no version')
})

test('no file but those names the version of the packages', () => {
  const files = execFileSync('git', ['grep', '-lF', `tapescope/service:${version}`], {
    cwd: root,
    encoding: 'utf8',
  })
  expect(
    files
      .trim()
      .split('\n')
      .filter((file) => !file.endsWith('.test.ts')),
  ).toEqual(['docker-compose.yml'])
})

test('all workspaces have one version, and the changelog begins with it', () => {
  for (const folder of workspaces) expect(manifest(folder).version).toBe(version)
  const changelog = readFileSync(path.join(root, 'CHANGELOG.md'), 'utf8')
  const [, newest] = [...changelog.matchAll(/^## (.*)$/gm)].map(([, heading]) => heading)
  expect(newest).toMatch(new RegExp(`^${RegExp.escape(version)} - (unreleased|\\d{4}-\\d\\d-\\d\\d)$`))
})

test('only the SDK and the collector can be published, with all that a package needs', () => {
  expect(workspaces.filter((folder) => manifest(folder).private !== true)).toEqual(['sdk', 'collector'])
  for (const folder of ['sdk', 'collector']) {
    expect(manifest(folder)).toMatchObject({
      license: 'Apache-2.0',
      description: expect.stringMatching(/.{20}/) as string,
      keywords: expect.arrayContaining(['opentelemetry']) as string[],
      type: 'module',
      engines: { node: '>=22.15.0' },
    })
    expect(existsSync(path.join(root, folder, 'README.md'))).toBe(true)
  }
})

test('the release workflow publishes what was built, with provenance and without a token', () => {
  const text = readFileSync(path.join(root, '.github/workflows/release.yml'), 'utf8')
  const { on, jobs } = parse(text) as {
    on: { push: { tags: string[] } }
    jobs: { publish: { permissions: Record<string, string>; steps: { run?: string }[] } }
  }
  expect(on).toEqual({ push: { tags: ['v[0-9]+.[0-9]+.[0-9]+'] } })
  expect(jobs.publish.permissions).toEqual({ contents: 'read', 'id-token': 'write' })
  const published = jobs.publish.steps.flatMap(({ run = '' }) => (run.startsWith('npm publish') ? [run] : []))
  expect(published).toEqual(
    ['sdk', 'collector'].map((folder) => `npm publish ./${folder}/dist --provenance --access public`),
  )
  expect(text).not.toMatch(/secrets\.|NODE_AUTH_TOKEN/)
})

test('issue forms have what GitHub asks of them', () => {
  const folder = path.join(root, '.github/ISSUE_TEMPLATE')
  for (const name of ['bug', 'feature', 'performance']) {
    const form = parse(readFileSync(path.join(folder, `${name}.yml`), 'utf8')) as {
      name: string
      description: string
      body: { type: string; id?: string; attributes: { label?: string; options?: unknown } }[]
    }
    expect(form).toMatchObject({
      name: expect.any(String) as string,
      description: expect.any(String) as string,
    })
    const ids = form.body.flatMap(({ id }) => id ?? [])
    expect(new Set(ids).size).toBe(ids.length)
    const types = ['markdown', 'input', 'textarea', 'dropdown', 'checkboxes']
    const fields = form.body.filter(({ type }) => type !== 'markdown')
    for (const { type, attributes } of fields) {
      expect(types).toContain(type)
      expect(attributes.label).toMatch(/^[A-Z][\w ,]{3,}$/)
    }
  }
})
