import { array, assert, boolean, constantFrom, property } from 'fast-check'
import { expect, test } from 'vitest'
import { createSpanJoiner } from './profile-join.ts'
import type { Section } from './profile-section-columns.ts'

const start = (at: number, key: number): Section => ({
  at,
  do: 'start',
  key,
  span: { traceId: 't', spanId: `s${key}`, parentSpanId: null, name: `n${key}` },
})
const end = (at: number, key: number, sync = true): Section => ({ at, do: 'end', key, sync })
const enter = (at: number, spanId: string | null): Section => ({ at, do: 'enter', spanId, traceId: 't' })
const exit = (at: number): Section => ({ at, do: 'exit' })
const still = (at: number, key: number): Section => ({ at, do: 'still', key })

type Batch = [times: number[], sections: Section[]]
const names = (...batches: Batch[]): string[] => {
  const joiner = createSpanJoiner()
  return batches.flatMap(([times, sections]) =>
    joiner.join(times, sections).map((span) => span?.spanId ?? '-'),
  )
}

test('the innermost synchronous span gets the sample', () => {
  const sections = [start(10, 1), start(20, 2), end(30, 2), end(40, 1)]
  const times = [5, 10, 15, 20, 25, 30, 35, 40]
  expect(names([times, sections])).toEqual(['-', 's1', 's1', 's2', 's2', 's1', 's1', '-'])
})

test('where two spans cross, neither gets the overlap', () => {
  const sections = [start(10, 1), start(20, 2), end(30, 1), end(40, 2)]
  expect(names([[12, 25, 35], sections])).toEqual(['s1', '-', 's2'])
})

test('an asynchronous span has only the stretches in which it was active', () => {
  const sections = [
    start(10, 1),
    enter(11, 's1'),
    exit(15),
    enter(30, 's1'),
    enter(32, null),
    exit(34),
    exit(40),
    end(41, 1, false),
  ]
  expect(names([[10.5, 12, 20, 31, 33, 35, 40.5], sections])).toEqual(['-', 's1', '-', 's1', '-', 's1', '-'])
})

test('a span that is open when a batch is taken counts as long as it was synchronous', () => {
  const taken: Batch = [
    [12, 18],
    [start(10, 1), still(20, 1)],
  ]
  expect(names(taken, [[22, 28, 32], [end(30, 1)]])).toEqual(['s1', 's1', 's1', 's1', '-'])
  // It went on after an await some time after 20: nobody saw when.
  expect(names(taken, [[22, 28], [end(30, 1, false)]])).toEqual(['s1', 's1', '-', '-'])
})

test('a continuation is known by the name that its span had, or by its ids', () => {
  const joiner = createSpanJoiner()
  joiner.join([], [start(1, 1), end(2, 1, false)])
  expect(joiner.join([11, 21], [enter(10, 's1'), exit(12), enter(20, 'far'), exit(22)])).toEqual([
    { traceId: 't', spanId: 's1', parentSpanId: null, name: 'n1' },
    { traceId: 't', spanId: 'far', parentSpanId: null, name: '(not recorded here)' },
  ])
})

test('after a loss nothing that seemed open gets samples', () => {
  const joiner = createSpanJoiner()
  joiner.join([], [start(1, 1), enter(2, 's1'), still(3, 1)])
  joiner.forgetOpen()
  expect(joiner.join([5, 7], [exit(6), end(8, 1)])).toEqual([undefined, undefined])
})

test('any nesting of spans, in batches taken anywhere: each sample is on the deepest open one', () => {
  assert(
    property(array(constantFrom('open', 'close', 'take'), { maxLength: 60 }), boolean(), (moves, active) => {
      const batches: Batch[] = [[[], []]]
      const open: number[] = []
      const expected: string[] = []
      let at = 0
      let key = 0
      const log = (...sections: Section[]): void => void batches.at(-1)?.[1].push(...sections)
      const close = (): void => {
        const closed = open.pop()
        if (closed === undefined) return
        if (active) log(exit(at))
        log(end(at, closed))
      }
      for (const move of moves) {
        at += 2
        if (move === 'open') {
          key += 1
          open.push(key)
          log(start(at, key))
          if (active) log(enter(at, `s${key}`))
        } else if (move === 'close') close()
        else {
          log(...open.map((one) => still(at, one)))
          batches.push([[], []])
        }
        batches.at(-1)?.[0].push(at + 1)
        expected.push(open.length > 0 ? `s${open.at(-1)}` : '-')
      }
      while (open.length > 0) {
        at += 2
        close()
      }
      expect(names(...batches)).toEqual(expected)
    }),
  )
})
