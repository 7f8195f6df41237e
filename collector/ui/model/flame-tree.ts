import { nameOf, type TraceModel } from './trace-model.ts'

/** A node of a flame graph. `value` includes what is below; `delta` is there in a difference of two. */
export interface FlameNode {
  readonly name: string
  /** Where a function stands, for the tooltip. */
  readonly place?: string | undefined
  value: number
  /** Of this node alone. */
  self: number
  /** Samples or spans that `value` is the sum of. */
  count: number
  delta?: number
  children: FlameNode[]
}

/** A speedscope file of one weighted, sampled profile, as the sidecar answers. */
export interface SampledProfile {
  readonly name: string
  readonly shared: {
    readonly frames: readonly {
      readonly name: string
      readonly file?: string
      readonly line?: number
    }[]
  }
  readonly profiles: readonly {
    readonly samples: readonly (readonly number[])[]
    readonly weights: readonly number[]
  }[]
}

type Building = FlameNode & { readonly index: Map<string, Building> }

function node(name: string, place?: string): Building {
  return { name, place, value: 0, self: 0, count: 0, children: [], index: new Map() }
}

function childOf(parent: Building, key: string, name: string, place?: string): Building {
  let child = parent.index.get(key)
  if (child === undefined) {
    child = node(name, place)
    parent.index.set(key, child)
    parent.children.push(child)
  }
  return child
}

/** Stacks of CPU samples, merged from the root down; values in milliseconds. */
export function flameOfSamples(profile: SampledProfile): FlameNode {
  const root = node('all samples')
  const { frames } = profile.shared
  for (const { samples, weights } of profile.profiles) {
    for (const [i, stack] of samples.entries()) {
      const ms = weights[i] / 1000
      let at = root
      take(at, ms)
      for (const position of stack) {
        const { name, file, line } = frames[position]
        at = childOf(at, `${name}\n${file}\n${line}`, name, file && `${shortFile(file)}:${line ?? ''}`)
        take(at, ms)
      }
      at.self += ms
    }
  }
  foldCallers(root)
  return root
}

/** Callers that all samples share, beyond the last few, as one node: they tell nothing about the span. */
function foldCallers(root: FlameNode): void {
  const shared: FlameNode[] = []
  for (let at = root; at.children.length === 1 && at.self === 0; at = at.children[0])
    shared.push(at.children[0])
  const hidden = shared.length - 4
  if (hidden < 3) return
  const { value, count } = root
  root.children = [
    { name: `… ${hidden} callers`, place: undefined, value, self: 0, count, children: [shared[hidden]] },
  ]
}

function take(at: Building, ms: number): void {
  at.value += ms
  at.count++
}

export function shortFile(file: string): string {
  const path = file.replace(/^file:\/\//, '')
  const known = /(?:node_modules\/|\/(?=(?:sdk|engine|service|collector|bench|examples)\/))(.*)$/.exec(path)
  return known ? known[1] : path.split('/').slice(-2).join('/')
}

/**
 * Spans of one name under one path, merged. A child's time beyond its parent's own (parallel or late children) makes
 * the parent wider than it was, so that no child is drawn outside of it.
 */
export function flameOfSpans(trace: TraceModel): FlameNode {
  const root = node('all spans')
  const made: Building[] = []
  for (const [i, path] of eachPath(trace)) {
    const parent = path < 0 ? root : made[path]
    made[i] = childOf(parent, nameOf(trace, i), nameOf(trace, i))
    made[i].count++
    made[i].self += trace.self[i]
  }
  sum(root)
  return root
}

/** Spans with their parents, a parent before its children whatever their clocks say. */
function* eachPath(trace: TraceModel): Generator<[number, number]> {
  const pending = trace.roots.toReversed()
  for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
    yield [at, trace.parent[at]]
    for (let c = trace.childFrom[at + 1] - 1; c >= trace.childFrom[at]; c--) pending.push(trace.children[c])
  }
}

function sum(root: FlameNode): void {
  const order = [root]
  for (let i = 0; i < order.length; i++) order.push(...order[i].children)
  for (const at of order.toReversed())
    at.value = at.children.reduce((total, child) => total + child.value, at.self)
}

/** B's tree with `delta` = B minus A; what only A has stands there with the value 0 and is listed, not drawn. */
export function difference(a: FlameNode, b: FlameNode): FlameNode {
  const made: FlameNode = { ...b, delta: b.value - a.value, children: [] }
  const pending: [FlameNode | undefined, FlameNode, FlameNode][] = [[a, b, made]]
  for (let next = pending.pop(); next; next = pending.pop()) {
    const [before, after, target] = next
    for (const child of after.children) {
      const was = before?.children.find(({ name, place }) => name === child.name && place === child.place)
      const copy: FlameNode = { ...child, delta: child.value - (was?.value ?? 0), children: [] }
      target.children.push(copy)
      pending.push([was, child, copy])
    }
  }
  return made
}

export interface FunctionTotal {
  readonly name: string
  readonly place: string | undefined
  self: number
  /** Samples whose leaf it is. */
  samples: number
}

/** Self time by function, largest first. */
export function selfTimes(root: FlameNode): FunctionTotal[] {
  const totals = new Map<string, FunctionTotal>()
  const pending = [root]
  for (let at = pending.pop(); at; at = pending.pop()) {
    pending.push(...at.children)
    if (at.self === 0) continue
    const key = `${at.name}\n${at.place}`
    let total = totals.get(key)
    if (!total) totals.set(key, (total = { name: at.name, place: at.place, self: 0, samples: 0 }))
    total.self += at.self
    total.samples += at.count - at.children.reduce((sum, child) => sum + child.count, 0)
  }
  return [...totals.values()].sort((a, b) => b.self - a.self)
}
