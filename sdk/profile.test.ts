import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { judgeProfile, type Verdict } from './fixtures/judge-profile.ts'
import type { ProfileDocument } from './profile-document.ts'
import type { SpeedscopeFile } from './profile-formats.ts'

const program = new URL('fixtures/profiled-program.ts', import.meta.url).pathname
let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tapescope-profile-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

async function run(shape: string): Promise<{ file: string; document: ProfileDocument }> {
  const file = join(folder, shape)
  await promisify(execFile)(process.execPath, [program, shape, file])
  return { file, document: JSON.parse(readFileSync(`${file}.tapescope.json`, 'utf8')) as ProfileDocument }
}

/** 1 % of the samples; a machine that gives the sampler few of them must not let one decide. */
const hundredth = ({ right, none }: Verdict): number => Math.max(3, (right + none) / 100)

test('samples of synchronous spans are on the right span', async () => {
  const { file, document } = await run('sync')
  const verdict = judgeProfile(document)
  // About 1,000 at 1 kHz; a busy machine gives the sampler fewer.
  expect(verdict.right).toBeGreaterThan(100)
  expect(verdict.wrong).toBe(0)
  expect(verdict.none).toBeLessThanOrEqual(hundredth(verdict))
  expect(document.frames.map((frame) => frame.name)).toContain('(garbage collector)')

  const speedscope = JSON.parse(readFileSync(`${file}.speedscope.json`, 'utf8')) as SpeedscopeFile
  expect(speedscope.profiles.map((profile) => profile.name)).toEqual(
    expect.arrayContaining(['all samples', 'outer', 'inner', 'sibling', 'garbage', 'unattributed']),
  )
  const [all, ...parts] = speedscope.profiles
  expect(parts.reduce((sum, part) => sum + part.samples.length, 0)).toBe(all?.samples.length)
  const cpu = JSON.parse(readFileSync(`${file}.cpuprofile`, 'utf8')) as {
    samples: number[]
    nodes: unknown[]
  }
  expect(cpu.samples.length).toBe(all?.samples.length)
  const heap = JSON.parse(readFileSync(`${file}.heap.speedscope.json`, 'utf8')) as SpeedscopeFile
  // At most 300,000 of its objects are alive, 10 MB; what was collected since counts as well.
  const [{ samples, weights }] = heap.profiles
  const garbage = samples.map((stack) => heap.shared.frames[stack.at(-1) ?? 0].name === 'burn_garbage')
  const bytes = weights.reduce((sum, weight, i) => (garbage[i] ? sum + weight : sum), 0)
  expect(bytes).toBeGreaterThan(20 * 2 ** 20)
})

test('samples of asynchronous spans are on the right span with the hook', async () => {
  const { document } = await run('async-hook')
  const verdict = judgeProfile(document)
  expect(verdict.right).toBeGreaterThan(50)
  expect(verdict.wrong).toBe(0)
  expect(verdict.none).toBeLessThanOrEqual(hundredth(verdict))
})

test('without the hook what follows an await is unattributed, never guessed', async () => {
  const { document } = await run('async')
  const { none, wrong } = judgeProfile(document)
  expect(wrong).toBe(0)
  expect(none).toBeGreaterThan(30)
})

test('spans shorter than the distance of two samples get theirs', async () => {
  const verdict = judgeProfile((await run('short')).document)
  expect(verdict.right).toBeGreaterThan(100)
  expect(verdict.wrong).toBe(0)
  expect(verdict.none).toBeLessThanOrEqual(hundredth(verdict))
})

test.each(['handed-on', 'handed-on-hook'])(
  'a span that ends in another callback takes nobody else (%s)',
  async (shape) => {
    const { wrong, right } = judgeProfile((await run(shape)).document)
    expect(wrong).toBe(0)
    expect(right).toBeGreaterThan(30)
  },
)
