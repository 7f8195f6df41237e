/**
 * Functions of the engine that are a stage. The span of a stage is drawn from timed bars after the run, so no sample
 * falls into it by time: what counts as its CPU are the samples of the run whose stack passes through these.
 */
export const stageFunctions: Readonly<Record<string, readonly string[]>> = {
  'stage.fills': ['fills'],
  'stage.stops': ['stops', 'protect'],
  'stage.mark': ['mark', 'markHeld', 'quiet'],
  'stage.strategy': ['decide', 'onBar'],
  'stage.ranges': ['ranges'],
  'stage.patterns': ['step'],
  'stage.validation': ['validation'],
}
