import { array, assert, boolean, property } from 'fast-check'
import { expect, test } from 'vitest'
import { joinSamples } from './profile-join.ts'
import type { Section } from './profile-sections.ts'

const start = (at: number, key: number): Section => ({
  at,
  do: 'start',
  key,
  span: { traceId: 't', spanId: `s${key}`, parentSpanId: null, name: `n${key}` },
})
const end = (at: number, key: number, sync = true): Section => ({ at, do: 'end', key, sync })
const names = (times: number[], sections: Section[]): string[] => {
  const { spans, span } = joinSamples(times, sections)
  return [...span].map((i) => spans[i]?.spanId ?? '-')
}

test('the innermost synchronous span gets the sample', () => {
  const sections = [start(10, 1), start(20, 2), end(30, 2), end(40, 1)]
  expect(names([5, 10, 15, 20, 25, 30, 35, 40], sections)).toEqual([
    '-',
    's1',
    's1',
    's2',
    's2',
    's1',
    's1',
    '-',
  ])
})

test('where two spans cross, neither gets the overlap', () => {
  expect(names([12, 25, 35], [start(10, 1), start(20, 2), end(30, 1), end(40, 2)])).toEqual(['s1', '-', 's2'])
})

test('an asynchronous span has only the stretches in which it was active', () => {
  const sections: Section[] = [
    start(10, 1),
    { at: 11, do: 'enter', spanId: 's1', traceId: 't' },
    { at: 15, do: 'exit' },
    { at: 30, do: 'enter', spanId: 's1', traceId: 't' },
    { at: 32, do: 'enter', spanId: null, traceId: null },
    { at: 34, do: 'exit' },
    { at: 40, do: 'exit' },
    end(41, 1, false),
  ]
  expect(names([10.5, 12, 20, 31, 33, 35, 40.5], sections)).toEqual(['-', 's1', '-', 's1', '-', 's1', '-'])
})

test('any nesting of spans: each sample is on the deepest open one', () => {
  assert(
    property(array(boolean(), { maxLength: 60 }), (moves) => {
      const sections: Section[] = []
      const open: number[] = []
      const expected: string[] = []
      const times: number[] = []
      let at = 0
      let key = 0
      for (const opens of moves) {
        at += 2
        if (opens) {
          key += 1
          open.push(key)
          sections.push(start(at, key))
        } else {
          const closed = open.pop()
          if (closed !== undefined) sections.push(end(at, closed))
        }
        times.push(at + 1)
        expected.push(open.length > 0 ? `s${open.at(-1)}` : '-')
      }
      while (open.length > 0) sections.push(end((at += 2), open.pop() ?? 0))
      expect(names(times, sections)).toEqual(expected)
    }),
  )
})
