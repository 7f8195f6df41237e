import type { BarSeries } from '../bar-series.ts'
import { beginning, isClimax, rallyOf, testsOf, zones } from './climaxes.ts'
import { above, below } from './compare.ts'
import {
  breakoutAt,
  confidenceOf,
  creekOf,
  iceOf,
  isTest,
  pullbackAt,
  springAt,
  upthrustAt,
} from './detect.ts'
import { judge } from './judge.ts'
import type { Proposal, Verdict } from './judge.ts'
import { dropOf, jumpOf, lifecycle } from './lifecycle.ts'
import { measure } from './measures.ts'
import type { Measures } from './measures.ts'
import { phaseConfidence } from './phase-confidence.ts'
import { isLive } from './range.ts'
import type { Phase, Range, Spring } from './range.ts'
import { rules as allRules } from './rules.ts'
import { utadConfidence } from './scores.ts'
import { down, up, view } from './view.ts'
import type { View } from './view.ts'

interface OracleEvent {
  type: string
  bar: number
  confirmed: number
  confidence: number
}

interface OraclePattern {
  type: Proposal['type']
  /** First pivot and first ACTIVE bar of the range. */
  range: string
  bar: number
  confirmed: number
  /** The bar of its signal or rejection; null when it never became a candidate. */
  judged: number | null
  confidence: number
  phase: Phase
  phaseConfidence: number
  status: 'awaiting_test' | 'pending_lps' | 'low_confidence' | 'rejected' | 'signalled'
  verdict: Verdict | null
}

interface OracleMove {
  bar: number
  range: string
  to: Phase
  confidence: number
}

interface OracleStatus {
  bar: number
  range: string
  status: string
}

interface OracleResult {
  measures: Measures[]
  events: OracleEvent[]
  ranges: Range[]
  statuses: OracleStatus[]
  moves: OracleMove[]
  patterns: OraclePattern[]
}

/**
 * Sections 2 to 12 of docs/method.md, literally: at each bar everything is looked at again from the bars so far.
 * Slow on purpose, and written from the text alone; the engine is tested against it.
 */
export function oracle(bars: BarSeries, preset: 'strict' | 'standard'): OracleResult {
  const rules = allRules[preset]
  const measures = Array.from({ length: bars.length }, (_, i) => measure(bars, i))
  const result: OracleResult = { measures, events: [], ranges: [], statuses: [], moves: [], patterns: [] }
  const views = { 1: view(bars, measures, 1), [-1]: view(bars, measures, -1) } as Record<1 | -1, View>
  const climaxes = { 1: [] as number[], [-1]: [] as number[] } as Record<1 | -1, number[]>

  for (let t = 0; t < bars.length; t++) {
    for (const sign of [1, -1] as const) {
      if (isClimax(views[sign], measures, rules, t)) climaxes[sign].push(t)
      streamEvents(sign, t)
    }
    for (const range of result.ranges) {
      const v = views[range.bias === -1 ? -1 : 1]
      range.before = { phase: range.phase, confidence: phaseConfidence(range, v, t - 1) }
    }
    const born = lifecycle(bars, measures, rules, result.ranges, t)
    for (const range of result.ranges)
      if (range.statusBar === t && !isLive(range)) note(range, t, range.status)
    for (const range of result.ranges.filter(isLive)) follow(range, t)
    for (const range of born) {
      result.ranges.push(range)
      note(range, t, 'ACTIVE')
      start(range, t)
    }
  }
  return result

  function name(range: Range): string {
    return `${range.start}@${range.activeBar}`
  }

  function note(range: Range, t: number, status: string): void {
    range.statusBar = t
    result.statuses.push({ bar: t, range: name(range), status })
  }

  function setStatus(range: Range, t: number, status: Range['status']): void {
    range.status = status
    note(range, t, status)
  }

  function move(range: Range, t: number, to: Phase, since = t): void {
    range.phase = to
    range.phaseBar = since
    const confidence = phaseConfidence(range, views[range.bias === -1 ? -1 : 1], t)
    result.moves.push({ bar: t, range: name(range), to, confidence })
  }

  /** 6: SC, AR and ST of the stream and their mirrors, as they become known. */
  function streamEvents(sign: 1 | -1, t: number): void {
    const names = sign === 1 ? ['SC', 'AR', 'ST'] : ['BC', 'AR_DOWN', 'ST_UP']
    const v = views[sign]
    if (climaxes[sign].at(-1) === t) {
      const [zone] = zones(v, [t])
      result.events.push({ type: names[0], bar: t, confirmed: t, confidence: zone.confidence })
    }
    for (const zone of zones(v, climaxes[sign])) {
      if (zone.end + 50 < t) continue
      const rally = rallyOf(v, zone, t)
      if (rally === null) continue
      const { bar, confirmed, confidence } = rally
      if (confirmed === t) result.events.push({ type: names[1], bar, confirmed, confidence })
      for (const test of testsOf(v, rules, zone, rally, t))
        if (test.confirmed === t)
          result.events.push({ type: names[2], bar: test.bar, confirmed: t, confidence: test.confidence })
    }
  }

  /** 7.5 and 7.1: bias, and phases A and B, from the events the range owns. */
  function early(range: Range, t: number): void {
    const from = range.start - 10
    if (range.bias === 0) {
      const first = (sign: 1 | -1) => climaxes[sign].find((i) => i >= from) ?? Infinity
      if (first(1) !== first(-1)) range.bias = first(1) < first(-1) ? 1 : -1
    }
    if (range.bias === 0) return
    const v = views[range.bias]
    const found = beginning(v, rules, climaxes[range.bias], from, t)
    const restarted = (found?.restarts.length ?? 0) > (range.beginning?.restarts.length ?? 0)
    range.beginning = found
    if (found === null) return
    if (range.phase === 'none' || (range.phase === 'A' && restarted)) move(range, t, 'A', found.aBar)
    if (range.phase === 'A' && found.phase === 'B') move(range, t, 'B', found.bBar)
  }

  function start(range: Range, t: number): void {
    early(range, t)
  }

  /** Everything that bar `t` does to a range that was ACTIVE before it. */
  function follow(range: Range, t: number): void {
    if (range.over) return
    const v = views[range.bias === -1 ? -1 : 1]
    const close = v.close(t)

    // 7.4, fourth row.
    if (below(close, down(iceOf(range, v), 0.05))) {
      finish(range, t, range.bias === -1 ? 1 : -1)
      return
    }
    if (range.phase === 'C') springFails(range, v, t)
    // 7.4, third row; 8.6.3.
    if (range.phase === 'D' && below(close, down(creekOf(range, v), 0.02))) {
      const back = range.breakout?.fromB === true ? 'B' : 'C'
      range.breakout = null
      setStatus(range, t, 'ACTIVE')
      move(range, t, back, back === 'B' ? range.beginning?.bBar : t)
    }

    early(range, t)
    if (range.bias === 0) return

    if (range.bias === 1) springs(range, v, t)
    if (range.bias === -1) upthrusts(range, v, t)
    breakouts(range, v, t)
    pullbacks(range, v, t)
    // In an accumulation the phase at the pierce is that of the pierce bar's close, its own SOS or LPS included.
    if (range.bias === 1) upthrusts(range, v, t)

    // 8.6.2
    const escaped = [t - 2, t - 1, t].every((i) => above(v.close(i), up(creekOf(range, v), 0.05)))
    if (escaped && t - 2 > range.activeBar && (range.phase === 'A' || range.phase === 'B'))
      finish(range, t, range.bias)
  }

  function finish(range: Range, t: number, side: 1 | -1): void {
    range.over = true
    range.breakoutSide = side
    setStatus(range, t, 'BREAKOUT')
    if (range.phase !== 'none') move(range, t, 'none')
  }

  /** 7.4, second row. */
  function springFails(range: Range, v: View, t: number): void {
    const since = range.falseBreak?.confirmed ?? t
    if (t - 2 <= since) return
    if (![t - 2, t - 1, t].every((i) => below(v.close(i), iceOf(range, v)))) return
    range.falseBreak = null
    range.untested = []
    // B began with its first ST and goes on.
    move(range, t, 'B', range.beginning?.bBar)
  }

  /** 8.1 */
  function springs(range: Range, v: View, t: number): void {
    const spring = springAt(range, v, rules, t)
    if (spring !== null) {
      // One Test is enough for the chain, whichever Spring of this phase C it belongs to.
      range.falseBreak = { ...spring, tested: range.falseBreak?.tested ?? false }
      range.untested.push(spring)
      if (range.phase === 'B') move(range, t, 'C')
      result.events.push({ type: 'SPRING', bar: spring.bar, confirmed: t, confidence: spring.confidence })
      result.patterns.push({
        type: 'SPRING',
        range: name(range),
        bar: spring.bar,
        confirmed: t,
        judged: null,
        confidence: spring.confidence,
        phase: range.phase,
        phaseConfidence: phaseConfidence(range, v, t),
        status: 'awaiting_test',
        verdict: null,
      })
    }
    if (range.phase !== 'C') return
    for (const each of range.untested.filter((s) => isTest(s, v, t))) {
      each.tested = true
      if (range.falseBreak !== null) {
        range.falseBreak.tested = true
        // From its Test on, a Spring counts for the phase with the points of the Test.
        if (range.falseBreak.bar === each.bar) range.falseBreak.confidence = confidenceOf(each, true)
      }
      range.untested = range.untested.filter((s) => s !== each)
      result.events.push({ type: 'TEST', bar: t, confirmed: t, confidence: confidenceOf(each, true) })
      const pattern = result.patterns.find(
        (p) => p.type === 'SPRING' && p.bar === each.bar && p.range === name(range),
      )
      if (pattern !== undefined) judgeSpring(range, v, each, pattern, t)
    }
  }

  function judgeSpring(range: Range, v: View, spring: Spring, pattern: OraclePattern, t: number): void {
    const b = below(spring.penetration, 0.02) ? 0.02 : below(spring.penetration, 0.03) ? 0.015 : 0.01
    pattern.confidence = confidenceOf(spring, true)
    settle(range, v, pattern, t, {
      ratio: spring.ratio,
      permitted: range.phase === 'C',
      prerequisites: 'PASS',
      entry: spring.ice * 1.005,
      stop: spring.low * (1 - b),
      target: jumpOf(range.shape),
      secondary: range.shape.creek.price,
      riskFactor: spring.riskFactor,
    })
  }

  /** 8.2 */
  function breakouts(range: Range, v: View, t: number): void {
    const fromC = range.phase === 'C' && range.before.phase === 'C'
    const fromB =
      rules.sosFromB && range.phase === 'B' && range.before.phase === 'B' && t - range.phaseBar >= 10
    if (!fromC && !fromB) return
    const confidence = breakoutAt(range, v, rules, t)
    if (confidence === null) return
    const tested = fromC && (range.bias === -1 || range.falseBreak?.tested === true)
    range.breakout = {
      bar: t,
      confidence,
      fromB,
      phaseC: fromC ? range.before.confidence : null,
      tested,
      done: false,
    }
    range.untested = []
    range.breakoutSide = range.bias === -1 ? -1 : 1
    setStatus(range, t, 'BREAKOUT')
    move(range, t, 'D')
    result.events.push({ type: range.bias === 1 ? 'SOS' : 'SOW', bar: t, confirmed: t, confidence })
    if (range.bias !== 1) return
    const ratio = v.ratio(t) ?? 0
    const pattern = add(range, v, 'SOS', t, t, confidence)
    if (confidence < rules.directConfidence || below(ratio, rules.directRatio)) {
      pattern.status = 'pending_lps'
      return
    }
    const creek = range.shape.creek.price
    settle(range, v, pattern, t, {
      ratio,
      permitted: range.phase === 'D',
      prerequisites: prerequisites(range),
      entry: bars.close[t],
      stop: creek * 0.95,
      target: jumpOf(range.shape),
      secondary: creek + (creek - range.shape.ice.price),
      riskFactor: 1,
    })
  }

  /** 8.0 and 7.1 "late C"; 8.5 for a breakout out of B. */
  function prerequisites(range: Range): Proposal['prerequisites'] {
    const sos = range.breakout
    if (sos === null) return 'FAIL'
    if (sos.tested) return 'PASS'
    if (sos.fromB) return 'WARN'
    return (sos.phaseC ?? 0) >= 85 ? 'WARN' : 'FAIL'
  }

  /** 8.3 */
  function pullbacks(range: Range, v: View, t: number): void {
    if (range.phase !== 'D' || range.breakout === null) return
    const lps = pullbackAt(bars, range, v, t)
    if (lps === null) return
    range.breakout.done = true
    range.lpsConfidence = lps.confidence
    move(range, t, 'E')
    const type = range.bias === 1 ? 'LPS' : 'LPSY'
    result.events.push({ type, bar: lps.bar, confirmed: t, confidence: lps.confidence })
    if (range.bias !== 1) return
    const creek = range.shape.creek.price
    settle(range, v, add(range, v, 'LPS', lps.bar, t, lps.confidence), t, {
      ratio: lps.ratio,
      permitted: true,
      prerequisites: prerequisites(range),
      entry: creek * 1.01,
      stop: creek * 0.97,
      target: jumpOf(range.shape),
      secondary: creek + (creek - range.shape.ice.price),
      riskFactor: 1,
    })
  }

  /** 8.4 */
  function upthrusts(range: Range, v: View, t: number): void {
    const open = range.phase === 'D' || range.phase === 'E'
    const now = open ? { phase: range.phase, confidence: phaseConfidence(range, v, t) } : range.before
    const found = upthrustAt(bars, range, v, rules, t, now)
    if (found === null) return
    const { pierce, breakout, ratio, high, barsToFailure } = found
    const confidence = utadConfidence(breakout, ratio, barsToFailure)
    result.events.push({ type: 'UTAD', bar: pierce.bar, confirmed: t, confidence })
    if (range.bias === -1) {
      range.falseBreak = { bar: pierce.bar, confirmed: t, confidence, ratio, low: -high, tested: true }
      if (range.phase === 'B') move(range, t, 'C')
    }
    const pattern = add(range, v, 'UTAD', pierce.bar, t, confidence)
    if (range.bias === 1) {
      pattern.phase = pierce.phase
      pattern.phaseConfidence = pierce.phaseConfidence
    }
    settle(range, v, pattern, t, {
      ratio,
      permitted: pattern.phase === 'C' || pattern.phase === 'D' || pattern.phase === 'E',
      prerequisites: 'PASS',
      entry: bars.close[t],
      stop: high * 1.02,
      target: range.shape.ice.price,
      secondary: dropOf(range.shape) > 0 ? dropOf(range.shape) : null,
      riskFactor: 1,
    })
  }

  function add(
    range: Range,
    v: View,
    type: Proposal['type'],
    bar: number,
    t: number,
    confidence: number,
  ): OraclePattern {
    // 8.5: out of B the pattern too is worth five points less.
    const fromB = range.breakout?.fromB === true && (type === 'SOS' || type === 'LPS')
    const pattern: OraclePattern = {
      type,
      range: name(range),
      bar,
      confirmed: t,
      judged: null,
      confidence: fromB ? confidence - 5 : confidence,
      phase: range.phase,
      phaseConfidence: phaseConfidence(range, v, t),
      status: 'low_confidence',
      verdict: null,
    }
    result.patterns.push(pattern)
    return pattern
  }

  type Terms = Pick<
    Proposal,
    'ratio' | 'permitted' | 'prerequisites' | 'entry' | 'stop' | 'target' | 'secondary' | 'riskFactor'
  >

  /** 8.0, 9.1: a confident pattern becomes a candidate with a plan and goes through the chain. */
  function settle(range: Range, v: View, pattern: OraclePattern, t: number, terms: Terms): void {
    pattern.status = 'low_confidence'
    // A Spring is what its Test makes of it, in both its confidences, also when that is not enough.
    if (pattern.type === 'SPRING') {
      pattern.phase = range.phase
      pattern.phaseConfidence = phaseConfidence(range, v, t)
    }
    if (pattern.confidence < 70) return
    const { shape } = range
    pattern.judged = t
    pattern.verdict = judge(bars, rules, {
      type: pattern.type,
      t,
      confidence: pattern.confidence,
      phase: pattern.phase,
      phaseConfidence: pattern.phaseConfidence,
      ice: shape.ice.price,
      creek: shape.creek.price,
      jump: jumpOf(shape),
      iceStrength: shape.ice.strength,
      creekStrength: shape.creek.strength,
      duration: shape.duration,
      causeFactor: shape.causeFactor,
      ...terms,
    })
    pattern.status = pattern.verdict.stage === null ? 'signalled' : 'rejected'
  }
}
