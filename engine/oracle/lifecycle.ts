import type { BarSeries } from '../bar-series.ts'
import type { Candidate } from './candidates.ts'
import { candidates, causeFactor } from './candidates.ts'
import { atLeast, atMost } from './compare.ts'
import type { Measures } from './measures.ts'
import type { Range } from './range.ts'
import { isFrozen, isLive } from './range.ts'
import type { Rules } from './rules.ts'

export const jumpOf = (c: Candidate) => c.creek.price + c.causeFactor * (c.creek.price - c.ice.price)
export const dropOf = (c: Candidate) => c.ice.price - c.causeFactor * (c.creek.price - c.ice.price)

const goodEnough = (c: Candidate, rules: Rules) =>
  c.quality >= 70 && c.ice.strength >= rules.strengthMin && c.creek.strength >= rules.strengthMin

/** 4.5.1: which of two overlapping ranges stays. */
const ranking = (a: Candidate, b: Candidate) => b.quality - a.quality || b.end - a.end || a.start - b.start

function overlap(a: Candidate, b: Candidate): boolean {
  return (
    a.start <= b.end &&
    b.start <= a.end &&
    atMost(a.ice.price, b.creek.price) &&
    atMost(b.ice.price, a.creek.price)
  )
}

/** 4.5.2 */
const same = (c: Candidate, live: Candidate) =>
  atMost(Math.abs(c.support.mean - live.support.mean) / live.support.mean, 0.02) &&
  atMost(Math.abs(c.resistance.mean - live.resistance.mean) / live.resistance.mean, 0.02)

function end(range: Range, status: 'COMPLETED' | 'ARCHIVED', t: number): void {
  range.status = status
  range.statusBar = t
  range.phase = 'none'
}

/** 4.5.2: end, quality and levels are refreshed; the start, and with it age and rank, never moves. */
function refreshed(start: number, c: Candidate): Candidate {
  const duration = c.end - start + 1
  return { ...c, start, duration, causeFactor: causeFactor(duration) }
}

/** 4.5: what becomes of the ranges at the close of bar `t`. Answers with those that become ACTIVE. */
export function lifecycle(
  bars: BarSeries,
  m: readonly Measures[],
  rules: Rules,
  ranges: readonly Range[],
  t: number,
): Range[] {
  for (const range of ranges.filter(isLive)) {
    if (range.status === 'ACTIVE' && t - range.start >= 120) end(range, 'ARCHIVED', t)
    if (range.status !== 'BREAKOUT') continue
    const reached =
      range.breakoutSide === 1
        ? atLeast(bars.high[t], jumpOf(range.shape))
        : dropOf(range.shape) > 0 && atMost(bars.low[t], dropOf(range.shape))
    if (reached || t - range.statusBar >= 120) end(range, 'COMPLETED', t)
  }

  const seen = candidates(bars, m, t).sort(ranking)
  const live = ranges.filter(isLive)
  const known = new Set<Candidate>()
  for (const range of live) {
    const own = seen.filter((c) => same(c, range.shape))
    for (const c of own) known.add(c)
    // A range that was left, by whatever door, is history: its levels stay as they were.
    if (own.length === 0 || isFrozen(range) || range.status !== 'ACTIVE') continue
    range.shape = refreshed(range.start, own[0])
    if (!goodEnough(own[0], rules)) end(range, 'ARCHIVED', t)
  }

  const close = bars.close[t]
  const fresh = seen.filter(
    (c) =>
      !known.has(c) &&
      goodEnough(c, rules) &&
      atLeast(close, c.ice.price * 0.98) &&
      atMost(close, c.creek.price * 1.02),
  )
  const standing = live.filter(isLive)
  const survivors = standing.filter(isFrozen).map((range) => range.shape)
  const owner = new Map(standing.map((range) => [range.shape, range]))
  const born: Range[] = []
  for (const c of [
    ...standing.filter((range) => !isFrozen(range)).map((range) => range.shape),
    ...fresh,
  ].sort(ranking)) {
    const range = owner.get(c)
    if (survivors.some((other) => overlap(c, other))) {
      if (range !== undefined) end(range, 'ARCHIVED', t)
      continue
    }
    survivors.push(c)
    if (range === undefined) born.push(newRange(c, t))
  }
  return born
}

function newRange(shape: Candidate, t: number): Range {
  return {
    start: shape.start,
    activeBar: t,
    shape,
    status: 'ACTIVE',
    statusBar: t,
    bias: 0,
    phase: 'none',
    phaseBar: t,
    over: false,
    breakoutSide: 1,
    beginning: null,
    candidate: null,
    untested: [],
    falseBreak: null,
    breakout: null,
    lpsConfidence: null,
    pierces: [],
    before: { phase: 'none', confidence: 0 },
  }
}
