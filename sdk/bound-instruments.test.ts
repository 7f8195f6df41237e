import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { bindCounter, bindHistogram, replaceGauges } from './instruments.ts'
import { MetricStore } from './metric-store.ts'
import { metricTable } from './metric-table.ts'

it('puts every value into the bucket that a plain search finds', () => {
  const { boundaries } = metricTable.pattern_detection_latency_seconds
  const value = fc.oneof(
    fc.double({ min: 0, max: 1e9, noNaN: true }),
    fc.constantFrom(...boundaries),
    fc.double({ min: 0, max: 1e-5, noNaN: true }),
  )
  fc.assert(
    fc.property(fc.array(value, { maxLength: 50 }), (values) => {
      const store = new MetricStore()
      const histogram = bindHistogram('pattern_detection_latency_seconds', { symbol: 'A' }, store)
      const expected = Array.from({ length: boundaries.length + 1 }, () => 0)
      for (const one of values) {
        histogram.record(one)
        const bucket = boundaries.findIndex((bound) => one <= bound)
        expected[bucket === -1 ? boundaries.length : bucket]++
      }
      const [series] = [...store.families.get('pattern_detection_latency_seconds')!.series.values()]
      expect([...series.slots.subarray(0, expected.length)]).toEqual(expected)
    }),
  )
})

it('bounds 100,000 symbols to 500 and one for the rest, totals exact', () => {
  const store = new MetricStore()
  for (let i = 0; i < 100_000; i++)
    bindCounter('signal_generation_requests_total', { symbol: `S${i}`, pattern_type: 'all' }, store).add()
  const series = [...store.families.get('signal_generation_requests_total')!.series.values()]
  expect(series).toHaveLength(501)
  expect(series.reduce((sum, { slots }) => sum + slots[0], 0)).toBe(100_000)
  replaceGauges(
    'symbol_data_age_seconds',
    [
      [{ symbol: 'S1' }, 5],
      [{ symbol: 'X' }, 7],
      [{ symbol: 'Y' }, 3],
    ],
    store,
  )
  const ages = [...store.families.get('symbol_data_age_seconds')!.series.values()]
  expect(ages.map(({ labels, slots }) => [labels['symbol'], slots[0]])).toEqual([
    ['S1', 5],
    ['__overflow__', 7],
  ])
})

it('survives every misuse and counts it', () => {
  const store = new MetricStore()
  const counter = bindCounter('signal_generation_requests_total', { symbol: 'A', pattern_type: 'all' }, store)
  const histogram = bindHistogram('backtest_duration_seconds', { symbol: 'A' }, store)
  for (const bad of [Number.NaN, -1, Infinity, -Infinity, undefined, null, 'x', {}]) {
    counter.add(bad as number)
    histogram.record(bad as number)
  }
  const throwing = Object.defineProperty({}, 'symbol', {
    enumerable: true,
    get: () => {
      throw new Error('no')
    },
  })
  const circular: Record<string, unknown> = {}
  circular['symbol'] = circular
  const wrong = [null, undefined, {}, throwing, circular, { symbol: 'x'.repeat(5_000_000) }, { symbol: 7 }]
  for (const labels of wrong)
    bindHistogram('backtest_duration_seconds', labels as { symbol: string }, store).record(1)
  bindHistogram('backtest_duration_seconds', { symbol: '__proto__' }, store).record(1)
  const series = [...store.families.get('backtest_duration_seconds')!.series.values()]
  expect(series.map(({ labels }) => labels['symbol'])).toEqual(['A', '__invalid__', '__proto__'])
  expect(store.misuseCounts().get('not_finite')).toBeGreaterThanOrEqual(10)
  expect(store.misuseCounts().get('label_invalid')).toBe(wrong.length)
})
