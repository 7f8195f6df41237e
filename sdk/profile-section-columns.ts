import type { ProfiledSpan } from './profile-document.ts'

/**
 * One entry of the section log. Times are microseconds of the monotonic clock (hrtime), the clock of V8's samples.
 * `start`/`end` bound the life of a span, and `still` says at a drain that an open one has been one synchronous extent
 * so far; `enter`/`exit` bound a stretch in which a span was active, which is how a part of an asynchronous one is known.
 */
export type Section =
  | { at: number; do: 'start'; key: number; span: ProfiledSpan }
  | { at: number; do: 'end'; key: number; sync: boolean }
  | { at: number; do: 'still'; key: number }
  | { at: number; do: 'enter'; spanId: string | null; traceId: string | null }
  | { at: number; do: 'exit' }

export interface DrainedSections {
  sections: Section[]
  /** Entries after the last of `sections` that had no room. */
  lost: number
  /** Everything before this is in `sections`, microseconds. */
  untilUs: number
}

/** What a drain hands over besides the columns in shared memory. Plain JSON. */
export interface TakenSections {
  half: number
  count: number
  lost: number
  untilUs: number
  /** Names of the spans that started; an entry has a position in it. */
  names: string[]
  /** Of each start trace, span and parent id, of each `enter` by ids trace and span id: hexadecimal, end to end. */
  ids: string
}

/** Fullest the log may get between two drains; past it entries are counted and lost. */
const capacity = 100_000

/** A span that started longer ago than so many others is entered by its ids: the reader may have forgotten its key. */
const rememberedSpans = 20_000

const start = 0
const endSync = 1
const endLater = 2
const still = 3
const enterNone = 4
const enterKey = 5
const enterIds = 6
const exit = 7

/** Columns: at (8 bytes), key (8), name (4), kind (1). */
const halfBytes = capacity * 24

/** What writer and reader share: the sampled thread fills one half while the worker reads the other. */
export const sectionMemory = (): SharedArrayBuffer => new SharedArrayBuffer(2 * halfBytes)

const columnsOf = (memory: SharedArrayBuffer) =>
  [0, halfBytes].map((from) => ({
    at: new Float64Array(memory, from, capacity),
    key: new Float64Array(memory, from + 8 * capacity, capacity),
    name: new Uint32Array(memory, from + 16 * capacity, capacity),
    kind: new Uint8Array(memory, from + 20 * capacity, capacity),
  }))

const noTrace = '0'.repeat(32)
const noSpan = '0'.repeat(16)

/** Ids are cut out of one text by their length, so one of another length (no valid one is) must not get in. */
const fixed = (id: string | null, none: string): string =>
  id !== null && id.length === none.length ? id : none

export interface SectionWriter {
  start(at: number, key: number, span: ProfiledSpan): void
  end(at: number, key: number, sync: boolean): void
  still(at: number, key: number): void
  /** A span that was started here is entered by its key, any other by its ids. */
  enter(at: number, key: number | undefined, ids: { traceId: string; spanId: string } | undefined): void
  exit(at: number): void
  /** Hands over what was written since the last time; the reader must have read that. */
  take(untilUs: number): TakenSections
}

/**
 * An entry costs its thread a few stores: no object, and no text but the ids of a span that starts. As JSON through the
 * inspector 1,000 spans a second took 0.3 % of the sampled thread.
 */
export function createSectionWriter(memory: SharedArrayBuffer): SectionWriter {
  const halves = columnsOf(memory)
  let half = 0
  let count = 0
  let lost = 0
  let lastKey = 0
  const names = new Map<string, number>()
  const ids: string[] = []

  /**
   * The inspector may interrupt this thread for a `take` where a JavaScript function is called: this calls none, so that
   * an entry is handed over whole or not at all.
   */
  function add(kind: number, at: number, key: number, name: string, text: string): void {
    if (lost > 0 || count === capacity) {
      lost += 1
      return
    }
    const columns = halves[half]
    columns.at[count] = at
    columns.key[count] = key
    columns.kind[count] = kind
    if (kind === start) {
      let position = names.get(name)
      if (position === undefined) {
        position = names.size
        names.set(name, position)
      }
      columns.name[count] = position
    }
    if (text !== '') ids.push(text)
    count += 1
  }

  return {
    start(at, key, { traceId, spanId, parentSpanId, name }) {
      lastKey = key
      add(start, at, key, name, fixed(traceId, noTrace) + fixed(spanId, noSpan) + fixed(parentSpanId, noSpan))
    },
    end: (at, key, sync) => add(sync ? endSync : endLater, at, key, '', ''),
    still: (at, key) => add(still, at, key, '', ''),
    enter(at, key, entered) {
      if (entered === undefined) add(enterNone, at, 0, '', '')
      else if (key !== undefined && lastKey - key < rememberedSpans) add(enterKey, at, key, '', '')
      else add(enterIds, at, 0, '', fixed(entered.traceId, noTrace) + fixed(entered.spanId, noSpan))
    },
    exit: (at) => add(exit, at, 0, '', ''),
    take(untilUs) {
      const taken = { half, count, lost, untilUs, names: [...names.keys()], ids: ids.join('') }
      half = 1 - half
      count = 0
      lost = 0
      names.clear()
      ids.length = 0
      return taken
    },
  }
}

/** Reads what `take` handed over, in the same order. Returns the entries as they were written. */
export function createSectionReader(memory: SharedArrayBuffer): (taken: TakenSections) => DrainedSections {
  const halves = columnsOf(memory)
  const known = new Map<number, ProfiledSpan>()

  return ({ half, count, lost, untilUs, names, ids }) => {
    const columns = halves[half]
    let position = 0
    const id = (length: number): string => ids.slice(position, (position += length))
    const section = (i: number): Section => {
      const at = columns.at[i]
      const key = columns.key[i]
      switch (columns.kind[i]) {
        case start: {
          const [traceId, spanId, parent] = [id(32), id(16), id(16)]
          const name = names[columns.name[i]]
          const span = { traceId, spanId, parentSpanId: parent === noSpan ? null : parent, name }
          known.set(key, span)
          if (known.size > rememberedSpans) known.delete(known.keys().next().value ?? 0)
          return { at, do: 'start', key, span }
        }
        case endSync:
        case endLater:
          return { at, do: 'end', key, sync: columns.kind[i] === endSync }
        case still:
          return { at, do: 'still', key }
        case enterKey: {
          // One whose start was lost is on no span.
          const span = known.get(key)
          return { at, do: 'enter', spanId: span?.spanId ?? null, traceId: span?.traceId ?? null }
        }
        case enterIds: {
          const [traceId, spanId] = [id(32), id(16)]
          return { at, do: 'enter', spanId, traceId }
        }
        case enterNone:
          return { at, do: 'enter', spanId: null, traceId: null }
        default:
          return { at, do: 'exit' }
      }
    }
    return { sections: Array.from({ length: count }, (_, i) => section(i)), lost, untilUs }
  }
}
