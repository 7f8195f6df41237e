import type { TraceModel } from './trace-model.ts'

/** Siblings of one name beyond this many are shown as one row. */
const FOLD_ABOVE = 12

/** Lines of the waterfall. A row is a span, or stands for `count` siblings of one name. */
export interface Rows {
  readonly span: Int32Array
  /** 1 for a span, the number of spans for a fold. */
  readonly count: Int32Array
  readonly depth: Int32Array
  readonly length: number
}

export interface RowState {
  /** Spans whose children are hidden. */
  readonly closed: ReadonlySet<number>
  /** `parent:name` of folds that are shown span by span. */
  readonly unfolded: ReadonlySet<string>
  /** Only these and the spans above them, when there is a search. */
  readonly matches?: ReadonlySet<number> | undefined
}

export const foldKey = (trace: TraceModel, span: number): string =>
  `${trace.parent[span]}:${trace.name[span]}`

export function listRows(trace: TraceModel, { closed, unfolded, matches }: RowState): Rows {
  // Each span takes one row at most, each fold one more, and a fold has more than FOLD_ABOVE spans.
  const room = trace.count + Math.ceil(trace.count / FOLD_ABOVE)
  const span = new Int32Array(room)
  const count = new Int32Array(room)
  const depth = new Int32Array(room)
  let length = 0
  const wanted = matches && withParents(trace, matches)
  const add = (at: number, of: number, level: number): void => {
    span[length] = at
    count[length] = of
    depth[length++] = level
  }
  const { children, childFrom } = trace
  // Two stacks instead of recursion: a trace may be 100,000 deep.
  const pending: number[] = []
  const push = (siblings: ArrayLike<number>, from: number, to: number): void => {
    const group = new Map<number, number>()
    for (let c = from; c < to; c++)
      group.set(trace.name[siblings[c]], (group.get(trace.name[siblings[c]]) ?? 0) + 1)
    const told = new Set<number>()
    const list: number[] = []
    for (let c = from; c < to; c++) {
      const at = siblings[c]
      const name = trace.name[at]
      const size = group.get(name)!
      if (wanted) {
        if (wanted.has(at)) list.push(at, 1)
      } else if (size <= FOLD_ABOVE) list.push(at, 1)
      else if (!told.has(name)) {
        told.add(name)
        list.push(at, size)
        if (unfolded.has(foldKey(trace, at))) {
          for (let d = c; d < to; d++) if (trace.name[siblings[d]] === name) list.push(siblings[d], 1)
        }
      }
    }
    for (let i = list.length - 2; i >= 0; i -= 2) pending.push(list[i], list[i + 1])
  }
  push(trace.roots, 0, trace.roots.length)
  while (pending.length > 0) {
    const of = pending.pop()!
    const at = pending.pop()!
    add(at, of, trace.depth[at])
    if (of === 1 && !closed.has(at)) push(children, childFrom[at], childFrom[at + 1])
  }
  return { span, count, depth, length }
}

function withParents(trace: TraceModel, matches: ReadonlySet<number>): Set<number> {
  const wanted = new Set<number>()
  for (const match of matches) {
    for (let at = match; at >= 0 && !wanted.has(at); at = trace.parent[at]) wanted.add(at)
  }
  return wanted
}
