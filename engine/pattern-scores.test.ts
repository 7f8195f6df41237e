import { describe, expect, it } from 'vitest'
import {
  breakoutConfidence,
  breakoutTier,
  pullbackGrades,
  springConfidence,
  springTier,
  testGrade,
  utadConfidence,
  utadTier,
} from './pattern-scores.ts'

describe('scores', () => {
  const spring = {
    ratio: 0.25,
    penetration: 0.015,
    recoveryBars: 1,
    iceStrength: 85,
    testsRatio: 0.5,
    tested: false,
  }

  it('of a Spring follow method 8.1', () => {
    expect(springConfidence({ ...spring, testsRatio: Number.NaN, iceStrength: 60, recoveryBars: 2 })).toBe(
      100,
    )
    expect(springConfidence({ ...spring, ratio: 0.35, testsRatio: Number.NaN, iceStrength: 60 })).toBe(
      30 + 35 + 25 + 5,
    )
    expect(springConfidence(spring)).toBe(100)
    expect(springConfidence({ ...spring, ratio: 0.65, penetration: 0.045, recoveryBars: 5 })).toBe(
      5 + 5 + 10 + 10,
    )
    expect(
      springConfidence({ ...spring, ratio: 0.55, penetration: 0.005, recoveryBars: 2, iceStrength: 70 }),
    ).toBe(10 + 20 + 20 + 7 + 5)
    expect(springConfidence({ ...spring, ratio: 0.9, recoveryBars: 3, iceStrength: 45, tested: true })).toBe(
      5 + 35 + 15 + 20 + 5,
    )
    expect([springTier(0.29, 0.02), springTier(0.45, 0.03), springTier(0.5, 0.01)]).toEqual([
      'IDEAL',
      'GOOD',
      'ACCEPTABLE',
    ])
    expect([testGrade(1, 0.6, 100, 101), testGrade(1, 0.75, 100, 102), testGrade(1, 0.9, 100, 100)]).toEqual([
      'EXCELLENT',
      'GOOD',
      'ACCEPTABLE',
    ])
  })

  it('of an SOS are linear between the ends and truncated', () => {
    const sos = { ratio: 2.5, spreadRatio: 1.5, closePosition: 0.8, distance: 0.03, rangeAge: 20, phaseC: 85 }
    expect(breakoutConfidence(sos)).toBe(35 + 20 + 20 + 15 + 10 + 5 - 5)
    expect(breakoutConfidence({ ...sos, phaseC: 0, ratio: 2.4 })).toBe(33 + 20 + 20 + 15 + 10)
    expect(
      breakoutConfidence({
        ratio: 1.85,
        spreadRatio: 1.35,
        closePosition: 0.6,
        distance: 0.02,
        rangeAge: 15,
        phaseC: 70,
      }),
    ).toBe(21 + 17 + 10 + 12 + 7 + 3)
    expect(
      breakoutConfidence({
        ratio: 1.1,
        spreadRatio: 1.2,
        closePosition: 0.5,
        distance: 0.01,
        rangeAge: 5,
        phaseC: 0,
      }),
    ).toBe(15 + 15 + 5 + 10 + 5)
    expect([breakoutTier(0.02, 2.5), breakoutTier(0.02, 2), breakoutTier(0.019, 3)]).toEqual([
      'EXCELLENT',
      'GOOD',
      'ACCEPTABLE',
    ])
  })

  it('of an LPS add distance, effort and slope to at least 80', () => {
    const lps = {
      breakoutConfidence: 60,
      distance: 0.005,
      volumeShare: 0.5,
      spreadShare: 0.7,
      volumeSlope: -0.1,
    }
    expect(pullbackGrades(lps)).toEqual({
      confidence: 100,
      distance: 'PREMIUM',
      volume: 'EXCELLENT',
      spread: 'NARROW',
      effort: 'NO_SUPPLY',
    })
    expect(
      pullbackGrades({ ...lps, distance: 0.03, volumeShare: 1.2, spreadShare: 1.3, volumeSlope: 0.1 }),
    ).toMatchObject({ confidence: 80 - 15 - 5, effort: 'SELLING_PRESSURE' })
    expect(pullbackGrades({ ...lps, volumeShare: 0.8, spreadShare: 1, volumeSlope: 0 })).toMatchObject({
      confidence: 80 + 10 + 5,
      effort: 'HEALTHY_PULLBACK',
    })
  })

  it('of a UTAD follow method 8.4, with the lowest tiers up to the gates', () => {
    expect(utadConfidence(0.007, 2, 2)).toBe(100)
    expect(utadConfidence(0.009, 1.7, 3)).toBe(85)
    expect(utadConfidence(0.015, 1.3, 1)).toBe(90)
    expect([utadTier(0.007, 2, 2), utadTier(0.005, 1.7, 1), utadTier(0.007, 2, 3)]).toEqual([
      'IDEAL',
      'GOOD',
      'ACCEPTABLE',
    ])
  })
})
