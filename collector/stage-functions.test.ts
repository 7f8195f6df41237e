import { readFileSync } from 'node:fs'
import { globSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { stageRule } from './stage-functions.ts'

const root = join(import.meta.dirname, '..')
const stages = [
  'volume',
  'pivots',
  'events',
  'ranges',
  'patterns',
  'validation',
  'fills',
  'stops',
  'mark',
  'strategy',
]

test.each(stages)('the functions that stand for stage.%s are in the files named', (stage) => {
  const rule = stageRule(`stage.${stage}`)!
  expect(rule.functions.length).toBeGreaterThan(0)
  for (const text of rule.functions) {
    const [name, file] = text.split(' ').toReversed()
    const files = globSync(`engine/**/${file ?? '*.ts'}`, { cwd: root })
    expect(files.length, text).toBeGreaterThan(0)
    const source = files.map((path) => readFileSync(join(root, path), 'utf8')).join('\n')
    expect(source, text).toMatch(new RegExp(`\\b${name}\\b`))
    if (file === undefined) continue
    expect(rule.passes([{ name: 'main' }, { name, file: `file:///elsewhere/engine/${file}` }]), text).toBe(
      true,
    )
    expect(rule.passes([{ name, file: 'file:///elsewhere/other.ts' }]), text).toBe(false)
  }
})

test('the two functions named step are told apart by their file', () => {
  const step = (file: string) => [{ name: 'step', file: `file:///x/${file}` }, { name: 'look' }]
  expect(stageRule('stage.patterns')!.passes(step('wyckoff.ts'))).toBe(true)
  expect(stageRule('stage.patterns')!.passes(step('range-book.ts'))).toBe(false)
})

test("a stage of another engine is looked for by its own name, a span that is none is none's", () => {
  expect(stageRule('stage.price')!.passes([{ name: 'run' }, { name: 'price', file: 'a.js' }])).toBe(true)
  expect(stageRule('stage.price')!.passes([{ name: 'run' }])).toBe(false)
  expect(stageRule('backtest.run')).toBeUndefined()
})
