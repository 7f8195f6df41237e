/**
 * The seam through which somebody may watch a run. The engine does not know who: it has no clock, so an
 * observer that wants times reads its own at each call. Calls are synchronous; none is made per bar unless
 * the observer asked for that bar, and none at all when there is no observer.
 */
export interface EngineObserver {
  /** A run begins. Returning undefined means: not this one. */
  runStarted(run: RunDescription): RunObserver | undefined
}

export interface RunDescription {
  readonly kind: 'signals' | 'backtest'
  readonly symbol: string
  readonly timeframe: string
  /** How many bars will come; null when they arrive one by one (`open`), where block times mean nothing. */
  readonly bars: number | null
  /** Names of the stages, in order; later calls name a stage by its position here. */
  readonly stages: readonly string[]
  /** What was asked for: preset, strategy, parameters. Small, flat, not identifying. */
  readonly attributes: Readonly<Record<string, string | number | boolean>>
}

export interface RunObserver {
  /** Bars `first` to `end - 1` come next. Answers with the first of them to be timed alone, or -1 for none. */
  blockStarted(first: number, end: number): number
  /** The bar that the observer asked for begins. */
  barStarted(bar: number): void
  /**
   * A stage has ended: all time since the call before belongs to it. Called for each stage of a timed bar, and
   * for stages that run over a whole block at once.
   */
  stageEnded(stage: number): void
  /** The timed bar has ended. Answers with the next bar of this block to be timed, or -1. */
  barEnded(bar: number): number
  blockEnded(end: number): void
  /**
   * Something rare and worth telling: a pattern, signal, rejection, order, fill, position, phase move.
   * Answers with false when of this kind only the number is wanted from now on (`untold` when the run ends); an
   * engine may ignore that and tell all.
   */
  fact(fact: ObservedFact): boolean | undefined
  /** The run is over. `error` is what it threw, if it did; it is thrown on to the caller unchanged. */
  runEnded(outcome: ObservedEnd): void
}

export interface ObservedEnd {
  readonly bars: number
  /** What the run threw, if it did. */
  readonly error?: unknown
  /** How many facts of each kind were not told, because only their number was wanted. */
  readonly untold?: Readonly<Record<string, number>>
}

export interface ObservedFact {
  readonly kind: string
  /** The bar at which it was known. */
  readonly bar: number
  readonly time: number
  /** What the fact is about, in a word: the kind of a pattern, say. For metrics, so that they need not read the rest. */
  readonly type?: string
  /** Small and flat. May be a getter: it is read only by who wants it, so that a fact nobody shows costs little. */
  readonly attributes: Readonly<Record<string, string | number | boolean>>
}
