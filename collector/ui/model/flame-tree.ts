import type { SpeedscopeFile } from '../api.ts'
import { nameOf, type TraceModel } from './trace-model.ts'

/** What a node of a flame graph stands for; times in milliseconds. */
interface Figures {
  /** With what is below. */
  value: number
  /** Of this node alone. */
  self: number
  /** Samples that pass through it, or spans of it. */
  count: number
  /** Samples that end in it, or spans of it. */
  own: number
}

export interface FlameNode extends Figures {
  readonly name: string
  /** Where a function stands, for the tooltip. */
  readonly place?: string | undefined
  /** In a difference of two: what it was in the first. */
  was?: Figures
  children: FlameNode[]
}

const nothing: Figures = { value: 0, self: 0, count: 0, own: 0 }
export const deltaOf = ({ value, was = nothing }: FlameNode): number => value - was.value

/** A speedscope file of one weighted, sampled profile: what of it is drawn. */
export type SampledProfile = Pick<SpeedscopeFile, 'name' | 'shared'> & {
  readonly profiles: readonly Pick<SpeedscopeFile['profiles'][number], 'samples' | 'weights'>[]
}

type Building = FlameNode & { readonly index: Map<string, Building> }

function node(name: string, place?: string): Building {
  return { name, place, ...nothing, children: [], index: new Map() }
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
      at.own++
    }
  }
  return root
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
    made[i].own++
    made[i].self += trace.self[i]
  }
  root.count = trace.count
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
  for (let i = 0; i < order.length; i++) for (const child of order[i].children) order.push(child)
  for (const at of order.toReversed())
    at.value = at.children.reduce((total, child) => total + child.value, at.self)
}

/**
 * B's tree, each node with what it `was` in A. What only A has stands there with the value 0: a flame graph is as wide
 * as B and does not draw it, the table does.
 */
export function difference(a: FlameNode, b: FlameNode): FlameNode {
  const made: FlameNode = { ...b, was: figures(a), children: [] }
  const pending: [FlameNode | undefined, FlameNode | undefined, FlameNode][] = [[a, b, made]]
  for (let next = pending.pop(); next; next = pending.pop()) {
    const [before, after, target] = next
    const gone = new Map(before?.children.map((child) => [keyOf(child), child]))
    for (const child of after?.children ?? []) {
      const was = gone.get(keyOf(child))
      gone.delete(keyOf(child))
      const copy: FlameNode = { ...child, was: figures(was ?? nothing), children: [] }
      target.children.push(copy)
      pending.push([was, child, copy])
    }
    for (const child of gone.values()) {
      const copy: FlameNode = { ...child, ...nothing, was: figures(child), children: [] }
      target.children.push(copy)
      pending.push([child, undefined, copy])
    }
  }
  return made
}

/** Kinds of time that are V8's own and have no callers. */
export const ENGINE_TIME = /^\((?:garbage collector|program|idle)\)$/

/**
 * The tree with the callers that all samples share, beyond the last few, as one node: they tell nothing about the span. Of a
 * difference, fold what came out, so that both sides are folded at the same place.
 */
export function foldCallers(root: FlameNode): FlameNode {
  const shared: FlameNode[] = []
  /** Beside them: what is drawn at the root, and what only the first of a difference has. */
  const beside: FlameNode[] = []
  const aside: FlameNode[] = []
  for (let at = root; at.self === 0 && (at.was?.self ?? 0) === 0; at = shared.at(-1)!) {
    const drawn = at.children.filter(
      ({ name, value }) => value > 0 && !(at === root && ENGINE_TIME.test(name)),
    )
    if (drawn.length !== 1) break
    for (const child of at.children) if (child !== drawn[0]) (at === root ? beside : aside).push(child)
    shared.push(drawn[0])
  }
  const hidden = shared.length - 4
  if (hidden < 3) return root
  const [first] = shared
  // Those from the last four on stay where they are.
  const above = new Set(shared.slice(0, hidden).flatMap(({ children }) => children))
  const callers: FlameNode = {
    ...first,
    name: `… ${hidden} callers`,
    place: undefined,
    children: [shared[hidden], ...aside.filter((child) => above.has(child))],
  }
  return { ...root, children: [callers, ...beside] }
}

const keyOf = ({ name, place }: FlameNode): string => `${name}\n${place}`

function figures({ value, self, count, own }: Figures): Figures {
  return { value, self, count, own }
}

/** The same tree with all times multiplied; counts stay. */
export function scaled(root: FlameNode, factor: number): FlameNode {
  const made: FlameNode = { ...root, children: [] }
  const pending: [FlameNode, FlameNode][] = [[root, made]]
  for (let next = pending.pop(); next; next = pending.pop()) {
    const [from, to] = next
    to.value *= factor
    to.self *= factor
    for (const child of from.children) {
      const copy = { ...child, children: [] }
      to.children.push(copy)
      pending.push([child, copy])
    }
  }
  return made
}

/** Own time of a function or a span's name, wherever it stands in the tree. */
export interface SelfTime {
  readonly name: string
  readonly place: string | undefined
  self: number
  /** Samples that end in it, or spans of it. */
  own: number
  /** The same in the first of a difference. */
  selfWas: number
  ownWas: number
}

/** Self time by function: largest first, in a difference what changed most first. */
export function selfTimes(root: FlameNode): SelfTime[] {
  const totals = new Map<string, SelfTime>()
  const pending = [root]
  for (let at = pending.pop(); at; at = pending.pop()) {
    for (const child of at.children) pending.push(child)
    const { name, place, was = nothing } = at
    if (at.self === 0 && was.self === 0) continue
    let total = totals.get(keyOf(at))
    if (!total) totals.set(keyOf(at), (total = { name, place, self: 0, own: 0, selfWas: 0, ownWas: 0 }))
    total.self += at.self
    total.own += at.own
    total.selfWas += was.self
    total.ownWas += was.own
  }
  const weight = ({ self, selfWas }: SelfTime): number => (root.was ? Math.abs(self - selfWas) : self)
  return [...totals.values()].sort((a, b) => weight(b) - weight(a))
}
