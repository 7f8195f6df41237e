/** A function in a CPU sample. */
interface StageFrame {
  readonly name: string
  readonly file?: string | undefined
}

/**
 * Functions of the engine that are a stage, as `file function`. The span of a stage is drawn from timed bars after the
 * run, so no sample falls into it by time: what counts as its CPU are the samples of the run whose stack passes through
 * these. A function's name alone would not do: the ranges and the patterns both have a `step`.
 */
const engineStages: Readonly<Record<string, readonly string[]>> = {
  'stage.volume': ['volume-analysis.ts run'],
  'stage.pivots': ['pivots.ts run'],
  'stage.events': ['climax-stream.ts runClimaxes'],
  'stage.ranges': ['signal-run.ts ranges'],
  'stage.patterns': ['wyckoff.ts step'],
  'stage.validation': ['signal-run.ts validation', 'signal-desk.ts judge'],
  'stage.fills': ['simulation.ts fills'],
  'stage.stops': ['simulation.ts stops', 'simulation.ts quiet', 'account.ts protect'],
  'stage.mark': ['simulation.ts mark', 'simulation.ts markTo', 'equity.ts markTo'],
  'stage.strategy': ['simulation.ts decide', 'onBar'],
}

/** What belongs to a stage; undefined when the span is none. */
interface StageRule {
  /** The functions, for a sentence. */
  readonly functions: readonly string[]
  /** Whether the stack, from the root to the leaf, passes through one of them. */
  readonly passes: (stack: readonly StageFrame[]) => boolean
}

/**
 * The rule for a span's name. A stage that is not of this engine is looked for by its own name: the samples of
 * `stage.price` pass through a function `price`.
 */
export function stageRule(spanName: string): StageRule | undefined {
  if (!spanName.startsWith('stage.')) return undefined
  const functions = engineStages[spanName] ?? [spanName.slice('stage.'.length)]
  const rules = functions.map((text) => text.split(' ').toReversed())
  const is = ({ name, file }: StageFrame): boolean =>
    rules.some(
      ([wanted, where]) => name === wanted && (where === undefined || file?.split(/[/\\]/).at(-1) === where),
    )
  return { functions, passes: (stack) => stack.some(is) }
}
