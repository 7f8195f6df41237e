/** What a benchmark is. One small file in `cases/` holds one or a few of them as its default export. */
export interface BenchCase {
  /** `file/variant`: the part before the slash is the name of its file in `cases/`. */
  readonly name: string
  /** What one unit of work is, in the singular: `bar`, `request`, `record`. */
  readonly unit: string
  /** One sentence: what happens in one unit. */
  readonly about: string
  readonly budgets: readonly Budget[]
  /** Whether the gate compares it (default true). Keep long cases out: each round runs it in a fresh process. */
  readonly gate?: boolean
  /** Whether `--quick` runs it (default true). */
  readonly quick?: boolean
  /** Whether the gate also counts its instructions with callgrind (default false): pure synchronous kernels only. */
  readonly kernel?: boolean
  setup(context: SetupContext): Work | Promise<Work>
}

export interface SetupContext {
  readonly seed: number
  readonly quick: boolean
  /** False in the gate, which times the subject alone: skip costly rivals then. */
  readonly rivals: boolean
}

/** A case that cannot run on this machine throws this from `setup`; it is reported as skipped, never as passed. */
export class CannotRunHere extends Error {
  override readonly name = 'CannotRunHere'
}

export interface Work {
  /** Units in one call of `run`. */
  readonly units: number
  /** True for work in a process of its own: `run` then returns the time of its iteration in ns. */
  readonly timesItself?: boolean
  /** Called before each iteration, not timed: bring unseen data. */
  prepare?(): void | Promise<void>
  /** One iteration. The clock stops when what it returns has resolved. */
  run(): unknown
  /** Others on the same work, timed in turn with the subject, round by round. */
  readonly rivals?: readonly Rival[]
  /** Called once after the warm-up; throws when subject and rivals disagree about the result. */
  verify?(): void | Promise<void>
  /** What else was seen, as sentences for the report; asked after the last round. */
  notes?(): readonly string[]
  close?(): void | Promise<void>
}

export interface Rival {
  readonly name: string
  readonly units: number
  /** True for a process of its own: `run` then returns the time of its iteration in ns. */
  readonly timesItself?: boolean
  prepare?(): void | Promise<void>
  /** One iteration. */
  run(): unknown
}

type Statistic = 'p25' | 'p50' | 'p95' | 'p99'

/** Times are ns per unit. A budget always says why it is what it is. */
export type Budget =
  | {
      readonly kind: 'ceiling'
      readonly maxNs: number
      readonly statistic?: Statistic
      readonly reason: string
    }
  /** Median over the rounds of subject / rival, p25 of each round, per unit. */
  | { readonly kind: 'ratio'; readonly rival: string; readonly max: number; readonly reason: string }
  /** Subject less rival, p25 of each over all rounds, per unit: what something adds to work that takes next to nothing. */
  | { readonly kind: 'extra'; readonly rival: string; readonly maxNs: number; readonly reason: string }
  /** Heap bytes per unit, counted in a process of its own in which no garbage is collected; with `columns` typed arrays too. */
  | {
      readonly kind: 'allocation'
      readonly maxBytes: number
      readonly columns?: boolean
      readonly reason: string
    }
