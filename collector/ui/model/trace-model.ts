import type { TraceColumns as Columns } from '../api.ts'

/** A trace as the API sends it for drawing: columns, by start time. */
export type TraceColumns = Omit<Columns, 'kind'> & { readonly traceId: string }

/** One trace for all views: a forest in typed arrays. Times are milliseconds after its earliest start. */
export interface TraceModel {
  readonly traceId: string
  readonly startTimeUnixNano: string
  readonly count: number
  readonly names: readonly string[]
  readonly services: readonly string[]
  readonly spanIds: string
  readonly name: Int32Array
  readonly service: Int32Array
  readonly start: Float64Array
  readonly duration: Float64Array
  /** Duration without what any child covers. */
  readonly self: Float64Array
  readonly status: Uint8Array
  /** -1 for a root; no cycles. */
  readonly parent: Int32Array
  readonly depth: Int32Array
  /** Children of `i`: `children[childFrom[i]]` to `children[childFrom[i + 1] - 1]`, by start. */
  readonly children: Int32Array
  readonly childFrom: Int32Array
  readonly roots: readonly number[]
  /** Spans with a parent that is not here, or whose parents went in a circle; each is shown as a root. */
  readonly adopted: ReadonlySet<number>
  /** Errors in the span and below it. */
  readonly errorsBelow: Int32Array
  readonly endMs: number
}

export function readTrace(columns: TraceColumns): TraceModel {
  const count = columns.parent.length
  const parent = Int32Array.from(columns.parent)
  const adopted = new Set<number>()
  breakCycles(parent, adopted)
  const childFrom = new Int32Array(count + 1)
  for (const at of parent) if (at >= 0) childFrom[at + 1]++
  for (let i = 0; i < count; i++) childFrom[i + 1] += childFrom[i]
  const children = new Int32Array(childFrom[count])
  const next = childFrom.slice()
  const roots: number[] = []
  for (let i = 0; i < count; i++) {
    const at = parent[i]
    if (at >= 0) children[next[at]++] = i
    else roots.push(i)
  }
  const start = Float64Array.from(columns.startNs, (ns) => ns / 1e6)
  const duration = Float64Array.from(columns.durationNs, (ns) => Math.max(0, ns) / 1e6)
  const status = Uint8Array.from(columns.status)
  const depth = new Int32Array(count)
  const errorsBelow = new Int32Array(count)
  const self = new Float64Array(count)
  let endMs = 0
  const order = preorder(roots, children, childFrom)
  for (const i of order) {
    if (parent[i] >= 0) depth[i] = depth[parent[i]] + 1
    self[i] = selfTime(i, start, duration, children, childFrom)
    endMs = Math.max(endMs, start[i] + duration[i])
  }
  for (const i of order.toReversed()) {
    if (status[i] === 2) errorsBelow[i]++
    if (parent[i] >= 0) errorsBelow[parent[i]] += errorsBelow[i]
  }
  return {
    traceId: columns.traceId,
    startTimeUnixNano: columns.startTimeUnixNano,
    count,
    names: columns.names,
    services: columns.services,
    spanIds: columns.spanIds,
    name: Int32Array.from(columns.name),
    service: Int32Array.from(columns.service),
    start,
    duration,
    self,
    status,
    parent,
    depth,
    children,
    childFrom,
    roots,
    adopted,
    errorsBelow,
    endMs,
  }
}

export function spanIdOf(trace: TraceModel, span: number): string {
  return trace.spanIds.slice(span * 16, span * 16 + 16)
}

/** Position of a span id, -1 when it is not in the trace. */
export function findSpan(trace: TraceModel, id: string): number {
  if (id.length !== 16) return -1
  for (let at = trace.spanIds.indexOf(id); at >= 0; at = trace.spanIds.indexOf(id, at + 1)) {
    if (at % 16 === 0) return at / 16
  }
  return -1
}

export function nameOf(trace: TraceModel, span: number): string {
  return trace.names[trace.name[span]] ?? ''
}

/** Makes a root of each span whose parent is missing, and of one span of each circle. */
function breakCycles(parent: Int32Array, adopted: Set<number>): void {
  /** 0 not seen, else the walk that saw it. */
  const seen = new Int32Array(parent.length)
  for (let i = 0; i < parent.length; i++) {
    if (parent[i] === -2) {
      adopted.add(i)
      parent[i] = -1
    }
  }
  for (let i = 0; i < parent.length; i++) {
    let at = i
    while (at >= 0 && seen[at] === 0) {
      seen[at] = i + 1
      at = parent[at]
    }
    if (at >= 0 && seen[at] === i + 1) {
      adopted.add(at)
      parent[at] = -1
    }
  }
}

function preorder(roots: readonly number[], children: Int32Array, childFrom: Int32Array): Int32Array {
  const order = new Int32Array(childFrom.length - 1)
  let length = 0
  const pending = roots.toReversed()
  for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
    order[length++] = at
    for (let c = childFrom[at + 1] - 1; c >= childFrom[at]; c--) pending.push(children[c])
  }
  return order
}

/** Children are by start, so their union is one pass. What lies outside of the parent (clock skew) takes nothing. */
function selfTime(
  span: number,
  start: Float64Array,
  duration: Float64Array,
  children: Int32Array,
  childFrom: Int32Array,
): number {
  const end = start[span] + duration[span]
  let covered = 0
  let until = start[span]
  for (let c = childFrom[span]; c < childFrom[span + 1]; c++) {
    const child = children[c]
    const from = Math.max(start[child], until)
    const to = Math.min(start[child] + duration[child], end)
    if (to <= from) continue
    covered += to - from
    until = to
  }
  return Math.max(0, duration[span] - covered)
}

/**
 * The spans that the end of the longest root waited for: from its end backwards, the child that ended last before the
 * moment looked at, then what came before that child began.
 */
export function criticalPath(trace: TraceModel): Set<number> {
  const { roots, duration, start, children, childFrom } = trace
  const path = new Set<number>()
  const [first] = roots.toSorted((a, b) => duration[b] - duration[a])
  if (first === undefined) return path
  const pending = [first]
  for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
    path.add(at)
    const byEnd = [...children.subarray(childFrom[at], childFrom[at + 1])].sort(
      (a, b) => start[b] + duration[b] - start[a] - duration[a],
    )
    let moment = start[at] + duration[at] + 1e-3
    for (const child of byEnd) {
      if (start[child] + duration[child] > moment || start[child] >= moment) continue
      pending.push(child)
      moment = start[child]
    }
  }
  return path
}
