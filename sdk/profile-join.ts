import type { ProfiledSpan } from './profile-document.ts'
import type { Section } from './profile-section-columns.ts'

interface Open {
  /** Of a span; -1 of a stretch in which a span was made active. */
  key: number
  at: number
  span: ProfiledSpan | undefined
}

/** Spans that are known by name, for continuations; the oldest go first. */
const knownSpans = 20_000

/** Gives samples to spans, batch after batch. */
interface SpanJoiner {
  /**
   * The span that was active at each of `times` (ascending, microseconds, since the batch before): the innermost
   * synchronous span or section. `sections` are those since the batch before. Where two spans cross (the outer one
   * ended first) nobody can tell, and neither gets the samples of the overlap.
   */
  join(times: readonly number[], sections: readonly Section[]): (ProfiledSpan | undefined)[]
  /** The log has lost entries after this batch: what seems open may be over. */
  forgetOpen(): void
}

export function createSpanJoiner(): SpanJoiner {
  let open: Open[] = []
  const known = new Map<string, ProfiledSpan>()

  function know(span: ProfiledSpan): ProfiledSpan {
    known.set(span.spanId, span)
    if (known.size > knownSpans) known.delete(known.keys().next().value ?? '')
    return span
  }

  function entered(spanId: string | null, traceId: string | null): ProfiledSpan | undefined {
    if (spanId === null) return undefined
    // One of before this log, or of another process, is known by its ids alone.
    return (
      known.get(spanId) ??
      know({ spanId, traceId: traceId ?? '', parentSpanId: null, name: '(not recorded here)' })
    )
  }

  return {
    forgetOpen() {
      open = []
    },
    join(times, sections) {
      // Synchronous in all of this batch that it lived in: it ended so, or was so when the batch was taken.
      const synchronous = new Set<number>()
      for (const section of sections)
        if (section.do === 'still' || (section.do === 'end' && section.sync)) synchronous.add(section.key)
      open = open.filter(({ key }) => key < 0 || synchronous.has(key))

      const found: (ProfiledSpan | undefined)[] = []
      const settle = (untilUs: number): void => {
        const active = open.at(-1)?.span
        while (found.length < times.length && times[found.length] < untilUs) found.push(active)
      }
      const crossed: { from: number; to: number; spans: (ProfiledSpan | undefined)[] }[] = []
      for (const section of sections) {
        const { at } = section
        settle(at)
        if (section.do === 'start') {
          const span = know(section.span)
          if (synchronous.has(section.key)) open.push({ key: section.key, at, span })
        } else if (section.do === 'enter') {
          open.push({ key: -1, at, span: entered(section.spanId, section.traceId) })
        } else if (section.do === 'exit') {
          const position = open.findLastIndex(({ key }) => key < 0)
          if (position >= 0) open.splice(position, 1)
        } else if (section.do === 'end') {
          const position = open.findLastIndex(({ key }) => key === section.key)
          if (position < 0) continue
          const [ended] = open.splice(position, 1)
          for (const above of open.slice(position))
            if (above.key >= 0) crossed.push({ from: above.at, to: at, spans: [ended.span, above.span] })
        }
      }
      settle(Infinity)

      for (const { from, to, spans } of crossed) {
        for (let i = lowerBound(times, from); i < times.length && times[i] < to; i += 1)
          if (spans.includes(found[i])) found[i] = undefined
      }
      return found
    },
  }
}

/** Position of the first of the ascending `values` that is not below `limit`. */
export function lowerBound(values: ArrayLike<number>, limit: number): number {
  let low = 0
  let high = values.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (values[middle] < limit) low = middle + 1
    else high = middle
  }
  return low
}
