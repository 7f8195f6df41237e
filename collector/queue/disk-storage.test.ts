import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { diskStorage } from './disk-storage.ts'

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'queue-'))
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

function remaining(storage: ReturnType<typeof diskStorage>): string[] {
  const texts: string[] = []
  while (storage.length > 0) texts.push(String(storage.take().payload()))
  return texts
}

test('what was not done is found again by the next process, what was done is not', () => {
  const first = diskStorage(dir)
  for (const text of ['a', 'b', 'c']) first.offer(Buffer.from(text), 1)
  first.done([first.take()])
  first.take()
  // No close: the process was killed.
  expect(remaining(diskStorage(dir))).toEqual(['b', 'c'])
})

test('damage costs the record that it hit, and is counted', () => {
  const first = diskStorage(dir)
  for (const text of ['alpha', 'bravo', 'charlie']) first.offer(Buffer.from(text), 7)
  const file = join(
    dir,
    readdirSync(dir).find((name) => name.endsWith('.log'))!,
  )
  const bytes = readFileSync(file)
  bytes[bytes.indexOf('bravo')] ^= 0xff
  writeFileSync(file, bytes)
  const second = diskStorage(dir)
  expect(second.damage).toEqual({ records: 1, items: 7 })
  expect(remaining(second)).toEqual(['alpha', 'charlie'])
})

test('a file cut anywhere loses at most the record that was cut', () => {
  const first = diskStorage(dir)
  for (const text of ['alpha', 'bravo', 'charlie']) first.offer(Buffer.from(text), 1)
  const file = join(
    dir,
    readdirSync(dir).find((name) => name.endsWith('.log'))!,
  )
  const bytes = readFileSync(file)
  for (let cut = 0; cut < bytes.length; cut++) {
    writeFileSync(file, bytes.subarray(0, cut))
    const ends = [25, 50, 77].filter((end) => end <= cut).length
    expect(remaining(diskStorage(dir))).toEqual(['alpha', 'bravo', 'charlie'].slice(0, ends))
    writeFileSync(file, bytes)
  }
})
