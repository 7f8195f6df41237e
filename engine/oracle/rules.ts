/** The numbers of method 8.0 and 8.5 (docs/method.md), typed in a second time from the text. */
export interface Rules {
  strengthMin: number
  climaxRatio: number
  climaxSpread: number
  climaxClose: number
  climaxEffort: boolean
  stDistance: number
  springRatio: number
  sosFromB: boolean
  sosRatio: number
  directConfidence: number
  directRatio: number
  utadRatio: number
  utadLow: number
  utadHigh: number
}

export const rules: Record<'strict' | 'standard', Rules> = {
  strict: {
    strengthMin: 60,
    climaxRatio: 2,
    climaxSpread: 1.5,
    climaxClose: 0.5,
    climaxEffort: true,
    stDistance: 0.02,
    springRatio: 0.7,
    sosFromB: false,
    sosRatio: 1.5,
    directConfidence: 80,
    directRatio: 2,
    utadRatio: 1.5,
    utadLow: 0.005,
    utadHigh: 0.01,
  },
  standard: {
    strengthMin: 40,
    climaxRatio: 1.2,
    climaxSpread: 1.3,
    climaxClose: 0.4,
    climaxEffort: false,
    stDistance: 0.03,
    springRatio: 1.3,
    sosFromB: true,
    sosRatio: 1.1,
    directConfidence: 70,
    directRatio: 1.1,
    utadRatio: 1.2,
    utadLow: 0.002,
    utadHigh: 0.02,
  },
}
