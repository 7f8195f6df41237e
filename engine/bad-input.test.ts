import { describe, expect, it } from 'vitest'
import { barAt } from './bar-columns.ts'
import { readBars } from './bar-reader.ts'
import type { Bar, BarSeries } from './bar-series.ts'
import { EngineError } from './engine-error.ts'
import { generateBars } from './generator.ts'
import { createSignalEngine } from './signal-engine.ts'

// Every kind of bad bar by every way in: an error that names the bar or row, and nothing lost or changed by it.

const { bars } = generateBars({ seed: 1, length: 60 })
const at = 40
const good = barAt(bars, at)

const prices = ['open', 'high', 'low', 'close'] as const
const noPrices = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, -1]
const bad: readonly [string, Partial<Bar>][] = [
  ...prices.flatMap((field) =>
    noPrices.map((value): [string, Partial<Bar>] => [`${field} ${value}`, { [field]: value }]),
  ),
  ['volume NaN', { volume: Number.NaN }],
  ['volume Infinity', { volume: Number.POSITIVE_INFINITY }],
  ['volume -1', { volume: -1 }],
  ['time NaN', { time: Number.NaN }],
  ['time Infinity', { time: Number.POSITIVE_INFINITY }],
  ['time between milliseconds', { time: good.time + 0.5 }],
  ['time beyond whole numbers', { time: 2 ** 60 }],
  ['high below low', { high: good.low, low: good.high }],
  ['open far above', { open: good.high * 1.02 }],
  ['open far below', { open: good.low * 0.98 }],
  ['close far above', { close: good.high * 1.02 }],
  ['close far below', { close: good.low * 0.98 }],
  ['time repeated', { time: good.time - 86_400_000 }],
  ['time going back', { time: good.time - 3 * 86_400_000 }],
]

const thrown = (run: () => unknown): EngineError => {
  try {
    run()
  } catch (error) {
    expect(error).toBeInstanceOf(EngineError)
    return error as EngineError
  }
  throw new Error('nothing was thrown')
}

const withBar = (bar: Bar): BarSeries => {
  const changed = { ...bars }
  for (const field of ['time', ...prices, 'volume'] as const) {
    changed[field] = bars[field].slice()
    changed[field][at] = bar[field]
  }
  return changed
}

describe.each(bad)('a bar with %s', (_name, change) => {
  const bar = { ...good, ...change }

  it('stops a batch with its index', () => {
    const error = thrown(() => createSignalEngine().generate(withBar(bar)))
    expect(error.message).toMatch(/^bar 40: /)
    expect(error.bar).toBe(at)
  })

  it('is refused by a session, which goes on as if it had not come', () => {
    const session = createSignalEngine().open(bars)
    for (let i = 0; i < at; i++) session.push(barAt(bars, i))
    const error = thrown(() => session.push(bar))
    expect(error.message).toMatch(/^bar 40: /)
    expect(error.bar).toBe(at)
    for (let i = at; i < bars.length; i++) session.push(barAt(bars, i))
    const { volumeOf: _, ...live } = session.result()
    const { volumeOf: __, ...whole } = createSignalEngine().generate(bars)
    expect(live).toEqual(whole)
  })

  it('is rejected by the reader of rows with its number, and the others are kept', () => {
    const rows = Array.from({ length: bars.length }, (_, i) => (i === at ? bar : barAt(bars, i)))
    const { bars: kept, rejected } = readBars(rows, { ...bars, skipBad: true })
    expect(rejected.map(({ row }) => row)).toEqual([at + 1])
    expect(kept.length).toBe(bars.length - 1)
    const error = thrown(() => readBars(rows, bars))
    expect(error.message).toContain('1 bad rows: row 41: ')
  })
})

describe('what is not a series', () => {
  it('is refused with a sentence', () => {
    const engine = createSignalEngine()
    const series: [Partial<Record<keyof BarSeries, unknown>>, string][] = [
      [{ length: 61 }, 'bars.time is not a Float64Array of 61 values'],
      [{ length: -1 }, 'bars.length is -1, not a count'],
      [{ close: [...bars.close] }, 'bars.close is not a Float64Array'],
      [{ symbol: '' }, 'symbol must be 1 to 20 printable characters'],
      [{ symbol: 'x'.repeat(21) }, 'symbol must be 1 to 20 printable characters'],
      [{ timeframe: '2d' }, 'timeframe must be one of 1m 5m 15m 1h 4h 1d 1w'],
    ]
    for (const [change, message] of series)
      expect(thrown(() => engine.generate({ ...bars, ...change } as BarSeries)).message).toContain(message)
    const other = engine.open({ symbol: 'A', timeframe: '1d' })
    expect(thrown(() => other.push({ ...good, symbol: 'B' }))).toMatchObject({
      code: 'symbol_mismatch',
      bar: 0,
    })
  })

  it('rows that are no rows are rejected by number', () => {
    const rows = [
      good,
      null,
      7,
      { ...good, time: good.time + 1, open: '5' },
      { ...good, time: good.time + 2, symbol: 'Z' },
    ]
    const { rejected } = readBars(rows as Bar[], { ...bars, skipBad: true })
    expect(rejected).toEqual([
      { row: 2, reason: 'is not a bar' },
      { row: 3, reason: 'is not a bar' },
      { row: 4, reason: 'open 5 is not a finite price above 0' },
      { row: 5, reason: 'symbol Z is not GEN' },
    ])
  })

  it('nothing and one bar are answered with nothing found', () => {
    for (const length of [0, 1]) {
      const { signals, ranges, log, flags } = createSignalEngine().generate({ ...bars, length })
      expect([signals, ranges, log]).toEqual([[], [], []])
      expect(flags).toContainEqual({ bar: length, kind: 'too_few_bars' })
    }
  })
})
