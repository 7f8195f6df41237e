import type { BarSeries } from './bar-series.ts'
import type { PatternDesk } from './pattern-desk.ts'
import type { LiveRange } from './live-range.ts'
import { outOfOrder } from './candidate.ts'
import { inB, inC, inD, phaseName } from './live-range.ts'
import type { OpenUtad } from './live-range.ts'
import { firstTestBar } from './pattern-desk.ts'
import { utadConfidence, utadTier } from './pattern-scores.ts'
import { phaseConfidence } from './phase-confidence.ts'

// UTAD, in either bias (method 8.4).

const failureBars = 3

export const stepUtad = (
  desk: PatternDesk,
  bars: BarSeries,
  range: LiveRange,
  t: number,
  before: number,
  confidenceBefore: number,
): void => {
  const { rules } = desk
  const { creek, direction } = range
  const high = bars.high[t]
  const breakout = (high - creek.price) / creek.price
  if (
    breakout >= rules.utadBreakoutMin &&
    breakout <= rules.utadBreakoutMax &&
    desk.volume.volumeRatio[t] > rules.utadVolumeMin &&
    t > range.activeBar
  ) {
    // A failure on the pierce bar itself may already have led from D back to C.
    const reset = before === inD && range.phase < inD
    const phase = reset ? before : range.phase
    const eligible =
      direction === 1
        ? phase >= inD
        : phase >= inC || (phase === inB && t - range.bBegan >= rules.phaseBLengthMin)
    if (eligible)
      range.utads.push({
        bar: t,
        creek,
        phase,
        phaseConfidence: reset ? confidenceBefore : direction === 1 ? phaseConfidence(range, t) : 0,
        sos: reset ? range.lastBreakout : range.breakout,
      })
  }
  if (range.utads.length === 0) return
  const { utads } = range
  const close = bars.close[t]
  let highest: OpenUtad | null = null
  let left = 0
  for (let k = 0; k < utads.length; k++) {
    const open = utads[k]
    if (t - open.bar > failureBars) continue
    if (!(close < open.creek.price)) utads[left++] = open
    else if (highest === null || bars.high[open.bar] > bars.high[highest.bar]) highest = open
  }
  utads.length = left
  if (highest !== null) utadFailed(desk, bars, range, highest, t)
}

const utadFailed = (
  desk: PatternDesk,
  bars: BarSeries,
  range: LiveRange,
  open: OpenUtad,
  t: number,
): void => {
  const { bar, creek } = open
  let utadHigh = bars.high[bar]
  for (let i = bar + 1; i <= t; i++) utadHigh = Math.max(utadHigh, bars.high[i])
  const ratio = desk.volume.volumeRatio[bar]
  const breakout = (bars.high[bar] - creek.price) / creek.price
  const barsToFailure = Math.max(1, t - bar)
  const confidence = utadConfidence(breakout, ratio, barsToFailure)
  desk.journal.event('UTAD', range, bar, t, confidence, utadHigh)
  let phase = open.phase
  let sure = open.phaseConfidence
  if (range.direction === -1) {
    range.phaseCSeen = true
    if (range.phase <= inC) {
      range.phaseC = { bar, confirmed: t, confidence }
      range.stale = true
    }
    if (range.phase === inB) desk.move(range, inC, t, 'UTAD')
    phase = range.phase
    sure = phaseConfidence(range, t)
  }
  const pattern = desk.newPattern(
    range,
    'UTAD',
    bar,
    t,
    confidence,
    utadTier(breakout, ratio, barsToFailure),
    {
      creek: creek.price,
      breakout,
      utad_high: utadHigh,
      bars_to_failure: barsToFailure,
      bias: range.bias,
    },
  )
  pattern.phase = phaseName(phase)!
  pattern.phaseConfidence = sure
  const { zone } = range
  const missing =
    range.direction === -1
      ? outOfOrder([
          ['BC', zone!.extremeBar],
          ['AR', zone!.rallyBar],
          ['ST', firstTestBar(range)],
          ['UTAD', bar],
        ])
      : outOfOrder([
          ['SOS', open.sos?.bar ?? -1],
          ['UTAD', bar],
        ])
  desk.offer(bars, range, pattern, t, {
    missing,
    remark: null,
    testRatio: null,
    level: creek.price,
    extreme: utadHigh,
  })
  desk.journal.pattern(range, pattern, t)
}
