import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { ProfileStore } from './profile-store.ts'

const span = { traceId: '0'.repeat(31) + '1', spanId: '00000000000000aa', name: 'run' }
const document = {
  format: 'tapescope.profile/1',
  service: 'engine',
  frames: [{ name: 'main', file: 'a.ts', line: 1 }, { name: '<img src=x onerror=alert(1)>' }],
  stacks: { parent: [-1, 0], frame: [0, 1] },
  samples: { timeUs: [0, 1000, 2000], weightUs: [1000, 900, 1100], stack: [0, 1, 1], span: [-1, 0, 0] },
  spans: [span],
}

test('the samples of one span come back as a weighted profile, none of another', () => {
  const store = new ProfileStore()
  expect(store.add(JSON.stringify(document))).toBeUndefined()
  const found = store.speedscope('run', (one) => one.spanId === span.spanId)
  expect(found?.profiles[0]).toMatchObject({
    weights: [900, 1100],
    samples: [
      [0, 1],
      [0, 1],
    ],
    endValue: 2000,
  })
  expect(store.speedscope('other', (one) => one.spanId === 'bb')).toBeUndefined()
})

test('a broken profile is refused by name', () => {
  const store = new ProfileStore()
  expect(store.add('{')).toBe('the body is not JSON')
  expect(store.add('{}')).toMatch(/^format/)
  const circle = { ...document, stacks: { parent: [1, 0], frame: [0, 1] } }
  expect(store.add(JSON.stringify(circle))).toBe('stacks.parent: a parent stands after its child')
  const lost = { ...document, samples: { ...document.samples, stack: [0, 9, 1] } }
  expect(store.add(JSON.stringify(lost))).toBe('samples.stack: no such stack')
})

test('the oldest profiles go first', () => {
  const text = JSON.stringify(document)
  const store = new ProfileStore({ maxBytes: text.length * 2 })
  for (let i = 0; i < 5; i += 1) store.add(text)
  expect(store.speedscope('run', () => true)?.profiles[0]?.weights.length).toBe(4)
  expect(store.size).toEqual({ documents: 2, bytes: text.length * 2 })
})

test('frames of many documents stand once', () => {
  const store = new ProfileStore()
  for (let i = 0; i < 3; i += 1) store.add(JSON.stringify(document))
  const found = store.speedscope('run', () => true)
  expect(found?.shared.frames).toEqual(document.frames)
  expect(found?.profiles[0]?.samples.length).toBe(6)
})

describe('on disk', () => {
  let dir = ''
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'profile-store-'))
  })
  afterEach(() => rmSync(dir, { recursive: true }))
  const files = (): string[] => readdirSync(dir).filter((name) => name.endsWith('.log'))
  /** About 30 kB each. */
  const large = (name: string): string =>
    JSON.stringify({
      ...document,
      spans: [{ ...span, name }],
      frames: [
        ...document.frames,
        ...Array.from({ length: 1000 }, (_, i) => ({ name: `function ${i} of it` })),
      ],
    })

  test('what was posted is there after a restart, also when the process was killed', () => {
    const store = new ProfileStore({ dir })
    store.add(JSON.stringify(document))
    const again = new ProfileStore({ dir })
    expect(again.sampled(span.traceId)).toEqual(store.sampled(span.traceId))
    again.add(JSON.stringify(document))
    again.close()
    expect(new ProfileStore({ dir }).size.documents).toBe(2)
  })

  test('a damaged document costs no other', () => {
    const store = new ProfileStore({ dir })
    for (let i = 0; i < 3; i += 1) store.add(JSON.stringify(document))
    store.close()
    const file = join(dir, files()[0])
    const bytes = readFileSync(file)
    bytes[bytes.length >> 1] ^= 0xff
    writeFileSync(file, bytes)
    const again = new ProfileStore({ dir })
    expect([again.size.documents, again.damagedRecords]).toEqual([2, 1])
  })

  test('it takes no more room than it may, and forgets what is too old', () => {
    const maxBytes = 300_000
    const store = new ProfileStore({ dir, maxBytes })
    for (let i = 0; i < 50; i += 1) store.add(large(`run ${i}`))
    const used = files().reduce((sum, name) => sum + statSync(join(dir, name)).size, 0)
    // A file is removed when nothing of it is held any more.
    expect(used).toBeLessThan(maxBytes + 2 * 100_000)
    expect(store.speedscope('x', ({ name }) => name === 'run 49')).toBeDefined()
    expect(store.speedscope('x', ({ name }) => name === 'run 0')).toBeUndefined()
    store.close()
    for (const name of files()) utimesSync(join(dir, name), 1, 1)
    expect(new ProfileStore({ dir, maxBytes, maxAgeMs: 3_600_000 }).size.documents).toBe(0)
    expect(files()).toEqual([])
  })

  test('a disk that takes nothing keeps nobody from seeing the profile', () => {
    const warnings: string[] = []
    const store = new ProfileStore({ dir, warn: (line) => warnings.push(line) })
    mkdirSync(join(dir, '0000000001.log'))
    expect(store.add(JSON.stringify(document))).toBeUndefined()
    expect(store.speedscope('run', () => true)).toBeDefined()
    expect(warnings).toEqual([expect.stringContaining('a profile is kept in memory only')])
  })
})
