import type { BarSeries } from './bar-series.ts'
import type { PatternDesk } from './pattern-desk.ts'
import type { LiveRange } from './live-range.ts'
import { outOfOrder } from './candidate.ts'
import { favourable } from './climax-stream.ts'
import { inB, inD, inE } from './live-range.ts'
import { firstTestBar } from './pattern-desk.ts'
import { breakoutConfidence, breakoutTier, pullbackGrades } from './pattern-scores.ts'
import { fromBDeduction, mean, relativeSlope } from './phase-confidence.ts'
import { effortAbsorption } from './volume-analysis.ts'

// SOS and LPS, and their mirrors SOW and LPSY (method 8.2, 8.3).

const pullbackWindow = 10

export const stepBreakout = (
  desk: PatternDesk,
  bars: BarSeries,
  range: LiveRange,
  t: number,
  phaseCBefore: number,
): void => {
  const { rules, volume } = desk
  const { direction, near } = range
  const close = bars.close[t]
  if (direction * (close - near.price * (1 + direction * rules.sosBreakoutMin)) < 0) return
  const ratio = volume.volumeRatio[t]
  const spreadRatio = volume.spreadRatio[t]
  if (!(ratio >= rules.sosVolumeMin) || !(spreadRatio >= rules.sosSpreadMin)) return
  const closePosition = favourable(bars, direction, t)
  if (closePosition < rules.sosClosePositionMin || t < 25 || t <= range.activeBar) return
  const fromB = range.phase === inB
  if (fromB && t - range.bBegan < rules.phaseBLengthMin) return
  const distance = (direction * (close - near.price)) / near.price
  const confidence = breakoutConfidence({
    ratio,
    spreadRatio,
    closePosition,
    distance,
    rangeAge: t - range.first,
    phaseC: phaseCBefore,
  })
  const late = !fromB && direction === 1 && range.tested === null
  range.stale = true
  range.status = 'BREAKOUT'
  range.statusReason = direction === 1 ? 'SOS' : 'SOW'
  range.statusBar = t
  range.leftUpwards = direction === 1
  range.pullbackOpen = true
  range.breakout = { bar: t, confidence, fromB, lateC: late ? phaseCBefore : -1, pattern: null }
  desk.lapse(range, t)
  desk.journal.left(range, t, range.statusReason, direction === 1)
  desk.journal.event(direction === 1 ? 'SOS' : 'SOW', range, t, t, confidence, close)
  desk.move(range, inD, t, range.statusReason)
  if (direction === -1) return

  const pattern = desk.newPattern(
    range,
    'SOS',
    t,
    t,
    confidence - (fromB ? fromBDeduction : 0),
    breakoutTier(distance, ratio),
    {
      creek: near.price,
      breakout: distance,
      close_position: closePosition,
      detector_confidence: confidence,
      from_b: fromB,
      late_c: late,
    },
  )
  range.breakout = { ...range.breakout, pattern }
  if (confidence < rules.sosDirectConfidenceMin || ratio < rules.sosDirectVolumeMin) {
    pattern.status = 'pending_lps'
    return desk.journal.pattern(range, pattern, t)
  }
  desk.offer(bars, range, pattern, t, {
    ...breakoutChain(range, []),
    testRatio: null,
    level: near.price,
    extreme: bars.low[t],
  })
  desk.journal.pattern(range, pattern, t)
}

/** The chain that an SOS, or an LPS after it, must rest on, and what excuses a gap in it. */
const breakoutChain = (
  range: LiveRange,
  more: [string, number][],
): { missing: string | null; remark: string | null } => {
  const { zone, phaseC, tested } = range
  const { bar, fromB, lateC } = range.breakout!
  const start: [string, number][] = [
    ['SC', zone!.extremeBar],
    ['AR', zone!.rallyBar],
    ['ST', firstTestBar(range)],
  ]
  const end: [string, number][] = [['SOS', bar], ...more]
  if (fromB)
    return { missing: outOfOrder([...start, ...end]), remark: 'no Spring and Test before the breakout' }
  if (lateC === -1) {
    const found: [string, number][] = [
      ['SPRING', tested?.bar ?? -1],
      ['TEST', tested?.testBar ?? -1],
    ]
    return { missing: outOfOrder([...start, ...found, ...end]), remark: null }
  }
  const spring: [string, number][] = [['SPRING', phaseC?.bar ?? -1]]
  if (lateC >= 85)
    return {
      missing: outOfOrder([...start, ...spring, ...end]),
      remark: 'late C: no Test before the breakout',
    }
  return { missing: `TEST is missing and phase C had confidence ${lateC}, below 85`, remark: null }
}

// LPS, and LPSY mirrored (method 8.3)

export const stepPullback = (desk: PatternDesk, bars: BarSeries, range: LiveRange, t: number): void => {
  const { rules, volume } = desk
  const { direction, near, breakout } = range
  const sos = breakout!.bar
  if (t > sos + pullbackWindow) {
    range.pullbackOpen = false
    desk.lapse(range, t)
    return
  }
  if (range.phase !== inD || t < sos + 3) return
  const reached = direction === 1 ? bars.low : bars.high
  let k = sos + 1
  for (let i = k + 1; i <= t; i++) if (direction * (reached[i] - reached[k]) < 0) k = i
  if (t - k < 1 || t - k > 3) return
  const extreme = reached[k]
  if (direction * (bars.close[t] - extreme * (1 + direction * 0.01)) < 0) return
  const lower = near.price * (direction === 1 ? 0.98 : 0.97)
  const upper = near.price * (direction === 1 ? 1.03 : 1.02)
  if (extreme < lower || extreme > upper) return
  const ratio = volume.volumeRatio[k]
  const absorption =
    rules.lpsAbsorption &&
    volume.effort[k] === effortAbsorption &&
    favourable(bars, direction, k) >= 0.7 &&
    ratio <= 1.5
  if (!(ratio < rules.lpsVolumeMax) && !absorption) return

  const distance = (direction * (extreme - near.price)) / near.price
  const own = bars.high[k] - bars.low[k]
  const graded = pullbackGrades({
    breakoutConfidence: breakout!.confidence,
    distance,
    volumeShare: bars.volume[k] / mean(bars.volume, range.first, range.last),
    spreadShare: own / (mean(bars.high, range.first, range.last) - mean(bars.low, range.first, range.last)),
    volumeSlope: relativeSlope(bars.volume, sos + 1, k),
  })
  range.pullbackOpen = false
  range.pullbackBar = k
  range.pullbackConfidence = graded.confidence
  range.stale = true
  desk.journal.event(direction === 1 ? 'LPS' : 'LPSY', range, k, t, graded.confidence, extreme)
  desk.move(range, inE, t, direction === 1 ? 'LPS' : 'LPSY')
  if (direction === -1) return

  const sosPattern = breakout!.pattern
  if (sosPattern?.status === 'pending_lps') {
    sosPattern.status = 'followed_by_lps'
    desk.journal.pattern(range, sosPattern, t)
  }
  const pattern = desk.newPattern(
    range,
    'LPS',
    k,
    t,
    Math.max(0, graded.confidence - (breakout!.fromB ? fromBDeduction : 0)),
    graded.distance,
    {
      creek: near.price,
      distance,
      pullback_low: extreme,
      sos_bar: sos,
      volume_grade: graded.volume,
      spread_grade: graded.spread,
      effort_grade: graded.effort,
      detector_confidence: graded.confidence,
      from_b: breakout!.fromB,
      absorption,
    },
  )
  desk.offer(bars, range, pattern, t, {
    ...breakoutChain(range, [['LPS', k]]),
    testRatio: null,
    level: near.price,
    extreme,
    absorption,
  })
  desk.journal.pattern(range, pattern, t)
}
