import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { git } from './revision.ts'

/** A repository whose commits `broken` and `empty` cannot be compared with, and whose working tree is dirty. */
let repository: string
/** Of the gates that run here: its worktrees must be gone after each. */
let temporary: string

async function commit(tag: string): Promise<void> {
  await git(repository, ['add', '--all'])
  const author = ['-c', 'user.name=test', '-c', 'user.email=test@localhost', '-c', 'commit.gpgsign=false']
  await git(repository, [...author, 'commit', '--quiet', '--allow-empty', '--no-verify', '-m', tag])
  await git(repository, ['tag', tag])
}

beforeAll(async () => {
  repository = await mkdtemp(path.join(os.tmpdir(), 'tapescope-bad-input-'))
  temporary = await mkdtemp(path.join(os.tmpdir(), 'tapescope-bad-input-tmp-'))
  await git(repository, ['init', '--quiet'])
  await writeFile(path.join(repository, 'package.json'), '{ "type": "module" }\n')
  await commit('empty')
  await mkdir(path.join(repository, 'bench'))
  await writeFile(path.join(repository, 'bench/measure.ts'), 'const = 1\n')
  await commit('broken')
  await writeFile(path.join(repository, 'bench/measure.ts'), "console.log('[]')\n")
  await commit('nothing')
  await writeFile(path.join(repository, 'changed'), '')
  await writeFile(path.join(temporary, 'other.json'), '{ "schema": "tapescope.bench/0" }\n')
  await writeFile(path.join(temporary, 'torn.json'), '{ "schema": ')
})
afterAll(async () => {
  await rm(repository, { recursive: true })
  await rm(temporary, { recursive: true })
})

async function command(file: string, args: readonly string[]): Promise<{ code: number; said: string }> {
  const child = spawn(process.execPath, [fileURLToPath(new URL(file, import.meta.url)), ...args], {
    cwd: repository,
    env: { ...process.env, TMPDIR: temporary },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (said += chunk.toString()))
  const code = await new Promise<number>((resolve) => child.on('close', resolve))
  return { code, said }
}

const head = ['--head', 'nothing']
test.each([
  ['no base', [], 'give --base REV'],
  ['a dirty working tree', ['--base', 'empty'], 'the working tree has changes'],
  ['an unknown revision', ['--base', 'nowhere', ...head], 'nowhere is not a revision of this repository'],
  ['an option that does not exist', ['--baseline', 'empty'], "Unknown option '--baseline'"],
  ['a base without benchmarks', ['--base', 'empty', ...head], 'the base revision has no bench/measure.ts'],
  [
    'a base that does not build',
    ['--base', 'broken', ...head],
    'the base revision cannot list its benchmarks',
  ],
  ['a head that does not build', ['--base', 'empty', '--head', 'broken'], 'base revision has no bench'],
  ['an unknown benchmark', ['--base', 'nothing', ...head, 'volum'], 'no benchmark matches volum'],
  ['a seed that is no number', ['--base', 'empty', '--seed', 'x'], '--seed must be a whole number, not x'],
  ['an unknown witness', ['--base', 'empty', '--witness', 'me'], '--witness is changed, all or none, not me'],
  ['--quick without --self-test', ['--base', 'empty', '--quick'], '--quick goes with --self-test only'],
])('gate: %s is a sentence and exit code 2', async (_, args, sentence) => {
  const { code, said } = await command('gate.ts', args)
  expect(said).toContain(sentence)
  expect(said).toMatch(/^gate: /)
  expect(said).not.toMatch(/^\s+at /m)
  expect(code).toBe(2)
  expect((await readdir(temporary)).filter((name) => name.startsWith('tapescope-gate-'))).toEqual([])
  expect(await git(repository, ['worktree', 'list'])).not.toContain('\n')
})

test.each([
  ['of another schema', 'other.json', /other\.json does not follow the schema of results: schema/],
  ['that is torn', 'torn.json', /torn\.json is not a readable JSON file/],
  ['that is not there', 'gone.json', /gone\.json is not a readable JSON file/],
])('gate: a result %s is refused before anything is measured', async (_, name, sentence) => {
  const { code, said } = await command('gate.ts', [
    '--base',
    'empty',
    '--history',
    path.join(temporary, name),
  ])
  expect(said).toMatch(sentence)
  expect(code).toBe(2)
})

test('bench: an unknown case is named beside those there are, with exit code 2', async () => {
  const { code, said } = await command('main.ts', ['volum/nothing'])
  expect(said).toMatch(/^bench: no case matches volum\/nothing; there are: .*volume\/10k/)
  expect(code).toBe(2)
})
