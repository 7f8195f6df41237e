import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { type MadeSpan, madeTrace } from './made-trace.ts'
import { criticalPath, findSpan, nameOf, readTrace, spanIdOf } from './trace-model.ts'

const read = (spans: readonly MadeSpan[]) => readTrace(madeTrace(spans))

test('children lie under their parents by start, with depth, self time and errors below', () => {
  const trace = read([
    { name: 'run', ms: 10 },
    { name: 'a', parent: 0, start: 1, ms: 3 },
    { name: 'b', parent: 0, start: 2, ms: 4 },
    { name: 'c', parent: 2, start: 3, ms: 1, error: true },
  ])
  expect([...trace.depth]).toEqual([0, 1, 1, 2])
  // a and b overlap: together they cover 1 to 6.
  expect([...trace.self]).toEqual([5, 3, 3, 1])
  expect([...trace.errorsBelow]).toEqual([1, 0, 1, 1])
  expect(trace.roots).toEqual([0])
  expect(trace.endMs).toBe(10)
  expect(findSpan(trace, spanIdOf(trace, 2))).toBe(2)
  expect(findSpan(trace, 'f'.repeat(16))).toBe(-1)
  expect(findSpan(trace, '')).toBe(-1)
})

test('a circle becomes a tree, a span whose parent is missing a root, and both are marked', () => {
  const trace = read([
    { name: 'a', parent: 1 },
    { name: 'b', parent: 2 },
    { name: 'c', parent: 0 },
    { name: 'itself', parent: 3 },
    { name: 'orphan', parent: -2 },
    { name: 'under the orphan', parent: 4 },
  ])
  expect(trace.adopted).toEqual(new Set([0, 3, 4]))
  expect(trace.roots).toEqual([0, 3, 4])
  expect([...trace.depth]).toEqual([0, 2, 1, 0, 0, 1])
})

test('a child that the clocks put outside of its parent takes none of its self time', () => {
  const trace = read([
    { name: 'run', start: 10, ms: 10 },
    { name: 'before', parent: 0, start: 0, ms: 5 },
    { name: 'half', parent: 0, start: 18, ms: 10 },
  ])
  expect(trace.self[0]).toBe(8)
})

test('durations of nothing and of less than nothing are nothing', () => {
  const trace = read([
    { name: 'run', ms: 0 },
    { name: 'back', parent: 0, ms: -5 },
  ])
  expect([...trace.duration]).toEqual([0, 0])
  expect([...trace.self]).toEqual([0, 0])
  expect(criticalPath(trace)).toContain(0)
})

test('the critical path is what the end waited for', () => {
  const trace = read([
    { name: 'run', ms: 10 },
    { name: 'first', parent: 0, start: 0, ms: 4 },
    { name: 'beside first', parent: 0, start: 0, ms: 3 },
    { name: 'last', parent: 0, start: 4, ms: 6 },
    { name: 'in last', parent: 3, start: 5, ms: 1 },
    { name: 'in last, over it', parent: 3, start: 5, ms: 20 },
  ])
  expect([...criticalPath(trace)].map((i) => nameOf(trace, i)).sort()).toEqual([
    'first',
    'in last',
    'last',
    'run',
  ])
  expect(criticalPath(read([]))).toEqual(new Set())
})

test('a chain 100,000 deep is read without recursion', () => {
  const spans = Array.from({ length: 100_000 }, (_, i) => ({ name: 'deep', parent: i - 1, ms: 1 }))
  const trace = read(spans)
  expect(trace.depth[99_999]).toBe(99_999)
  expect(criticalPath(trace).size).toBeGreaterThan(0)
})

test('whatever the parents are, each span is in the forest once', () => {
  const parents = fc.integer({ min: 1, max: 40 }).chain((size) =>
    fc.array(
      fc.record({
        name: fc.constantFrom('a', 'b', '<script>', ''),
        parent: fc.integer({ min: -2, max: size - 1 }),
        start: fc.integer({ min: -1000, max: 1000 }),
        ms: fc.integer({ min: -10, max: 1000 }),
      }),
      { minLength: size, maxLength: size },
    ),
  )
  fc.assert(
    fc.property(parents, (spans) => {
      const trace = read(spans)
      const seen = new Set<number>()
      const pending = [...trace.roots]
      for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
        expect(seen.has(at)).toBe(false)
        seen.add(at)
        pending.push(...trace.children.subarray(trace.childFrom[at], trace.childFrom[at + 1]))
        expect(trace.self[at]).toBeGreaterThanOrEqual(0)
        expect(trace.self[at]).toBeLessThanOrEqual(trace.duration[at])
      }
      expect(seen.size).toBe(spans.length)
      for (const span of criticalPath(trace)) expect(seen.has(span)).toBe(true)
    }),
  )
})
