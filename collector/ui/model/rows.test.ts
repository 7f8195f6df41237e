import { expect, test } from 'vitest'
import { type MadeSpan, madeTrace } from './made-trace.ts'
import { foldKey, listRows, type RowState } from './rows.ts'
import { nameOf, readTrace } from './trace-model.ts'

const read = (spans: readonly MadeSpan[]) => readTrace(madeTrace(spans))
const none: RowState = { closed: new Set(), unfolded: new Set() }

function lines(trace: ReturnType<typeof read>, state: RowState): string[] {
  const { span, count, depth, length } = listRows(trace, state)
  return Array.from(
    { length },
    (_, row) =>
      `${'-'.repeat(depth[row])}${nameOf(trace, span[row])}${count[row] > 1 ? ` x${count[row]}` : ''}`,
  )
}

const bars = (count: number): MadeSpan[] => [
  { name: 'run', ms: 100 },
  { name: 'load', parent: 0 },
  ...Array.from({ length: count }, (_, i) => ({ name: 'bar', parent: 0, start: i })),
  { name: 'store', parent: 0, start: count },
]

test('up to twelve siblings of a name are told one by one, more as one row', () => {
  expect(lines(read(bars(12)), none)).toHaveLength(15)
  const trace = read(bars(13))
  expect(lines(trace, none)).toEqual(['run', '-load', '-bar x13', '-store'])
  const unfolded = { ...none, unfolded: new Set([foldKey(trace, 2)]) }
  expect(lines(trace, unfolded)).toHaveLength(17)
  expect(lines(trace, unfolded)[2]).toBe('-bar x13')
})

test('a closed span hides what is below it', () => {
  expect(lines(read(bars(3)), { ...none, closed: new Set([0]) })).toEqual(['run'])
})

test('a search shows what was found, with the spans above it, also from within a fold', () => {
  expect(lines(read(bars(1000)), { ...none, matches: new Set([500]) })).toEqual(['run', '-bar'])
  expect(lines(read(bars(5)), { ...none, matches: new Set() })).toEqual([])
})

test('roots fold as children do', () => {
  const trace = read(Array.from({ length: 50 }, () => ({ name: 'orphan', parent: -2 })))
  expect(lines(trace, none)).toEqual(['orphan x50'])
})

test('100,000 spans under one name are one row, and all when unfolded', () => {
  const trace = read(bars(100_000))
  expect(listRows(trace, none).length).toBe(4)
  expect(listRows(trace, { ...none, unfolded: new Set([foldKey(trace, 2)]) }).length).toBe(100_004)
})
