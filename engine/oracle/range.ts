import type { Candidate } from './candidates.ts'
import type { Beginning } from './climaxes.ts'

export type Phase = 'none' | 'A' | 'B' | 'C' | 'D' | 'E'

/** The false break that began phase C: a Spring, or in a distribution a UTAD. In the range's view. */
interface FalseBreak {
  bar: number
  confirmed: number
  /** As known at the confirmation, without Test points. */
  confidence: number
  ratio: number
  low: number
  tested: boolean
}

export interface Spring extends FalseBreak {
  ice: number
  iceStrength: number
  penetration: number
  stMean: number | null
  riskFactor: number
}

export interface Breakout {
  bar: number
  confidence: number
  fromB: boolean
  /** Phase-C confidence on the bar before; null out of B. */
  phaseC: number | null
  /** Whether Spring and Test stood before it. */
  tested: boolean
  done: boolean
}

export interface Pierce {
  bar: number
  creek: number
  creekStrength: number
  phase: Phase
  phaseConfidence: number
}

/** A range that became ACTIVE, with all that section 4.5 and section 7 say it remembers. */
export interface Range {
  start: number
  activeBar: number
  shape: Candidate
  status: 'ACTIVE' | 'BREAKOUT' | 'COMPLETED' | 'ARCHIVED'
  statusBar: number
  bias: 1 | -1 | 0
  phase: Phase
  phaseBar: number
  /** Phase none for good: broken down or escaped. */
  over: boolean
  breakoutSide: 1 | -1
  beginning: Beginning | null
  candidate: { bar: number; ice: number; iceStrength: number; ratio: number; early: boolean } | null
  untested: Spring[]
  falseBreak: FalseBreak | null
  breakout: Breakout | null
  lpsConfidence: number | null
  pierces: Pierce[]
  /** Phase and its confidence as the bar before left them. */
  before: { phase: Phase; confidence: number }
}

export const isLive = (range: Range) => range.status === 'ACTIVE' || range.status === 'BREAKOUT'
/** 4.5.3 */
export const isFrozen = (range: Range) => range.phase === 'C' || range.phase === 'D' || range.phase === 'E'
