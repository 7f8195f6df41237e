import { readFileSync } from 'node:fs'
import { findPackageJSON } from 'node:module'
import { describe, expect, it } from 'vitest'
import { parseBarsCsv } from './parse-bars-csv.ts'
import type { Signal, SignalResult } from './signal.ts'
import { createSignalEngine } from './signal-engine.ts'

// Real bars, so real findings: a change in any of these lines is a change of the method and is to be reviewed.

const source = new URL('data/sp500-2000.csv', `file://${findPackageJSON('vega-datasets', import.meta.url)}`)
const { bars } = parseBarsCsv(readFileSync(source, 'utf8'), { symbol: 'SPX', timeframe: '1d' })

const day = (time: number): string => new Date(time).toISOString().slice(0, 10)
const money = (price: number): string => price.toFixed(2)

const signalLine = (signal: Signal): string =>
  [
    day(signal.confirmedTime),
    signal.patternType.padEnd(6),
    signal.side.padEnd(5),
    `phase ${signal.phase}`,
    `confidence ${signal.confidenceScore}`,
    `R ${signal.rMultiple.toFixed(3)}`,
    `entry ${money(signal.entryPrice)} stop ${money(signal.stopLoss)} target ${money(signal.primaryTarget)}`,
    `size ${signal.positionSize}`,
    signal.campaignId,
    `${signal.status}${signal.exitBar === null ? '' : ` ${day(bars.time[signal.exitBar])}`}`,
    signal.validationChain.warnings.map((warning) => `[${warning}]`).join(' '),
  ]
    .join('  ')
    .trimEnd()

const report = (preset: string, { funnel, signals, rejected, ranges }: SignalResult): string =>
  [
    `S&P 500, ${bars.length} daily bars, ${day(bars.time[0])} to ${day(bars.time[bars.length - 1])}, preset ${preset}`,
    '',
    'funnel',
    ...Object.entries(funnel).map(
      ([name, value]) => `  ${name}: ${typeof value === 'number' ? value : JSON.stringify(value)}`,
    ),
    '',
    `signals (${signals.length})`,
    ...signals.map((signal) => `  ${signalLine(signal)}`),
    '',
    `rejected (${rejected.length})`,
    ...rejected.map(
      ({ time, patternType, stage, reason }) =>
        `  ${day(time)}  ${patternType.padEnd(6)}  ${stage}: ${reason}`,
    ),
    '',
    'ranges that reached phase B or later, or ended in a breakout',
    ...ranges
      .filter(({ status, phase }) => phase !== null || status === 'BREAKOUT' || status === 'COMPLETED')
      .map(
        (range) =>
          `  ${day(range.startTime)} to ${day(range.endTime)}  active ${day(range.activeTime)}  ${range.bias}  quality ${range.quality}  Ice ${money(range.ice.price)} (${range.ice.strength})  Creek ${money(range.creek.price)} (${range.creek.strength})  ${range.status} ${range.statusReason}`,
      ),
    '',
  ].join('\n')

describe('the S&P 500, 2000 to 2020', () => {
  it.each(['standard', 'strict'] as const)('gives the reviewed report with %s', async (preset) => {
    const result = createSignalEngine({ preset }).generate(bars)
    await expect(report(preset, result)).toMatchFileSnapshot(`golden/sp500-${preset}.txt`)
  })
})
