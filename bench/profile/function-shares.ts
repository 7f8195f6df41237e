import { type FlameNode, selfTimes } from '../../collector/ui/model/flame-tree.ts'

/** From here on a function is listed and has to be addressed or justified. */
export const shareAbove = 0.05

interface FunctionShare {
  readonly name: string
  readonly place: string | undefined
  /** Of itself, without what it calls, per unit of work. */
  readonly self: number
  /** `self` of the whole, a fraction. */
  readonly share: number
  /** With what it calls, a fraction; a function that calls itself counts once. */
  readonly totalShare: number
}

/** All functions of a flame tree, those that take most themselves first. */
export function functionShares(root: FlameNode): FunctionShare[] {
  const totals = new Map<string, number>()
  const walk = (node: FlameNode, above: ReadonlySet<string>): void => {
    const key = keyOf(node)
    if (!above.has(key)) totals.set(key, (totals.get(key) ?? 0) + node.value)
    const path = new Set(above).add(key)
    for (const child of node.children) walk(child, path)
  }
  walk(root, new Set())
  return selfTimes(root).map(({ name, place, self }) => ({
    name,
    place,
    self,
    share: self / root.value,
    totalShare: (totals.get(keyOf({ name, place })) ?? 0) / root.value,
  }))
}

function keyOf({ name, place }: { name: string; place?: string | undefined }): string {
  return `${name}\n${place}`
}
