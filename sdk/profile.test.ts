import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ProfileDocument } from './profile-document.ts'
import type { SpeedscopeFile } from './profile-formats.ts'

const program = new URL('fixtures/profiled-program.ts', import.meta.url).pathname
let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tapescope-profile-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

/** Samples in `burn_X`, by whether they are on span X, on none, or on another. */
interface Verdict {
  right: number
  none: number
  wrong: number
}

async function run(shape: string): Promise<{ file: string; document: ProfileDocument }> {
  const file = join(folder, shape)
  await promisify(execFile)(process.execPath, [program, shape, file])
  return { file, document: JSON.parse(readFileSync(`${file}.tapescope.json`, 'utf8')) as ProfileDocument }
}

function judge({ samples, stacks, frames, spans }: ProfileDocument): Verdict {
  const verdict = { right: 0, none: 0, wrong: 0 }
  for (const [i, leaf] of samples.stack.entries()) {
    let expected: string | undefined
    for (let stack = leaf; stack >= 0 && expected === undefined; stack = stacks.parent[stack] ?? -1) {
      expected = /^burn_(\w+)/.exec(frames[stacks.frame[stack] ?? -1]?.name ?? '')?.[1]
    }
    if (expected === undefined) continue
    const span = spans[samples.span[i] ?? -1]?.name
    if ((span ?? 'nothing') === expected) verdict.right += 1
    else if (span === undefined) verdict.none += 1
    else verdict.wrong += 1
  }
  return verdict
}

/** 1 % of the samples; a machine that gives the sampler few of them must not let one decide. */
const hundredth = ({ right, none }: Verdict): number => Math.max(3, (right + none) / 100)

test('samples of synchronous spans are on the right span', async () => {
  const { file, document } = await run('sync')
  const verdict = judge(document)
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
  expect(heap.profiles[0]?.endValue).toBeGreaterThan(0)
})

test('samples of asynchronous spans are on the right span with the hook', async () => {
  const { document } = await run('async-hook')
  const verdict = judge(document)
  expect(verdict.right).toBeGreaterThan(50)
  expect(verdict.wrong).toBe(0)
  expect(verdict.none).toBeLessThanOrEqual(hundredth(verdict))
})

test('without the hook what follows an await is unattributed, never guessed', async () => {
  const { document } = await run('async')
  const { none, wrong } = judge(document)
  expect(wrong).toBe(0)
  expect(none).toBeGreaterThan(30)
})
