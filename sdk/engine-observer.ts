/**
 * What an engine must offer so that its bars can be watched from inside: it takes an `observer` with the arguments of
 * a run and calls it. This is a structural type; an engine declares its own, the same, and imports nothing.
 */
export interface EngineObserver {
  /** A run begins. Returning undefined means: not this one. */
  runStarted(run: RunDescription): RunObserver | undefined
}

/** What an engine tells of a run when it begins. */
export interface RunDescription {
  /** `signals`, `backtest`, or a word of the engine's own; it chooses the span's name and the metrics. */
  readonly kind: string
  readonly symbol: string
  readonly timeframe: string
  /** How many bars will come; null when they arrive one by one, where block times mean nothing. */
  readonly bars: number | null
  /** Names of the stages, in order; later calls name a stage by its position here. */
  readonly stages: readonly string[]
  /** What was asked for. Small, flat, not identifying. */
  readonly attributes: Readonly<Record<string, string | number | boolean>>
}

/** An engine's side of one run: it calls these, in this order. */
export interface RunObserver {
  /** Bars `first` to `end - 1` come next. Answers with the first of them to be timed alone, or -1 for none. */
  blockStarted(first: number, end: number): number
  /** The bar that the observer asked for begins. */
  barStarted(bar: number): void
  /** A stage has ended: all time since the call before belongs to it. */
  stageEnded(stage: number): void
  /** The timed bar has ended. Answers with the next bar of this block to be timed, or -1. */
  barEnded(bar: number): number
  blockEnded(end: number): void
  /**
   * Something rare and worth telling: a pattern, signal, rejection, order, fill.
   * Answers with false when of this kind only the number is wanted from now on (`untold` when the run ends); an
   * engine may ignore that and tell all.
   */
  fact(fact: ObservedFact): boolean | undefined
  /** The run is over. `error` is what it threw, if it did. */
  runEnded(outcome: ObservedEnd): void
}

/** How a run ended, as its engine tells it. */
export interface ObservedEnd {
  readonly bars: number
  /** What the run threw, if it did. */
  readonly error?: unknown
  /** How many facts of each kind were not told, because only their number was wanted. */
  readonly untold?: Readonly<Record<string, number>>
}

/** Something that an engine found at a bar: a pattern, a signal, a rejection. */
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
