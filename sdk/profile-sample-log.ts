import type { ProfileDocument, ProfileFrame, ProfiledSpan } from './profile-document.ts'
import { createSpanJoiner, lowerBound } from './profile-join.ts'
import type { DrainedSections } from './profile-section-columns.ts'

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

/** The function of profile-watch.ts through which every change of the active span runs: no part of the program. */
const sectionFrame = 'tapescopeSection'

/** Samples of several segments in one stack tree. Times are microseconds of the monotonic clock. */
interface SampleLog {
  /** Adds what `profile` has beyond the last sample that is already here (segments overlap). */
  add(profile: V8Profile): void
  /** Joins the samples since the last time and before `drained.untilUs` to spans. */
  settle(drained: DrainedSections): void
  /** Settled samples from `fromUs` on. */
  read(fromUs: number, about: ProfileAbout): ProfileDocument
  /** Forgets settled samples before `beforeUs`. */
  forget(beforeUs: number): void
  /** Nodes of the stack tree: what is no longer used goes from time to time. */
  readonly stackNodes: number
}

export interface ProfileAbout {
  service: string
  pid: number
  intervalUs: number
  /** Epoch milliseconds minus monotonic milliseconds. */
  clockOffsetMs: number
  lostSections: number
}

/**
 * V8 reads the time of a sample at the end of its signal handler, up to 10 µs after the stack was interrupted, in whole
 * microseconds. Code that ends a span may run within 0.1 µs of that, so that the sample would seem to come after it.
 */
const sampleLateUs = 0.5

/** The stack tree is rebuilt once it has this many nodes and twice those of the last time. */
const leastNodes = 20_000

export function createSampleLog(): SampleLog {
  let tree = createStackTree()
  let spanTable = createSpanTable()
  const joiner = createSpanJoiner()
  let times: number[] = []
  let stacks: number[] = []
  /** Of the settled samples, which are the first ones. */
  let spans: number[] = []
  let lastUs = 0
  let rebuildAt = leastNodes

  /** V8 node id -> position of its stack here; -2 for the profiler's own. */
  function stacksOf(nodes: V8Node[]): Map<number, number> {
    const byId = new Map(nodes.map((node) => [node.id, node]))
    const found = new Map<number, number>()
    const pending: [V8Node, number][] = nodes.slice(0, 1).map((root) => [root, -1])
    for (let next = pending.pop(); next; next = pending.pop()) {
      const [node, under] = next
      let stack = under
      if (under === -2 || node.callFrame.url === profilerUrl) stack = -2
      else if (node.callFrame.functionName !== '(root)' && node.callFrame.functionName !== sectionFrame)
        stack = tree.stackOf(under, frameOf(node.callFrame))
      found.set(node.id, stack)
      for (const child of node.children ?? []) {
        const childNode = byId.get(child)
        if (childNode) pending.push([childNode, stack])
      }
    }
    return found
  }

  /** A ring that runs for weeks must not keep every stack and span it has ever seen. */
  function rebuild(): void {
    const next = createStackTree()
    const moved = new Map<number, number>()
    stacks = stacks.map((stack) => tree.copy(stack, next, moved))
    tree = next
    const table = createSpanTable()
    spans = spans.map((span) => (span < 0 ? -1 : table.add(spanTable.spans[span])))
    spanTable = table
    rebuildAt = Math.max(leastNodes, 2 * tree.parent.length)
  }

  return {
    get stackNodes() {
      return tree.parent.length
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
    settle({ sections, lost, untilUs }) {
      const to = lowerBound(times, untilUs)
      const joined = joiner.join(
        times.slice(spans.length, to).map((at) => at - sampleLateUs),
        sections,
      )
      // Who was active after the first lost entry nobody knows.
      const certain = lost === 0 ? Infinity : lowerBound(times, sections.at(-1)?.at ?? 0) - spans.length
      if (lost > 0) joiner.forgetOpen()
      for (const [i, span] of joined.entries())
        spans.push(span === undefined || i >= certain ? -1 : spanTable.add(span))
    },
    read(fromUs, { service, pid, intervalUs, clockOffsetMs, lostSections }) {
      const from = Math.min(lowerBound(times, fromUs), spans.length)
      const first = times[from] ?? 0
      const rows = Array.from({ length: spans.length - from }, (_, i) => from + i)
      // Only the stacks and spans that these samples use.
      const used = createStackTree()
      const moved = new Map<number, number>()
      const table = createSpanTable()
      const stack = rows.map((i) => tree.copy(stacks[i], used, moved))
      const span = rows.map((i) => (spans[i] < 0 ? -1 : table.add(spanTable.spans[spans[i]])))
      return {
        format: 'tapescope.profile/1',
        service,
        pid,
        startedAtUnixMs: first / 1000 + clockOffsetMs,
        intervalUs,
        frames: used.frames,
        stacks: { parent: used.parent, frame: used.frame },
        samples: {
          timeUs: rows.map((i) => Math.round(times[i] - first)),
          weightUs: rows.map((i) => Math.round(weightAt(times, i, intervalUs))),
          stack,
          span,
        },
        spans: table.spans,
        lostSections,
      }
    },
    forget(beforeUs) {
      const count = Math.min(lowerBound(times, beforeUs), spans.length)
      if (count > 0) {
        times = times.slice(count)
        stacks = stacks.slice(count)
        spans = spans.slice(count)
      }
      if (tree.parent.length >= rebuildAt || spanTable.spans.length >= rebuildAt) rebuild()
    },
  }
}

/** One document of several of the same process, oldest first. */
export function joinDocuments([first, ...rest]: readonly [
  ProfileDocument,
  ...ProfileDocument[],
]): ProfileDocument {
  const tree = createStackTree()
  const table = createSpanTable()
  const samples: ProfileDocument['samples'] = { timeUs: [], weightUs: [], stack: [], span: [] }
  for (const { startedAtUnixMs, frames, stacks, samples: more, spans } of [first, ...rest]) {
    const stackAt: number[] = []
    for (const [i, parent] of stacks.parent.entries())
      stackAt.push(tree.stackOf(parent < 0 ? -1 : stackAt[parent], frames[stacks.frame[i]]))
    const laterUs = Math.round((startedAtUnixMs - first.startedAtUnixMs) * 1000)
    for (const [i, timeUs] of more.timeUs.entries()) {
      samples.timeUs.push(timeUs + laterUs)
      samples.weightUs.push(more.weightUs[i])
      samples.stack.push(stackAt[more.stack[i]])
      samples.span.push(more.span[i] < 0 ? -1 : table.add(spans[more.span[i]]))
    }
  }
  return {
    ...first,
    frames: tree.frames,
    stacks: { parent: tree.parent, frame: tree.frame },
    samples,
    spans: table.spans,
    lostSections: Math.max(first.lostSections, ...rest.map(({ lostSections }) => lostSections)),
  }
}

function createStackTree() {
  const frames: ProfileFrame[] = []
  const frameIndex = new Map<string, number>()
  const parent: number[] = []
  const frame: number[] = []
  const index = new Map<number, number>()

  function frameAt(made: ProfileFrame): number {
    const key = `${made.name}\n${made.file ?? ''}\n${made.line}:${made.col}`
    let at = frameIndex.get(key)
    if (at === undefined) {
      at = frames.length
      frameIndex.set(key, at)
      frames.push(made)
    }
    return at
  }

  function stackOf(under: number, made: ProfileFrame): number {
    const frameHere = frameAt(made)
    const key = (under + 1) * 2 ** 24 + frameHere
    let at = index.get(key)
    if (at === undefined) {
      at = parent.length
      index.set(key, at)
      parent.push(under)
      frame.push(frameHere)
    }
    return at
  }

  return {
    frames,
    parent,
    frame,
    stackOf,
    /** Brings a stack into another tree; `moved` remembers where each node went. */
    copy(stack: number, to: { stackOf: typeof stackOf }, moved: Map<number, number>): number {
      const path: number[] = []
      let at = stack
      for (; at >= 0 && !moved.has(at); at = parent[at]) path.push(at)
      let under = at < 0 ? -1 : (moved.get(at) ?? -1)
      for (const node of path.reverse()) {
        under = to.stackOf(under, frames[frame[node]])
        moved.set(node, under)
      }
      return under
    },
  }
}

function createSpanTable() {
  const spans: ProfiledSpan[] = []
  const index = new Map<string, number>()
  return {
    spans,
    add(span: ProfiledSpan): number {
      const key = span.traceId + span.spanId
      let at = index.get(key)
      if (at === undefined) {
        at = spans.length
        index.set(key, at)
        spans.push(span)
      }
      return at
    },
  }
}

function frameOf({ functionName, url, lineNumber, columnNumber }: V8Node['callFrame']): ProfileFrame {
  const name = functionName || '(anonymous)'
  return url ? { name, file: url, line: lineNumber + 1, col: columnNumber + 1 } : { name }
}

/** A sample stands for half the way to each neighbour; one that has none there, for half an interval. */
function weightAt(at: readonly number[], i: number, intervalUs: number): number {
  const before = i > 0 ? at[i] - at[i - 1] : intervalUs
  const after = i + 1 < at.length ? at[i + 1] - at[i] : intervalUs
  return (before + after) / 2
}
