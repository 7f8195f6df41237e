/** What the presets set (method 8.0, 8.5). Fractions 0-1, scores 0-100, lengths in bars. */
export interface Thresholds {
  readonly levelStrengthMin: number
  readonly rangeQualityMin: number
  readonly climaxVolumeMin: number
  readonly climaxSpreadMin: number
  readonly climaxClosePositionMin: number
  readonly climaxEffortRequired: boolean
  readonly arRallyMin: number
  readonly stDistanceMax: number
  readonly stReductionMin: number
  readonly springVolumeMax: number
  readonly springPenetrationMax: number
  readonly sosVolumeMin: number
  readonly sosSpreadMin: number
  readonly sosClosePositionMin: number
  readonly sosBreakoutMin: number
  readonly sosDirectConfidenceMin: number
  readonly sosDirectVolumeMin: number
  /** A breakout may come straight out of phase B, without Spring and Test, with a deduction. */
  readonly sosFromB: boolean
  readonly lpsVolumeMax: number
  readonly lpsAbsorption: boolean
  readonly utadVolumeMin: number
  readonly utadBreakoutMin: number
  readonly utadBreakoutMax: number
  readonly phaseBLengthMin: number
  readonly patternConfidenceMin: number
  readonly phaseConfidenceMin: number
  readonly signalConfidenceMin: number
  readonly rMultipleMin: number
  readonly rMultipleIdeal: number
}

export type Preset = 'standard' | 'strict'

const strict: Thresholds = {
  levelStrengthMin: 60,
  rangeQualityMin: 70,
  climaxVolumeMin: 2,
  climaxSpreadMin: 1.5,
  climaxClosePositionMin: 0.5,
  climaxEffortRequired: true,
  arRallyMin: 0.03,
  stDistanceMax: 0.02,
  stReductionMin: 0.2,
  springVolumeMax: 0.7,
  springPenetrationMax: 0.05,
  sosVolumeMin: 1.5,
  sosSpreadMin: 1.2,
  sosClosePositionMin: 0.5,
  sosBreakoutMin: 0.01,
  sosDirectConfidenceMin: 80,
  sosDirectVolumeMin: 2,
  sosFromB: false,
  lpsVolumeMax: 1,
  lpsAbsorption: false,
  utadVolumeMin: 1.5,
  utadBreakoutMin: 0.005,
  utadBreakoutMax: 0.01,
  phaseBLengthMin: 10,
  patternConfidenceMin: 70,
  phaseConfidenceMin: 70,
  signalConfidenceMin: 70,
  rMultipleMin: 2,
  rMultipleIdeal: 3,
}

/** The two presets: `strict` is the letter of the method, `standard` (the default) the calmer gates of an index. */
export const presets: Readonly<Record<Preset, Thresholds>> = {
  strict,
  standard: {
    ...strict,
    levelStrengthMin: 40,
    climaxVolumeMin: 1.2,
    climaxSpreadMin: 1.3,
    climaxClosePositionMin: 0.4,
    climaxEffortRequired: false,
    stDistanceMax: 0.03,
    springVolumeMax: 1.3,
    sosFromB: true,
    sosVolumeMin: 1.1,
    sosDirectConfidenceMin: 70,
    sosDirectVolumeMin: 1.1,
    utadVolumeMin: 1.2,
    utadBreakoutMin: 0.002,
    utadBreakoutMax: 0.02,
  },
}
