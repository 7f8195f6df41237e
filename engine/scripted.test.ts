import { describe, expect, it } from 'vitest'
import { BarColumns } from './bar-columns.ts'
import type { BarSeries } from './bar-series.ts'
import { generateBars } from './generator.ts'
import type { StructureName } from './generator-structures.ts'
import type { PatternType, SignalResult } from './signal.ts'
import { createSignalEngine } from './signal-engine.ts'
import type { Preset } from './thresholds.ts'

// One scripted series for each case that the method names (docs/method.md, section 15.6), by the letter of `strict`
// where it finds the case at all.

const found = (structure: StructureName, preset: Preset = 'strict'): [SignalResult, BarSeries] => {
  const { bars } = generateBars({ seed: 1, length: 700, structures: [structure] })
  return [createSignalEngine({ preset }).generate(bars), bars]
}

const eventTypes = ({ events }: SignalResult) => new Set(events.map(({ type }) => type))
const statuses = ({ patterns }: SignalResult, of: PatternType) =>
  new Set(patterns.filter(({ type }) => type === of).map(({ status }) => status))
const reasons = ({ log }: SignalResult, kind: 'PHASE' | 'RANGE_STATUS') =>
  log.filter((fact) => fact.kind === kind).map(({ data }) => `${data['reason']} -> ${data['to'] ?? ''}`)

describe('every case of the method has a scripted series', () => {
  it('SC, AR and two secondary tests', () => {
    const [{ events, log }] = found('accumulation')
    const begun = log.find(({ kind, data }) => kind === 'PHASE' && data['to'] === 'C')!.bar
    const before = events.filter(({ confirmedBar }) => confirmedBar < begun).map(({ type }) => type)
    expect(before).toEqual(expect.arrayContaining(['SC', 'AR']))
    expect(before.filter((type) => type === 'ST').length).toBeGreaterThanOrEqual(2)
  })

  it('BC, automatic reaction, two tests of the high, SOW and LPSY', () => {
    const [result] = found('distribution')
    for (const type of ['BC', 'AR_DOWN', 'ST_UP', 'SOW', 'LPSY'] as const)
      expect(eventTypes(result)).toContain(type)
  })

  it('Spring with its Test, a direct SOS and its LPS', () => {
    const [result] = found('accumulation')
    expect(eventTypes(result)).toContain('TEST')
    for (const type of ['SPRING', 'SOS', 'LPS'] as const)
      expect(statuses(result, type)).toContain('signalled')
    for (const { type, test } of result.patterns) expect(test !== null).toBe(type === 'SPRING')
  })

  it('an SOS too weak for itself, whose LPS is traded', () => {
    const [result] = found('accumulation-pending')
    expect(statuses(result, 'SOS')).toEqual(new Set(['followed_by_lps']))
    expect(statuses(result, 'LPS')).toContain('signalled')
  })

  it('an SOS before any Test (late C), and one out of phase B', () => {
    const [late] = found('accumulation-late')
    const warned = late.signals.filter(({ patternType }) => patternType === 'SOS')
    expect(warned.length).toBeGreaterThan(0)
    for (const { validationChain, pattern } of warned) {
      expect(pattern.metadata['late_c']).toBe(true)
      expect(validationChain.warnings.join()).toContain('late C')
    }
    const [direct] = found('accumulation-direct', 'standard')
    expect(direct.patterns.filter(({ metadata }) => metadata['from_b'] === true).length).toBeGreaterThan(0)
    expect(found('accumulation-direct')[0].patterns).toEqual([])
  })

  it('a UTAD in either bias', () => {
    for (const [structure, bias, phase] of [
      ['accumulation-upthrust', 'ACCUMULATION', 'E'],
      ['distribution', 'DISTRIBUTION', 'C'],
    ] as const) {
      const [{ signals }] = found(structure)
      const utads = signals.filter(({ patternType }) => patternType === 'UTAD')
      expect(utads.length).toBeGreaterThan(0)
      for (const { pattern, side } of utads)
        expect([pattern.metadata['bias'], pattern.phase, side]).toEqual([bias, phase, 'SHORT'])
    }
  })

  it.each<[StructureName, 'PHASE' | 'RANGE_STATUS', string]>([
    ['accumulation-climax-restarted', 'PHASE', 'new climax -> '],
    ['distribution-climax-restarted', 'PHASE', 'new climax -> '],
    ['accumulation-spring-failed', 'PHASE', 'spring failed -> B'],
    ['distribution-spring-failed', 'PHASE', 'spring failed -> B'],
    ['accumulation-breakout-failed', 'PHASE', 'breakout failed -> C'],
    ['distribution-breakout-failed', 'PHASE', 'breakout failed -> C'],
    ['accumulation-escape', 'RANGE_STATUS', 'left without breakout -> '],
    ['distribution-escape', 'RANGE_STATUS', 'left without breakout -> '],
    ['accumulation-expiry', 'RANGE_STATUS', 'age -> '],
    ['distribution-expiry', 'RANGE_STATUS', 'age -> '],
    ['accumulation-breakdown-weak', 'RANGE_STATUS', 'FAILED_ACCUMULATION -> '],
    ['distribution-breakdown-weak', 'RANGE_STATUS', 'FAILED_DISTRIBUTION -> '],
    ['accumulation-breakdown-heavy', 'RANGE_STATUS', 'DISTRIBUTION -> '],
    ['distribution-breakdown-heavy', 'RANGE_STATUS', 'ACCUMULATION -> '],
    ['accumulation-breakdown-gap', 'RANGE_STATUS', 'UTAD_REVERSAL -> '],
    ['distribution-breakdown-gap', 'RANGE_STATUS', 'SPRING_REVERSAL -> '],
    ['accumulation', 'RANGE_STATUS', 'target -> '],
    ['accumulation', 'RANGE_STATUS', 'time -> '],
  ])('the reset or end of %s: %s %s', (structure, kind, reason) => {
    const [result] = found(structure)
    expect(reasons(result, kind)).toContain(reason)
    // Whatever leaves or ends a range takes its phase.
    const over = result.ranges.filter(({ status }) => status === 'ARCHIVED' || status === 'COMPLETED')
    for (const { phase } of over) expect(phase).toBeNull()
  })

  it('a breakout out of B that fails goes back to B, and its levels move again', () => {
    const { bars, planted } = generateBars({ seed: 1, length: 700, structures: ['accumulation-direct'] })
    const { bar } = planted.find(({ type }) => type === 'SOS')!
    const engine = createSignalEngine()
    const creek = engine.generate({ ...bars, length: bar + 1 }).ranges.at(-1)!.creek.price
    const fallen = new BarColumns(bars.symbol, bars.timeframe)
    for (let i = 0; i <= bar; i++)
      fallen.add(bars.time[i], bars.open[i], bars.high[i], bars.low[i], bars.close[i], bars.volume[i])
    const price = creek * 0.97
    for (let i = 1; i <= 3; i++)
      fallen.add(
        bars.time[bar] + i * 86_400_000,
        price,
        price * 1.004,
        price * 0.996,
        price,
        bars.volume[bar] / 3,
      )
    const result = engine.generate(fallen.series())
    expect(reasons(result, 'PHASE')).toContain('breakout failed -> B')
    const last = result.ranges.at(-1)!
    expect([last.status, last.phase]).toEqual(['ACTIVE', 'B'])
  })

  it('a Spring that falls too deep before it recovers is none', () => {
    const [result] = found('accumulation-spring-cancelled')
    const { planted } = generateBars({ seed: 1, length: 700, structures: ['accumulation-spring-cancelled'] })
    const pierces = planted.filter(({ type }) => type === 'SPRING_CANCELLED').map(({ bar }) => bar)
    expect(pierces.length).toBeGreaterThan(0)
    const springs = result.events.filter(({ type }) => type === 'SPRING')
    for (const { bar } of springs) expect(pierces).not.toContain(bar)
  })

  it.each(['accumulation-breakdown-gap', 'distribution-breakdown-gap'] as const)(
    'a gap through the stop fills at the open: %s',
    (structure) => {
      const [{ signals }, bars] = found(structure)
      expect(signals.length).toBeGreaterThan(0)
      for (const { side, status, exitBar, exitPrice, stopLoss } of signals) {
        const open = bars.open[exitBar!]
        expect([status, exitPrice]).toEqual(['STOPPED', open])
        expect(side === 'LONG' ? open < stopLoss : open > stopLoss).toBe(true)
      }
    },
  )

  it.each(['accumulation-wild-bar', 'distribution-wild-bar'] as const)(
    'a bar that touches stop and target is a stop: %s',
    (structure) => {
      const [{ signals }, bars] = found(structure)
      const both = signals.filter(({ exitBar, stopLoss, plan }) => {
        const [first] = plan.scaledTargets
        const within = (price: number) => bars.low[exitBar!] <= price && price <= bars.high[exitBar!]
        return exitBar !== null && within(stopLoss) && within(first.price)
      })
      expect(both.length).toBeGreaterThan(0)
      for (const { status, exitPrice, stopLoss } of both)
        expect([status, exitPrice]).toEqual(['STOPPED', stopLoss])
    },
  )
})
