import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  deltaOf,
  difference,
  flameOfSamples,
  flameOfSpans,
  foldCallers,
  type FlameNode,
  type SampledProfile,
  scaled,
  selfTimes,
  shortFile,
} from './flame-tree.ts'
import { madeTrace } from './made-trace.ts'
import { readTrace } from './trace-model.ts'

const profile = (stacks: readonly (readonly [string, number])[]): SampledProfile => {
  const names = [...new Set(stacks.flatMap(([path]) => path.split(' ')))]
  return {
    name: 'made',
    shared: { frames: names.map((name) => ({ name, file: `file:///x/engine/${name}.ts`, line: 1 })) },
    profiles: [
      {
        samples: stacks.map(([path]) => path.split(' ').map((name) => names.indexOf(name))),
        weights: stacks.map(([, us]) => us),
      },
    ],
  }
}
const find = (node: FlameNode, ...path: string[]): FlameNode | undefined =>
  path.reduce<FlameNode | undefined>((at, name) => at?.children.find((child) => child.name === name), node)

test('samples are merged from the root down, weighted and counted', () => {
  const tree = flameOfSamples(
    profile([
      ['main run', 1000],
      ['main run step', 2000],
      ['main gc', 500],
    ]),
  )
  expect(tree).toMatchObject({ name: 'all samples', value: 3.5, count: 3 })
  expect(find(tree, 'main', 'run')).toMatchObject({ value: 3, self: 1, count: 2, place: 'engine/run.ts:1' })
  expect(find(tree, 'main', 'run', 'step')).toMatchObject({ value: 2, self: 2, count: 1 })
  expect(selfTimes(tree)).toMatchObject([
    { name: 'step', self: 2, own: 1 },
    { name: 'run', self: 1, own: 1 },
    { name: 'gc', self: 0.5, own: 1 },
  ])
})

test('a chain of callers that all samples share is one node, beside the garbage collector as well', () => {
  const tree = flameOfSamples(
    profile([
      ['a b c d e f g h x', 10],
      ['a b c d e f g h y', 10],
      ['(garbage_collector)', 10],
    ]),
  )
  tree.children[1] = { ...tree.children[1], name: '(garbage collector)' }
  const folded = foldCallers(tree)
  expect(folded).toMatchObject({ value: 0.03, count: 3 })
  expect(folded.children.map(({ name, count }) => [name, count])).toEqual([
    ['… 4 callers', 2],
    ['(garbage collector)', 1],
  ])
  expect(find(folded.children[0], 'e', 'f', 'g', 'h')?.children).toHaveLength(2)
  expect(tree.children[0].name).toBe('a')
  // What only the first of two has is not drawn, and is kept for the table.
  const other = flameOfSamples(profile([['a b c', 10]]))
  const both = foldCallers(difference(other, tree))
  expect(both.children[0].name).toBe('a')
  const aside = foldCallers(difference(flameOfSamples(profile([['a b q', 7]])), tree))
  expect(aside.children[0].name).toBe('… 4 callers')
  expect(selfTimes(aside)).toContainEqual(expect.objectContaining({ name: 'q', self: 0, selfWas: 0.007 }))
  expect(foldCallers(difference(tree, tree)).children[0].name).toBe('… 4 callers')
})

test('spans of one path are merged; the whole counts them', () => {
  const trace = readTrace(
    madeTrace([
      { name: 'run', ms: 10 },
      { name: 'bar', parent: 0, ms: 3 },
      { name: 'bar', parent: 0, start: 5, ms: 2 },
    ]),
  )
  const tree = flameOfSpans(trace)
  expect(tree).toMatchObject({ value: 10, count: 3 })
  expect(find(tree, 'run')).toMatchObject({ value: 10, self: 5, count: 1 })
  expect(find(tree, 'run', 'bar')).toMatchObject({ value: 5, count: 2 })
})

test('a difference has what grew, what shrank, and what only one of them has', () => {
  const a = flameOfSamples(
    profile([
      ['main old', 4000],
      ['main both', 1000],
    ]),
  )
  const b = flameOfSamples(
    profile([
      ['main new', 2000],
      ['main both', 3000],
    ]),
  )
  const tree = difference(a, b)
  expect(deltaOf(tree)).toBe(0)
  expect(find(tree, 'main', 'both')).toMatchObject({ value: 3, was: { value: 1, count: 1 } })
  expect(find(tree, 'main', 'new')).toMatchObject({ value: 2, was: { value: 0, count: 0 } })
  expect(find(tree, 'main', 'old')).toMatchObject({ value: 0, count: 0, was: { value: 4, count: 1 } })
  // What changed most first.
  expect(selfTimes(tree)).toMatchObject([
    { name: 'old', self: 0, own: 0, selfWas: 4, ownWas: 1 },
    { name: 'both', self: 3, selfWas: 1 },
    { name: 'new', self: 2, selfWas: 0, ownWas: 0 },
  ])
  expect(scaled(a, 2)).toMatchObject({ value: 10, count: 2 })
  expect(a.value).toBe(5)
})

const stacks = fc.array(
  fc.tuple(
    fc
      .array(fc.constantFrom('a', 'b', 'c', '<img>'), { minLength: 1, maxLength: 6 })
      .map((path) => path.join(' ')),
    fc.integer({ min: 0, max: 5000 }),
  ),
  { minLength: 1, maxLength: 30 },
)

test('no time is lost or made: a node is its own time and its children, selves add up to the whole', () => {
  fc.assert(
    fc.property(stacks, (made) => {
      const tree = flameOfSamples(profile(made))
      const pending = [tree]
      for (let at = pending.pop(); at; at = pending.pop()) {
        const below = at.children.reduce((sum, child) => sum + child.value, at.self)
        expect(at.value).toBeCloseTo(below, 6)
        pending.push(...at.children)
      }
      const self = selfTimes(tree).reduce((sum, one) => sum + one.self, 0)
      expect(self).toBeCloseTo(made.reduce((sum, [, us]) => sum + us, 0) / 1000, 6)
    }),
  )
})

test('a difference keeps all time of both', () => {
  fc.assert(
    fc.property(stacks, stacks, (one, two) => {
      const [a, b] = [flameOfSamples(profile(one)), flameOfSamples(profile(two))]
      const totals = selfTimes(difference(a, b))
      expect(totals.reduce((sum, { self }) => sum + self, 0)).toBeCloseTo(b.value, 6)
      expect(totals.reduce((sum, { selfWas }) => sum + selfWas, 0)).toBeCloseTo(a.value, 6)
      for (const { self, selfWas } of selfTimes(difference(a, a))) expect(self).toBe(selfWas)
    }),
  )
})

test('files are told from the part that a reader knows', () => {
  expect(shortFile('file:///home/x/tapescope/engine/range-book.ts')).toBe('engine/range-book.ts')
  expect(shortFile('/x/node_modules/hono/dist/hono.js')).toBe('hono/dist/hono.js')
  expect(shortFile('C:\\x')).toBe('C:\\x')
  expect(shortFile('')).toBe('')
})
