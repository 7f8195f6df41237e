import { createSignalEngine, type SignalEngine } from '@tapescope/engine'
import { instrumentSignalEngine } from '@tapescope/sdk'
import { servicePreset } from './decision-chain.ts'

export interface AnalysisEngines {
  /** Whose signals are stored. */
  live: SignalEngine
  /** The same for questions: what it finds again is not counted as found. */
  replay: SignalEngine
}

/** The service's signal engine, observed. */
export function createAnalysisEngines(): AnalysisEngines {
  const engine = createSignalEngine({ preset: servicePreset })
  return {
    live: instrumentSignalEngine(engine),
    // The facts of a question are in its answer, and those that were stored in the trace that stored them: of these runs a
    // span tells how many there are of each kind.
    replay: instrumentSignalEngine(engine, { mode: 'replay', maxFacts: 0 }),
  }
}
