import type { BarSeries } from './bar-series.ts'
import type { PatternDesk } from './pattern-desk.ts'
import type { LiveRange } from './live-range.ts'
import type { Draft } from './draft.ts'
import { outOfOrder } from './candidate.ts'
import { inB, inC } from './live-range.ts'
import type { OpenSpring } from './live-range.ts'
import { firstTestBar } from './pattern-desk.ts'
import { springConfidence, springTier, testGrade } from './pattern-scores.ts'
import { phaseConfidence } from './phase-confidence.ts'
import type { Pattern } from './signal.ts'

// Spring and its Test (method 8.1).

/** A range this long in B may be pierced earlier when the market is this restless (method 7.1). */
const restlessMove = 0.03
const restlessLength = 8
const recoveryBars = 5
const testWindow = { first: 3, last: 15 }
const grades = ['ACCEPTABLE', 'GOOD', 'EXCELLENT']

export const stepSpring = (desk: PatternDesk, bars: BarSeries, range: LiveRange, t: number): void => {
  const open = range.spring
  if (open !== null) {
    const low = bars.low[t]
    if (low < open.lowest) open.lowest = low
    const penetration = (open.ice.price - open.lowest) / open.ice.price
    if (penetration > desk.rules.springPenetrationMax) range.spring = null
    else if (bars.close[t] > open.ice.price) {
      range.spring = null
      if (range.phase === inB || range.phase === inC) springRecovered(desk, range, open, t)
    } else if (t - open.bar >= recoveryBars) range.spring = null
    return
  }
  const { ice } = range
  if ((range.phase !== inB && range.phase !== inC) || t <= range.activeBar) return
  if (!(bars.low[t] < ice.price) || !(desk.volume.volumeRatio[t] < desk.rules.springVolumeMax)) return
  if ((ice.price - bars.low[t]) / ice.price > desk.rules.springPenetrationMax) return
  const short = range.phase === inB && !longEnough(desk, bars, range, t)
  if (short && range.tests < 2) return
  range.spring = { bar: t, ice, lowest: bars.low[t], shortPhaseB: short }
}

const longEnough = (desk: PatternDesk, bars: BarSeries, range: LiveRange, t: number): boolean => {
  const length = t - range.bBegan
  if (length >= desk.rules.phaseBLengthMin) return true
  if (length < restlessLength) return false
  const { close } = bars
  let moves = 0
  for (let i = t - 19; i <= t; i++) moves += Math.abs(close[i] - close[i - 1]) / close[i]
  return moves / 20 > restlessMove
}

const springRecovered = (desk: PatternDesk, range: LiveRange, open: OpenSpring, t: number): void => {
  const { bar, ice, lowest } = open
  const score = {
    ratio: desk.volume.volumeRatio[bar],
    penetration: (ice.price - lowest) / ice.price,
    recoveryBars: t - bar,
    iceStrength: ice.strength,
    testsRatio: lastTestsRatio(range, bar),
    tested: false,
  }
  const confidence = springConfidence(score)
  if (open.shortPhaseB && confidence <= 85) return
  desk.journal.event('SPRING', range, bar, t, confidence, lowest)
  range.phaseC = { bar, confirmed: t, confidence }
  range.phaseCSeen = true
  range.stale = true
  if (range.phase === inB) {
    range.shortPhaseB = open.shortPhaseB
    desk.move(range, inC, t, 'spring')
  }
  const pattern = desk.newPattern(
    range,
    'SPRING',
    bar,
    t,
    confidence,
    springTier(score.ratio, score.penetration),
    {
      ice: ice.price,
      spring_low: lowest,
      penetration: score.penetration,
      recovery_bars: score.recoveryBars,
      ice_strength: ice.strength,
      secondary_tests_ratio: Number.isNaN(score.testsRatio) ? null : score.testsRatio,
      short_phase_b: range.shortPhaseB,
    },
  )
  pattern.status = 'awaiting_test'
  range.awaitingTest.push(pattern)
  desk.journal.pattern(range, pattern, t)
}

export const stepTests = (desk: PatternDesk, bars: BarSeries, range: LiveRange, t: number): void => {
  const { awaitingTest } = range
  for (let k = 0; k < awaitingTest.length; k++) {
    const pattern = awaitingTest[k]
    if (t > pattern.bar + testWindow.last) {
      awaitingTest.splice(k--, 1)
      if (pattern.test === null) desk.lapsePattern(range, pattern, t)
    } else if (range.phase === inC && t >= pattern.bar + testWindow.first && t > pattern.confirmedBar) {
      const low = bars.low[t]
      const ratio = desk.volume.volumeRatio[t]
      const springLow = pattern.metadata['spring_low'] as number
      if (low >= springLow && low <= springLow * 1.03 && ratio < pattern.volumeRatio)
        confirmTest(desk, bars, range, pattern, t, testGrade(pattern.volumeRatio, ratio, springLow, low))
    }
  }
}

const confirmTest = (
  desk: PatternDesk,
  bars: BarSeries,
  range: LiveRange,
  pattern: Draft<Pattern>,
  t: number,
  grade: 'EXCELLENT' | 'GOOD' | 'ACCEPTABLE',
): void => {
  const volumeRatio = desk.volume.volumeRatio[t]
  const time = bars.time[t]
  const first = pattern.test
  if (first !== null) {
    const rival = first.best ?? first
    const better = grades.indexOf(grade) - grades.indexOf(rival.grade)
    if (better < 0 || (better === 0 && volumeRatio >= rival.volumeRatio)) return
    pattern.test = { ...first, best: { bar: t, time, volumeRatio, grade } }
    return desk.journal.pattern(range, pattern, t)
  }
  const { metadata } = pattern
  pattern.test = { bar: t, time, volumeRatio, grade, best: null }
  pattern.confidence = springConfidence({
    ratio: pattern.volumeRatio,
    penetration: metadata['penetration'] as number,
    recoveryBars: metadata['recovery_bars'] as number,
    iceStrength: metadata['ice_strength'] as number,
    testsRatio: (metadata['secondary_tests_ratio'] as number | null) ?? Number.NaN,
    tested: true,
  })
  const { phaseC } = range
  if (phaseC !== null && phaseC.bar === pattern.bar) {
    phaseC.confidence = pattern.confidence
    range.stale = true
  }
  range.tested = { bar: pattern.bar, testBar: t }
  pattern.phaseConfidence = phaseConfidence(range, t)
  desk.journal.event('TEST', range, t, t, pattern.confidence, bars.low[t])
  const { zone } = range
  desk.offer(bars, range, pattern, t, {
    missing: outOfOrder([
      ['SC', zone!.extremeBar],
      ['AR', zone!.rallyBar],
      ['ST', firstTestBar(range)],
      ['SPRING', pattern.bar],
      ['TEST', t],
    ]),
    remark: null,
    testRatio: volumeRatio,
    level: metadata['ice'] as number,
    extreme: metadata['spring_low'] as number,
  })
  desk.journal.pattern(range, pattern, t)
}

/** Mean volume ratio of the last two secondary tests before `bar`; NaN for none. */
const lastTestsRatio = (range: LiveRange, bar: number): number => {
  let sum = 0
  let count = 0
  for (let k = range.tests - 1; k >= 0 && count < 2; k--) {
    const test = range.zone!.tests[k]
    if (test.bar >= bar) continue
    sum += test.ratio
    count++
  }
  return count === 0 ? Number.NaN : sum / count
}
