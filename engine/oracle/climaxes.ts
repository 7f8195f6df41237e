import { above, atLeast, atMost, below } from './compare.ts'
import type { Measures } from './measures.ts'
import type { Rules } from './rules.ts'
import { arConfidence, scConfidence, stConfidence } from './scores.ts'
import { over } from './view.ts'
import type { View } from './view.ts'

/** A zone of climaxes; what is asked of "the SC" is that of its lowest bar. */
interface Zone {
  climaxes: number[]
  end: number
  bar: number
  low: number
  ratio: number
  spread: number
  confidence: number
}

interface Rally {
  bar: number
  confirmed: number
  high: number
  confidence: number
}

export interface SecondaryTest {
  bar: number
  confirmed: number
  low: number
  ratio: number
  confidence: number
}

/** 6, SC. */
export function isClimax(v: View, m: readonly Measures[], r: Rules, i: number): boolean {
  const ratio = v.ratio(i)
  const spread = v.spreadRatio(i)
  if (i === 0 || ratio === null || spread === null) return false
  if (r.climaxEffort && m[i].effort !== 'CLIMACTIC') return false
  return (
    atLeast(ratio, r.climaxRatio) &&
    atLeast(spread, r.climaxSpread) &&
    atLeast(v.closePosition(i), r.climaxClose) &&
    v.close(i) < v.close(i - 1)
  )
}

function zoneOf(v: View, climaxes: number[]): Zone {
  let bar = climaxes[0]
  for (const i of climaxes) if (v.low(i) < v.low(bar)) bar = i
  const ratio = v.ratio(bar) ?? 0
  const spread = v.spreadRatio(bar) ?? 0
  const confidence = scConfidence(ratio, spread, v.closePosition(bar))
  return { climaxes, end: climaxes.at(-1) ?? bar, bar, low: v.low(bar), ratio, spread, confidence }
}

/** Climaxes at most 10 apart and at most 60 from the first are one zone. */
export function zones(v: View, climaxes: readonly number[]): Zone[] {
  const groups: number[][] = []
  for (const i of climaxes) {
    const open = groups.at(-1)
    if (open !== undefined && i - (open.at(-1) ?? 0) <= 10 && i - open[0] <= 60) open.push(i)
    else groups.push([i])
  }
  return groups.map((group) => zoneOf(v, group))
}

/** 6, AR: null until it is known, and when the rally is too small. */
export function rallyOf(v: View, zone: Zone, t: number): Rally | null {
  if (zone.end + 10 > t) return null
  let bar = zone.end + 1
  for (let i = bar; i <= zone.end + 10; i++) if (v.high(i) > v.high(bar)) bar = i
  const rally = over(v.high(bar), zone.low)
  if (!atLeast(rally, 0.03)) return null
  const confidence = arConfidence(rally, bar - zone.end, v.ratio(bar))
  return { bar, confirmed: zone.end + 10, high: v.high(bar), confidence }
}

/** 6, ST: those known by `t`. */
export function testsOf(v: View, r: Rules, zone: Zone, rally: Rally, t: number): SecondaryTest[] {
  const found: SecondaryTest[] = []
  for (let i = rally.bar + 1; i <= Math.min(rally.bar + 40, t); i++) {
    const ratio = v.ratio(i)
    const spread = v.spreadRatio(i)
    if (ratio === null || spread === null) continue
    const last = found.at(-1)
    if (last !== undefined && i - last.bar < 3) continue
    const distance = Math.abs(over(v.low(i), zone.low))
    const reduction = (zone.ratio - ratio) / zone.ratio
    if (!atMost(distance, r.stDistance) || !atLeast(reduction, 0.2)) continue
    const penetration = Math.max(0, -over(v.low(i), zone.low))
    found.push({
      bar: i,
      confirmed: Math.max(i, rally.confirmed),
      low: v.low(i),
      ratio,
      confidence: stConfidence(
        reduction,
        distance,
        penetration,
        v.closePosition(i),
        (v.high(i) - v.low(i)) / (v.high(zone.bar) - v.low(zone.bar)),
      ),
    })
  }
  return found.filter((test) => test.confirmed <= t)
}

/** How far a range has come by its climax, rally and tests alone. */
export interface Beginning {
  phase: 'A' | 'B'
  zone: Zone
  /** Null while phase A, restarted, waits for its new rally. */
  rally: Rally | null
  tests: SecondaryTest[]
  aBar: number
  bBar: number
  /** Bars at which phase A started again. */
  restarts: number[]
}

/**
 * 7.1 A and B, 7.4 first row, 8.6.4: the first zone with an AR among those whose lowest bar is at least `from`; before
 * the first ST a climax of ratio > 3.0 under the zone's low starts A again.
 */
export function beginning(
  v: View,
  r: Rules,
  climaxes: readonly number[],
  from: number,
  t: number,
): Beginning | null {
  const known = climaxes.filter((i) => i <= t)
  let zone: Zone | undefined
  let rally: Rally | null = null
  for (const each of zones(v, known)) {
    if (each.bar < from) continue
    rally = rallyOf(v, each, t)
    if (rally === null) continue
    zone = each
    break
  }
  if (zone === undefined || rally === null) return null
  let aBar = rally.confirmed
  const restarts: number[] = []
  for (;;) {
    const tests: SecondaryTest[] = rally === null ? [] : testsOf(v, r, zone, rally, t)
    const firstTest = tests.length === 0 ? t + 1 : tests[0].confirmed
    const after = Math.max(zone.end, aBar)
    const worse = known.find(
      (i) => i > after && i < firstTest && above(v.ratio(i) ?? 0, 3) && below(v.low(i), zone?.low ?? 0),
    )
    if (worse === undefined) {
      const phase = tests.length === 0 ? 'A' : 'B'
      return { phase, zone, rally, tests, aBar, bBar: firstTest, restarts }
    }
    restarts.push(worse)
    zone = zones(
      v,
      known.filter((i) => i >= worse),
    )[0]
    rally = rallyOf(v, zone, t)
    aBar = worse
  }
}
