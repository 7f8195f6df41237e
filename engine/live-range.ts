import type { ClimaxZone, Direction } from './climax-stream.ts'
import { causeFactor } from './range-candidate.ts'
import type { RangeCandidate } from './range-candidate.ts'
import type { Bias, Level, Pattern, Phase, RangeStatus } from './signal.ts'
import type { Draft } from './draft.ts'

/** Phases as numbers, so that "from C on" is a comparison; 0 is none. */
const phaseNames = [null, 'A', 'B', 'C', 'D', 'E'] as const
export const inA = 1
export const inB = 2
export const inC = 3
export const inD = 4
export const inE = 5

export const phaseName = (phase: number): Phase | null => phaseNames[phase]!

/** A Spring between its pierce and its recovery. */
export interface OpenSpring {
  readonly bar: number
  readonly ice: Level
  lowest: number
  readonly shortPhaseB: boolean
}

/** A UTAD between its pierce and its failure. */
export interface OpenUtad {
  readonly bar: number
  readonly creek: Level
  readonly phase: number
  readonly phaseConfidence: number
  readonly sos: Breakout | null
}

/** The confirmed Spring (in distribution: UTAD) on which a range's phase C rests. */
interface PhaseCEvent {
  readonly bar: number
  readonly confirmed: number
  confidence: number
}

/** A Spring with its first Test. */
interface TestedSpring {
  readonly bar: number
  readonly testBar: number
}

/** An SOS (in distribution: SOW). */
export interface Breakout {
  readonly bar: number
  readonly confidence: number
  /** It came out of phase B, with neither Spring nor Test. */
  readonly fromB: boolean
  /** It came before any Test: what phase C's confidence was. -1 when there was a Test or it came out of B. */
  readonly lateC: number
  readonly pattern: Draft<Pattern> | null
}

/** A range from the bar at which it became ACTIVE, with all that its rules remember. */
export class LiveRange {
  readonly ordinal: number
  readonly first: number
  readonly activeBar: number
  last!: number
  version = 1
  status: RangeStatus = 'ACTIVE'
  statusReason: string | null = null
  statusBar: number
  iceMean!: number
  creekMean!: number
  quality!: number
  durationPoints!: number
  touchPoints!: number
  tightnessPoints!: number
  dryingPoints!: number
  ice!: Level
  creek!: Level
  cause!: number

  bias: Bias = 'UNDETERMINED'
  direction: Direction = 1
  phase = 0
  phaseBar = -1
  /** Phase confidence as of the close of the bar before the current one. */
  confidence = 0
  /** The confidence has to be worked out afresh. */
  stale = false
  /** Events before this bar are not its own. */
  ownFrom: number
  zone: ClimaxZone | null = null
  /** How many of the zone's tests are known. */
  tests = 0
  /** The bar at which phase B began; it stays when a reset leads back to B. */
  bBegan = -1
  phaseC: PhaseCEvent | null = null
  /** The last Spring of this phase C that has had its Test, which need not be the last Spring. */
  tested: TestedSpring | null = null
  /** A Spring (in distribution: a UTAD) has been confirmed at some time. */
  phaseCSeen = false
  shortPhaseB = false
  breakout: Breakout | null = null
  /** The breakout before the last reset. */
  lastBreakout: Breakout | null = null
  /** Confidence and bar of the LPS (LPSY) that began phase E. */
  pullbackBar = -1
  pullbackConfidence = 0
  /** Whether the breakout's pullback has been found or its time is over. */
  pullbackOpen = false

  spring: OpenSpring | null = null
  awaitingTest: Draft<Pattern>[] = []
  utads: OpenUtad[] = []
  /** The side on which a BREAKOUT range was left. */
  leftUpwards = true
  /** Consecutive closes beyond the side on which the range fails, and beyond the side it would break out of. */
  closesFailed = 0
  closesAway = 0

  constructor(ordinal: number, bar: number, candidate: RangeCandidate) {
    this.ordinal = ordinal
    this.first = candidate.first
    this.activeBar = bar
    this.statusBar = bar
    this.ownFrom = candidate.first - 10
    this.take(candidate)
  }

  get duration(): number {
    return this.last - this.first + 1
  }

  /** From phase C on the levels stand still and no candidate displaces the range (method 4.5). */
  get frozen(): boolean {
    return this.phase >= inC
  }

  get width(): number {
    return this.creek.price - this.ice.price
  }

  get jump(): number {
    return this.creek.price + this.cause * this.width
  }

  get drop(): number | null {
    const drop = this.ice.price - this.cause * this.width
    return drop > 0 ? drop : null
  }

  /** The level the range breaks out of in its direction, and the one on which it fails. */
  get near(): Level {
    return this.direction === 1 ? this.creek : this.ice
  }

  get far(): Level {
    return this.direction === 1 ? this.ice : this.creek
  }

  /** Whether a refresh would bring nothing new. */
  sameAs(last: number, quality: number, ice: Level, creek: Level): boolean {
    return (
      this.last === last &&
      this.quality === quality &&
      this.ice.price === ice.price &&
      this.creek.price === creek.price &&
      this.ice.strength === ice.strength &&
      this.creek.strength === creek.strength
    )
  }

  /** Takes over a candidate that is this same range; its start stays. */
  refresh(candidate: RangeCandidate): void {
    this.take(candidate)
    this.version++
  }

  private take(candidate: RangeCandidate): void {
    this.iceMean = candidate.iceMean
    this.creekMean = candidate.creekMean
    this.last = candidate.last
    this.quality = candidate.quality
    this.durationPoints = candidate.durationPoints
    this.touchPoints = candidate.touchPoints
    this.tightnessPoints = candidate.tightnessPoints
    this.dryingPoints = candidate.dryingPoints
    this.ice = candidate.ice
    this.creek = candidate.creek
    this.cause = causeFactor(this.duration)
  }

  /** Forgets everything that only a range in a phase can have, except the last breakout's story. */
  clearPhase(): void {
    this.phase = 0
    this.phaseBar = -1
    this.confidence = 0
    this.spring = null
    this.awaitingTest = []
    this.utads = []
    this.pullbackOpen = false
  }
}
