import type { Draft } from './draft.ts'
import type { LiveRange } from './live-range.ts'
import type { Level, Pattern } from './signal.ts'

/** A pattern that asks to become a signal, with everything it may rest on as it stood at that bar. */
export interface Candidate {
  readonly pattern: Draft<Pattern>
  readonly range: LiveRange
  readonly bar: number
  readonly ice: Level
  readonly creek: Level
  readonly jump: number
  readonly drop: number | null
  readonly causeFactor: number
  readonly duration: number
  readonly phase: Pattern['phase']
  readonly phaseConfidence: number
  /** A prerequisite that is missing or out of order; null for none. */
  readonly missing: string | null
  /** What the phase stage warns of; null for nothing. */
  readonly remark: string | null
  readonly shortPhaseB: boolean
  /** Volume ratio of a Spring's Test. */
  readonly testRatio: number | null
  readonly absorption: boolean
  /** What the plan is made of: the level as known at the pattern, and its own extreme price. */
  readonly base: { readonly level: number; readonly extreme: number; readonly close: number }
}

/**
 * Checks that events exist and follow one another. Takes names with bars in the order required; -1 is missing.
 * Answers with the first fault, or null.
 */
export const outOfOrder = (chain: readonly (readonly [name: string, bar: number])[]): string | null => {
  let before = -1
  let last = ''
  for (const [name, bar] of chain) {
    if (bar === -1) return `${name} is missing`
    if (bar < before) return `${name} lies before ${last}`
    before = bar
    last = name
  }
  return null
}
