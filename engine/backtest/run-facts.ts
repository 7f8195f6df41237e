import type { RunObserver } from '../observer.ts'

/** What is told of a run as it happens. */
export type FactKind = 'order' | 'fill' | 'position'

/** The facts of a run for its observer, until it has had enough of a kind; from then on their number alone. */
export class RunFacts {
  readonly observer: RunObserver
  /** By kind: -1 while each is told, then how many were not. */
  private readonly counts = { order: -1, fill: -1, position: -1 }

  constructor(observer: RunObserver) {
    this.observer = observer
  }

  /** Whether the next fact of this kind is to be told; when not, it is counted by this. Asked before it is put together. */
  wants(kind: FactKind): boolean {
    const { counts } = this
    if (counts[kind] < 0) return true
    counts[kind]++
    return false
  }

  tell(
    kind: FactKind,
    bar: number,
    time: number,
    attributes: Record<string, string | number | boolean>,
  ): void {
    if (this.observer.fact({ kind, bar, time, attributes }) === false) this.counts[kind] = 0
  }

  /** Facts of each kind that the observer was not told. */
  untold(): Record<string, number> {
    return Object.fromEntries(Object.entries(this.counts).filter(([, count]) => count > 0))
  }
}
