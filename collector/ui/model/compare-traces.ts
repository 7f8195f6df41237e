import { nameOf, type TraceModel } from './trace-model.ts'

/** Spans of one path (names from the root down), milliseconds. */
export interface PathStats {
  readonly count: number
  readonly total: number
  readonly self: number
  readonly p50: number
  readonly p95: number
}

export interface PathDifference {
  readonly path: string
  readonly depth: number
  readonly name: string
  readonly a: PathStats | undefined
  readonly b: PathStats | undefined
}

const SEPARATOR = ' › '

/** Both traces by span path, in the order of the trees; what only one has stands there too. */
export function compareTraces(a: TraceModel, b: TraceModel): PathDifference[] {
  const [before, after] = [byPath(a), byPath(b)]
  const paths = [...new Set([...before.keys(), ...after.keys()])].sort()
  return paths.map((path) => {
    const names = path.split(SEPARATOR)
    return {
      path,
      depth: names.length - 1,
      name: names.at(-1) ?? '',
      a: before.get(path),
      b: after.get(path),
    }
  })
}

function byPath(trace: TraceModel): Map<string, PathStats> {
  const paths: string[] = []
  const spans = new Map<string, number[]>()
  const pending = trace.roots.toReversed()
  for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
    const parent = trace.parent[at]
    const path = parent < 0 ? nameOf(trace, at) : `${paths[parent]}${SEPARATOR}${nameOf(trace, at)}`
    paths[at] = path
    const list = spans.get(path)
    if (list) list.push(at)
    else spans.set(path, [at])
    for (let c = trace.childFrom[at]; c < trace.childFrom[at + 1]; c++) pending.push(trace.children[c])
  }
  const stats = new Map<string, PathStats>()
  for (const [path, list] of spans) {
    const durations = list.map((i) => trace.duration[i]).sort((x, y) => x - y)
    stats.set(path, {
      count: list.length,
      total: durations.reduce((sum, ms) => sum + ms, 0),
      self: list.reduce((sum, i) => sum + trace.self[i], 0),
      p50: quantile(durations, 0.5),
      p95: quantile(durations, 0.95),
    })
  }
  return stats
}

/** Nearest rank. */
function quantile(sorted: readonly number[], q: number): number {
  return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? 0
}
