import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { ConfigError, readConfig } from './read-config.ts'

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'config-'))
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

function read(texts: readonly string[], env: Record<string, string> = {}) {
  const files = texts.map((text, i) => {
    const file = join(dir, `${i}.yaml`)
    writeFileSync(file, text)
    return file
  })
  return readConfig(files, env)
}

test('later files add to earlier ones: maps merge, everything else is replaced', () => {
  expect(
    read([
      'a: {x: 1, y: [1, 2], z: {deep: true}}\nb: kept\nc: {d: 1}',
      'a: {y: [3], z: {more: 2}}\nc:',
      '',
      'a: {x: text}',
    ]),
  ).toEqual({ a: { x: 'text', y: [3], z: { deep: true, more: 2 } }, b: 'kept', c: { d: 1 } })
})

test.each([
  ['${env:N}', 512],
  ['${N}', 512],
  ['a${env:N}b', 'a512b'],
  ['${env:BOOL}', true],
  ['${env:LIST}', [1, 2]],
  ['http://${env:HOST:-h}:${env:PORT:-80}', 'http://h:80'],
  ['${env:UNSET:-7s}', '7s'],
  ['${env:UNSET:-7}', 7],
  ['${env:UNSET:-}', ''],
  ['${env:UNSET}', null],
  // The default is for a variable that is not set.
  ['x${env:EMPTY:-default}', 'x'],
  ['$$', '$'],
  ['$${env:N}', '${env:N}'],
  ['a $5 b', 'a $5 b'],
])('%s', (text, expected) => {
  const env = { N: '512', BOOL: 'true', LIST: '[1, 2]', EMPTY: '' }
  expect(read([`v: ${JSON.stringify(text)}`], env)).toEqual({ v: expected })
})

test.each([
  [['v: ${file:secret}'], /^\$\{file:secret\}: supported are \$\{env:NAME\}/],
  [['v: ${env:N'], /^\$\{env:N: supported are/],
  [['a: [1'], /0\.yaml: /],
  [['- 1'], /0\.yaml: the top level must be a map$/],
  [['a: 1', 'a: {b: &x [1]}\nc: [*y]'], /1\.yaml: /],
])('%j is refused', (texts, message) => {
  expect(() => read(texts)).toThrow(ConfigError)
  expect(() => read(texts)).toThrow(message)
})

test('a bomb of aliases is refused, not built', () => {
  const layers = Array.from({ length: 20 }, (_, i) => `l${i + 1}: &l${i + 1} [${`*l${i}, `.repeat(10)}]`)
  expect(() => read([`l0: &l0 [x]\n${layers.join('\n')}`])).toThrow(ConfigError)
})
