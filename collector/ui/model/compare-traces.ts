import { nameOf, type TraceModel } from './trace-model.ts'

/** Spans of one path (names from the root down), milliseconds. */
interface PathStats {
  readonly count: number
  readonly total: number
  readonly self: number
  readonly p50: number
  readonly p95: number
}

export interface PathDifference {
  readonly name: string
  /** How many names stand above it. */
  readonly depth: number
  readonly above: PathDifference | undefined
  readonly a: PathStats | undefined
  readonly b: PathStats | undefined
}

/** Names from the root down. */
export function pathOf(row: PathDifference): string[] {
  const names: string[] = []
  for (let at: PathDifference | undefined = row; at; at = at.above) names.push(at.name)
  return names.reverse()
}

interface Path {
  readonly name: string
  /** Spans of each trace. */
  readonly spans: readonly [number[], number[]]
  readonly below: Map<string, Path>
}

const emptyPath = (name: string): Path => ({ name, spans: [[], []], below: new Map() })

/** Both traces by span path, each path after the one above it; what only one trace has stands there too. */
export function compareTraces(a: TraceModel, b: TraceModel): PathDifference[] {
  const root = emptyPath('')
  for (const [side, trace] of [a, b].entries()) gather(trace, side, root)
  const rows: PathDifference[] = []
  const pending: [Path, PathDifference | undefined][] = []
  const push = ({ below }: Path, above: PathDifference | undefined): void => {
    for (const path of [...below.values()].reverse()) pending.push([path, above])
  }
  push(root, undefined)
  for (let next = pending.pop(); next; next = pending.pop()) {
    const [path, above] = next
    const [inA, inB] = path.spans
    const row = {
      name: path.name,
      depth: above ? above.depth + 1 : 0,
      above,
      a: statsOf(a, inA),
      b: statsOf(b, inB),
    }
    rows.push(row)
    push(path, row)
  }
  return rows
}

function gather(trace: TraceModel, side: number, root: Path): void {
  const paths: Path[] = []
  const pending = trace.roots.toReversed()
  for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
    const above = paths[trace.parent[at]] ?? root
    const name = nameOf(trace, at)
    let found = above.below.get(name)
    if (!found) above.below.set(name, (found = emptyPath(name)))
    found.spans[side].push(at)
    paths[at] = found
    for (let c = trace.childFrom[at + 1] - 1; c >= trace.childFrom[at]; c--) pending.push(trace.children[c])
  }
}

function statsOf(trace: TraceModel, spans: readonly number[]): PathStats | undefined {
  if (spans.length === 0) return undefined
  const durations = spans.map((i) => trace.duration[i]).sort((x, y) => x - y)
  return {
    count: spans.length,
    total: durations.reduce((sum, ms) => sum + ms, 0),
    self: spans.reduce((sum, i) => sum + trace.self[i], 0),
    p50: quantile(durations, 0.5),
    p95: quantile(durations, 0.95),
  }
}

/** Nearest rank. */
function quantile(sorted: readonly number[], q: number): number {
  return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? 0
}
