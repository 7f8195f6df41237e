import { array, assert, boolean, constantFrom, nat, property, record, string } from 'fast-check'
import { expect, test } from 'vitest'
import type { ProfiledSpan } from './profile-document.ts'
import {
  createSectionReader,
  createSectionWriter,
  sectionMemory,
  type DrainedSections,
  type Section,
  type TakenSections,
} from './profile-section-columns.ts'

function pair() {
  const memory = sectionMemory()
  const writer = createSectionWriter(memory)
  const reader = createSectionReader(memory)
  // As JSON, which is how it crosses.
  const drain = (untilUs: number): DrainedSections =>
    reader(JSON.parse(JSON.stringify(writer.take(untilUs))) as TakenSections)
  return { writer, reader, drain }
}

const hex = (value: number, length: number): string => value.toString(16).padStart(length, '0')

const spanOf = (key: number, name: string, parent: number): ProfiledSpan => ({
  traceId: hex(key * 7, 32),
  spanId: hex(key, 16),
  parentSpanId: parent === 0 ? null : hex(parent, 16),
  name,
})

type Written = { do: Section['do'] | 'take'; name: string; key: number; sync: boolean; known: boolean }

const entry = record<Written>({
  do: constantFrom('start', 'end', 'still', 'enter', 'exit', 'take'),
  name: string({ unit: 'binary' }),
  key: nat(30),
  sync: boolean(),
  known: boolean(),
})

test('what is read is what was written, whatever the names and wherever it is taken', () => {
  assert(
    property(array(entry, { maxLength: 200 }), (entries) => {
      const { writer, drain } = pair()
      const expected: Section[] = []
      const got: Section[] = []
      const spans: ProfiledSpan[] = []
      for (const [i, { do: what, name, key, sync, known }] of entries.entries()) {
        const at = i + 0.25
        if (what === 'take') got.push(...drain(at).sections)
        else if (what === 'start') {
          const span = spanOf(spans.length + 1, name, key)
          spans.push(span)
          writer.start(at, spans.length, span)
          expected.push({ at, do: 'start', key: spans.length, span })
        } else if (what === 'enter') {
          const span = spans[key % (spans.length + 1)]
          writer.enter(at, known && span ? spans.indexOf(span) + 1 : undefined, span)
          expected.push({
            at,
            do: 'enter',
            spanId: span?.spanId ?? null,
            traceId: span?.traceId ?? null,
          })
        } else if (what === 'exit') {
          writer.exit(at)
          expected.push({ at, do: 'exit' })
        } else if (what === 'still') {
          writer.still(at, key)
          expected.push({ at, do: 'still', key })
        } else {
          writer.end(at, key, sync)
          expected.push({ at, do: 'end', key, sync })
        }
      }
      got.push(...drain(Infinity).sections)
      expect(got).toEqual(expected)
    }),
  )
})

test('what is written while the worker reads does not reach what it reads', () => {
  const { writer, reader, drain } = pair()
  writer.start(1, 1, spanOf(1, 'first', 0))
  const taken = writer.take(2)
  writer.exit(3)
  expect(reader(taken).sections).toEqual([{ at: 1, do: 'start', key: 1, span: spanOf(1, 'first', 0) }])
  expect(drain(4).sections).toEqual([{ at: 3, do: 'exit' }])
})

test('a full log counts what it loses and takes entries again once it was taken', () => {
  const { writer, drain } = pair()
  for (let i = 0; i < 100_003; i += 1) writer.exit(i)
  const { sections, lost } = drain(200_000)
  expect([sections.length, lost, sections.at(-1)?.at]).toEqual([100_000, 3, 99_999])
  writer.exit(200_001)
  expect(drain(200_002)).toEqual({ sections: [{ at: 200_001, do: 'exit' }], lost: 0, untilUs: 200_002 })
})

test('a span of long ago is entered by its ids; ids of a wrong length take nobody along', () => {
  const { writer, drain } = pair()
  const first = spanOf(1, 'first', 0)
  writer.start(0, 1, first)
  for (let key = 2; key <= 20_010; key += 1) writer.start(key, key, spanOf(key, 'more', 0))
  writer.enter(1e6, 1, first)
  writer.start(2e6, 30_000, { traceId: 'x', spanId: '', parentSpanId: null, name: 'odd' })
  writer.start(3e6, 30_001, spanOf(30_001, 'even', 1))
  const [entered, odd, even] = drain(4e6).sections.slice(-3)
  expect(entered).toEqual({ at: 1e6, do: 'enter', spanId: first.spanId, traceId: first.traceId })
  expect(odd).toMatchObject({ span: { traceId: hex(0, 32), spanId: hex(0, 16), name: 'odd' } })
  expect(even).toMatchObject({ span: spanOf(30_001, 'even', 1) })
})
