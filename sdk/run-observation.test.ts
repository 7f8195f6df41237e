import { ProxyTracerProvider, trace } from '@opentelemetry/api'
import { InMemorySpanExporter, SimpleSpanProcessor, type ReadableSpan } from '@opentelemetry/sdk-trace'
import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { keepSpans } from './fixtures/keep-spans.ts'
import { instrumentBacktestEngine } from './instrument-backtest-engine.ts'
import { instrumentEngine } from './instrument-engine.ts'
import { instrumentSignalEngine } from './instrument-signal-engine.ts'
import { MetricStore } from './metric-store.ts'
import { lookEngine, seriesOf, type LookSeries } from './testing/look-engine.ts'
import { SpanProvider } from './spans/span-provider.ts'
import { withSpan } from './with-span.ts'

const memory = keepSpans()

/** Start and end in whole nanoseconds. */
const times = ({ startTime, endTime }: ReadableSpan): [bigint, bigint] => [
  BigInt(startTime[0]) * 1_000_000_000n + BigInt(startTime[1]),
  BigInt(endTime[0]) * 1_000_000_000n + BigInt(endTime[1]),
]

it('gives the same result as the bare engine, whatever the bars and the options', () => {
  const close = fc.array(fc.double({ min: 0.01, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 3000 })
  const options = fc.record({
    sampleEvery: fc.integer({ min: 1, max: 600 }),
    worst: fc.integer({ min: 0, max: 12 }),
    maxFacts: fc.integer({ min: 0, max: 80 }),
    spanCap: fc.integer({ min: 0, max: 40 }),
  })
  fc.assert(
    fc.property(close, options, (closes, given) => {
      memory.reset()
      const series: LookSeries = {
        symbol: 'A',
        timeframe: '1d',
        length: closes.length,
        close: Float64Array.from(closes),
      }
      const observed = instrumentSignalEngine(lookEngine(), { ...given, store: new MetricStore() })
      expect(observed.generate(series)).toEqual(lookEngine().generate(series))
      // The cap holds for all that is below the run.
      expect(memory.getFinishedSpans().length).toBeLessThanOrEqual(1 + given.spanCap)
      expect(
        memory.getFinishedSpans().filter(({ name }) => name === 'bar.sampled').length,
      ).toBeLessThanOrEqual(given.worst)
    }),
    { numRuns: 40 },
  )
})

it('nests request, run, stages and bars to the nanosecond, and puts stages one after another', () => {
  const signals = instrumentSignalEngine(lookEngine(), { store: new MetricStore() })
  for (let i = 0; i < 30; i++) withSpan('request', () => signals.generate(seriesOf('A', 3000 + i)))
  const spans = memory.getFinishedSpans()
  const byId = new Map(spans.map((span) => [span.spanContext().spanId, span]))
  let nested = 0
  for (const span of spans) {
    const parent = byId.get(span.parentSpanContext?.spanId ?? '')
    if (parent === undefined) continue
    const [start, end] = times(span)
    const [from, to] = times(parent)
    expect([from <= start, start <= end, end <= to]).toEqual([true, true, true])
    nested++
  }
  expect(nested).toBe(spans.length - 30)
  for (const run of spans.filter(({ name }) => name === 'signals.generate')) {
    const stages = spans
      .filter(
        (span) =>
          span.name.startsWith('stage.') && span.parentSpanContext?.spanId === run.spanContext().spanId,
      )
      .map(times)
    expect(stages.length).toBe(3)
    expect(stages[0][0]).toBe(times(run)[0])
    for (let i = 1; i < stages.length; i++) expect(stages[i][0]).toBe(stages[i - 1][1])
  }
})

it('observes an asynchronous engine, and what it throws is thrown on, the same object', async () => {
  const store = new MetricStore()
  const error = new RangeError('no such symbol')
  const abort = new DOMException('stopped', 'AbortError')
  const desk = instrumentBacktestEngine(
    {
      async run(bars: { symbol: string; length: number }) {
        await Promise.resolve()
        if (bars.symbol === 'BAD') throw error
        if (bars.symbol === 'STOP') throw abort
        return bars.length
      },
    },
    { store },
  )
  expect(await desk.run({ symbol: 'A', length: 5 })).toBe(5)
  await expect(desk.run({ symbol: 'BAD', length: 5 })).rejects.toBe(error)
  await expect(desk.run({ symbol: 'STOP', length: 5 })).rejects.toBe(abort)
  const outcomes = memory
    .getFinishedSpans()
    .map(({ attributes, status }) => [attributes['tapescope.status'], attributes['error.type'], status.code])
  expect(outcomes).toEqual([
    ['completed', undefined, 0],
    ['failed', 'RangeError', 2],
    ['cancelled', 'AbortError', 0],
  ])
  const counted = [...store.families.get('backtest_executions_total')!.series.values()]
  expect(counted.map(({ labels }) => labels['status'])).toEqual(['completed', 'failed', 'cancelled'])
})

it('observes an engine that answers bar by bar until its last bar, and counts it once', async () => {
  const store = new MetricStore()
  const desk = instrumentBacktestEngine(
    {
      async *run(bars: { symbol: string; length: number }) {
        for (let bar = 0; bar < bars.length; bar++) yield withSpan('bar', () => bar)
      },
    },
    { store },
  )
  const answers = desk.run({ symbol: 'A', length: 3 })
  expect(memory.getFinishedSpans()).toEqual([])
  const seen: number[] = []
  for await (const bar of answers) seen.push(bar)
  expect([seen, (await answers.next()).done]).toEqual([[0, 1, 2], true])
  const spans = memory.getFinishedSpans()
  expect(spans.map(({ name }) => name)).toEqual(['bar', 'bar', 'bar', 'backtest.run'])
  expect(spans[0].parentSpanContext?.spanId).toBe(spans[3].spanContext().spanId)
  const [counted] = [...store.families.get('backtest_executions_total')!.series.values()]
  expect(counted.slots[0]).toBe(1)
})

it('goes with whoever is registered when a run begins', () => {
  const desk = instrumentBacktestEngine({ run: (bars: object) => bars }, { store: new MetricStore() })
  const first = trace.getTracerProvider()
  const second = new InMemorySpanExporter()
  desk.run({})
  trace.disable()
  desk.run({})
  trace.setGlobalTracerProvider(
    new SpanProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter: second })] }),
  )
  desk.run({})
  trace.disable()
  trace.setGlobalTracerProvider(first instanceof ProxyTracerProvider ? first.getDelegate() : first)
  expect([memory.getFinishedSpans().length, second.getFinishedSpans().length]).toEqual([1, 1])
})

it('reads the series with the words of the engine', () => {
  const store = new MetricStore()
  const desk = instrumentBacktestEngine(
    { run: (candles: { ticker: string; prices: number[] }) => candles.prices.length },
    { store, series: ({ ticker, prices }) => ({ symbol: ticker, timeframe: '1h', bars: prices.length }) },
  )
  expect(desk.run({ ticker: 'TSLA', prices: [1, 2] })).toBe(2)
  expect(memory.getFinishedSpans()[0].attributes).toMatchObject({
    'tapescope.symbol': 'TSLA',
    'tapescope.timeframe': '1h',
    'tapescope.bars': 2,
  })
})

it('keeps overloads, this, extra arguments and an observer of the caller', () => {
  const heard: string[] = []
  const mine = {
    runStarted(run: { kind: string }) {
      heard.push(run.kind)
      return undefined
    },
  }
  const engine = lookEngine()
  const observed = instrumentSignalEngine(engine, { store: new MetricStore() })
  expect(observed.generate(seriesOf('A', 100), { observer: mine })).toEqual(
    engine.generate(seriesOf('A', 100)),
  )
  expect(heard).toEqual(['signals'])
  const calculator = {
    factor: 3,
    scale(value: number, ...more: number[]) {
      return [value, ...more].map((one) => one * this.factor)
    },
  }
  const watched = instrumentEngine(
    calculator,
    { scale: { describe: (value: number) => ({ spanName: 'desk.scale', bars: value }) } },
    { store: new MetricStore() },
  )
  expect(watched.scale(1, 2, 3)).toEqual([3, 6, 9])
  expect([watched.scale.name, watched.scale.length]).toEqual(['scale', 1])
})
