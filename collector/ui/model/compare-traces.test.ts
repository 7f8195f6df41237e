import { expect, test } from 'vitest'
import { compareTraces, pathOf } from './compare-traces.ts'
import { madeTrace } from './made-trace.ts'
import { readTrace } from './trace-model.ts'

const run = (queries: readonly number[], extra: readonly string[] = []) =>
  readTrace(
    madeTrace([
      { name: 'run', ms: 100 },
      ...queries.map((ms, i) => ({ name: 'query', parent: 0, start: i * 10, ms })),
      ...extra.map((name) => ({ name, parent: 0, start: 99, ms: 1 })),
    ]),
  )

test('spans of a path have count, total, self, median and 95th percentile', () => {
  const [root, query] = compareTraces(run([1, 2, 3, 4]), run([2, 2]))
  expect(root).toMatchObject({ name: 'run', depth: 0, a: { count: 1, total: 100, self: 90 } })
  expect(query).toMatchObject({
    name: 'query',
    depth: 1,
    a: { count: 4, total: 10, self: 10, p50: 2, p95: 4 },
    b: { count: 2, total: 4, p50: 2, p95: 2 },
  })
})

test('what only one of them has stands there with nothing on the other side', () => {
  const rows = compareTraces(run([1], ['gone']), run([1], ['new']))
  expect(rows.map((row) => [pathOf(row).join(' '), row.a?.count, row.b?.count])).toEqual([
    ['run', 1, 1],
    ['run query', 1, 1],
    ['run gone', 1, undefined],
    ['run new', undefined, 1],
  ])
})

test('children stand under their own parent, also when another name sorts between', () => {
  const trace = readTrace(madeTrace([{ name: 'run' }, { name: 'run one' }, { name: 'child', parent: 0 }]))
  expect(compareTraces(trace, trace).map(pathOf)).toEqual([['run'], ['run', 'child'], ['run one']])
})

test('names that would be the same path when joined are different paths', () => {
  const trace = readTrace(madeTrace([{ name: 'a › b' }, { name: 'a' }, { name: 'b', parent: 1 }]))
  expect(compareTraces(trace, trace).map(pathOf)).toEqual([['a › b'], ['a'], ['a', 'b']])
})

test('a chain 100,000 deep and 100,000 names beside each other are compared', () => {
  const deep = readTrace(
    madeTrace(Array.from({ length: 100_000 }, (_, i) => ({ name: 'deep', parent: i - 1 }))),
  )
  expect(compareTraces(deep, deep).at(-1)?.depth).toBe(99_999)
  const wide = readTrace(madeTrace(Array.from({ length: 100_000 }, (_, i) => ({ name: `${i}` }))))
  expect(compareTraces(wide, wide)).toHaveLength(100_000)
})
