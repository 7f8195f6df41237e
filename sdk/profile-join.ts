import type { ProfileDocument, ProfileFrame, ProfiledSpan } from './profile-document.ts'
import type { Section } from './profile-sections.ts'

/** What `Profiler.consoleProfileFinished` and `Profiler.stop` of V8 bring, as far as it is read here. */
export interface V8Profile {
  nodes: V8Node[]
  /** Microseconds of the monotonic clock. */
  startTime: number
  endTime: number
  samples?: number[]
  timeDeltas?: number[]
}

interface V8Node {
  id: number
  callFrame: { functionName: string; url: string; lineNumber: number; columnNumber: number }
  children?: number[]
}

/** The profiler's own expressions carry this source URL, so that their samples can be told apart. */
export const profilerUrl = 'tapescope:profiler'

/** Samples of several segments in one stack tree. Times are microseconds of the monotonic clock. */
export interface SampleLog {
  /** Adds what `profile` has beyond the last sample that is already here (segments overlap). */
  add(profile: V8Profile): void
  /** Takes the samples before `untilUs`, joined to the spans of `sections`. */
  take(untilUs: number, sections: readonly Section[], about: ProfileAbout): ProfileDocument
  /** Forgets samples before `beforeUs`. */
  forget(beforeUs: number): void
  readonly length: number
}

export interface ProfileAbout {
  service: string
  pid: number
  intervalUs: number
  /** Epoch milliseconds minus monotonic milliseconds. */
  clockOffsetMs: number
  lostSections: number
}

export function createSampleLog(): SampleLog {
  const frames: ProfileFrame[] = []
  const frameIndex = new Map<string, number>()
  const parent: number[] = []
  const frame: number[] = []
  const stackIndex = new Map<number, number>()
  let times: number[] = []
  let stacks: number[] = []
  let lastUs = 0

  function frameOf({ functionName, url, lineNumber, columnNumber }: V8Node['callFrame']): number {
    const key = `${functionName}\n${url}\n${lineNumber}:${columnNumber}`
    let index = frameIndex.get(key)
    if (index === undefined) {
      index = frames.length
      frameIndex.set(key, index)
      const made: ProfileFrame = { name: functionName || '(anonymous)' }
      if (url) Object.assign(made, { file: url, line: lineNumber + 1, col: columnNumber + 1 })
      frames.push(made)
    }
    return index
  }

  function stackOf(under: number, frameAt: number): number {
    const key = (under + 1) * 2 ** 24 + frameAt
    let index = stackIndex.get(key)
    if (index === undefined) {
      index = parent.length
      stackIndex.set(key, index)
      parent.push(under)
      frame.push(frameAt)
    }
    return index
  }

  /** V8 node id -> position of its stack here; -2 for the profiler's own. */
  function stacksOf(nodes: V8Node[]): Map<number, number> {
    const byId = new Map(nodes.map((node) => [node.id, node]))
    const found = new Map<number, number>()
    const pending: [V8Node, number][] = nodes.slice(0, 1).map((root) => [root, -1])
    for (let next = pending.pop(); next; next = pending.pop()) {
      const [node, under] = next
      let stack = under
      if (under === -2 || node.callFrame.url === profilerUrl) stack = -2
      else if (node.callFrame.functionName !== '(root)') stack = stackOf(under, frameOf(node.callFrame))
      found.set(node.id, stack)
      for (const child of node.children ?? []) {
        const childNode = byId.get(child)
        if (childNode) pending.push([childNode, stack])
      }
    }
    return found
  }

  return {
    get length() {
      return times.length
    },
    add(profile) {
      const stackByNode = stacksOf(profile.nodes)
      let at = profile.startTime
      const deltas = profile.timeDeltas ?? []
      for (const [i, id] of (profile.samples ?? []).entries()) {
        at += deltas[i] ?? 0
        const stack = stackByNode.get(id) ?? -1
        // The first sample of a segment is taken by the start itself, not by the clock.
        if (i === 0 || at <= lastUs || stack < 0) continue
        times.push(at)
        stacks.push(stack)
        lastUs = at
      }
    },
    take(untilUs, sections, about) {
      let count = times.findIndex((at) => at >= untilUs)
      if (count < 0) count = times.length
      const { spans, span } = joinSamples(times.slice(0, count), sections)
      const document = documentOf(times.slice(0, count + 1), stacks.slice(0, count), span, spans, about)
      times = times.slice(count)
      stacks = stacks.slice(count)
      return document
    },
    forget(beforeUs) {
      const count = times.findIndex((at) => at >= beforeUs)
      times = count < 0 ? [] : times.slice(count)
      stacks = count < 0 ? [] : stacks.slice(count)
    },
  }

  function documentOf(
    at: number[],
    stack: number[],
    span: Int32Array,
    spans: ProfiledSpan[],
    about: ProfileAbout,
  ): ProfileDocument {
    const first = at[0] ?? 0
    // Only the stacks that these samples use, in the same order (a parent stays before its children).
    const used = new Set<number>()
    for (const leaf of stack) {
      for (let i = leaf; i >= 0 && !used.has(i); i = parent[i] ?? -1) used.add(i)
    }
    const order = [...used].sort((a, b) => a - b)
    const stackAt = new Map(order.map((old, i) => [old, i]))
    const usedFrames = [...new Set(order.map((i) => frame[i] ?? 0))]
    const frameAt = new Map(usedFrames.map((old, i) => [old, i]))
    return {
      format: 'tapescope.profile/1',
      service: about.service,
      pid: about.pid,
      startedAtUnixMs: first / 1000 + about.clockOffsetMs,
      intervalUs: about.intervalUs,
      frames: usedFrames.map((i) => frames[i] ?? { name: '(anonymous)' }),
      stacks: {
        parent: order.map((i) => stackAt.get(parent[i] ?? -1) ?? -1),
        frame: order.map((i) => frameAt.get(frame[i] ?? 0) ?? 0),
      },
      samples: {
        timeUs: stack.map((_, i) => Math.round((at[i] ?? 0) - first)),
        weightUs: stack.map((_, i) => Math.round(weightAt(at, i, about.intervalUs))),
        stack: stack.map((i) => stackAt.get(i) ?? -1),
        span: [...span],
      },
      spans,
      lostSections: about.lostSections,
    }
  }
}

/** A sample stands for half the way to each neighbour; one that has none there, for half an interval. */
function weightAt(at: readonly number[], i: number, intervalUs: number): number {
  const here = at[i] ?? 0
  const before = i > 0 ? here - (at[i - 1] ?? here) : intervalUs
  const after = i + 1 < at.length ? (at[i + 1] ?? here) - here : intervalUs
  return (before + after) / 2
}

interface Open {
  kind: 'span' | 'section'
  key: number
  span: number
}

/**
 * Which span was active at each of `times` (ascending, microseconds): the innermost synchronous span or section.
 * Where two spans cross (the outer one ended first) nobody can tell, and neither gets the samples of the overlap.
 */
export function joinSamples(
  times: ArrayLike<number>,
  sections: readonly Section[],
): { spans: ProfiledSpan[]; span: Int32Array } {
  const spans: ProfiledSpan[] = []
  const bySpanId = new Map<string, number>()
  const keyToSpan = new Map<number, number>()
  const synchronous = new Set<number>()
  for (const section of sections) {
    if (section.do === 'end' && section.sync && section.from === undefined) synchronous.add(section.key)
    if (section.do !== 'start') continue
    keyToSpan.set(section.key, spans.length)
    bySpanId.set(section.span.spanId, spans.length)
    spans.push(section.span)
  }

  const span = new Int32Array(times.length).fill(-1)
  const open: Open[] = []
  const openedAt = new Map<number, number>()
  const crossed: { from: number; to: number; spans: number[] }[] = []
  let sample = 0
  const settle = (untilUs: number): void => {
    const active = open.at(-1)?.span ?? -1
    for (; sample < times.length && (times[sample] ?? 0) < untilUs; sample += 1) span[sample] = active
  }

  for (const section of sections) {
    if (section.do === 'start') {
      if (!synchronous.has(section.key)) continue
      settle(section.at)
      open.push({ kind: 'span', key: section.key, span: keyToSpan.get(section.key) ?? -1 })
      openedAt.set(section.key, section.at)
    } else if (section.do === 'end') {
      const position = open.findLastIndex((one) => one.kind === 'span' && one.key === section.key)
      const ended = open[position]
      if (!ended) continue
      settle(section.at)
      for (const above of open.slice(position + 1)) {
        if (above.kind !== 'span') continue
        const from = openedAt.get(above.key) ?? section.at
        crossed.push({ from, to: section.at, spans: [ended.span, above.span] })
      }
      open.splice(position, 1)
    } else if (section.do === 'enter') {
      settle(section.at)
      const entered = section.spanId === null ? -1 : bySpanId.get(section.spanId)
      if (entered !== undefined || section.spanId === null) {
        open.push({ kind: 'section', key: -1, span: entered ?? -1 })
      } else {
        // A span of before this log, or of another process: known by its ids alone.
        bySpanId.set(section.spanId, spans.length)
        open.push({ kind: 'section', key: -1, span: spans.length })
        const { spanId, traceId } = section
        spans.push({ spanId, traceId: traceId ?? '', parentSpanId: null, name: '(not recorded here)' })
      }
    } else {
      settle(section.at)
      const position = open.findLastIndex((one) => one.kind === 'section')
      if (position >= 0) open.splice(position, 1)
    }
  }
  settle(Infinity)

  for (const { from, to, spans: unclear } of crossed) {
    for (let i = lowerBound(times, from); i < times.length && (times[i] ?? 0) < to; i += 1) {
      if (unclear.includes(span[i] ?? -1)) span[i] = -1
    }
  }
  return { spans, span }
}

/** Position of the first of the ascending `values` that is not below `limit`. */
function lowerBound(values: ArrayLike<number>, limit: number): number {
  let low = 0
  let high = values.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((values[middle] ?? 0) < limit) low = middle + 1
    else high = middle
  }
  return low
}
