import { context, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { instrumentBacktestEngine } from './instrument-backtest-engine.ts'
import { instrumentEngine } from './instrument-engine.ts'
import { instrumentSignalEngine } from './instrument-signal-engine.ts'
import { MetricStore, processStore } from './metric-store.ts'
import type { EngineObserver, ObservedFact, RunDescription } from './engine-observer.ts'
import { traced } from './traced.ts'
import { withSpan } from './with-span.ts'

const memory = new InMemorySpanExporter()
const provider = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter: memory })] })

beforeAll(() => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  trace.setGlobalTracerProvider(provider)
})
afterAll(() => {
  trace.disable()
  context.disable()
})
beforeEach(() => memory.reset())

const throwing = (): never => {
  throw new Error('getter')
}
const circular: Record<string, unknown> = {}
circular['self'] = circular
const huge = 'x'.repeat(5_000_000)
const prototypes = JSON.parse('{"__proto__": {"polluted": true}, "constructor": "c"}') as object

/** What a careless or hostile caller gives as attributes, with what is kept of it. */
const attributes: [string, unknown, Record<string, unknown>][] = [
  ['null', null, {}],
  ['a text', 'text', {}],
  [
    'a getter that throws',
    Object.defineProperty({ a: 1 }, 'b', { enumerable: true, get: throwing }),
    { a: 1 },
  ],
  ['a circular value', { circular, a: 1 }, { a: 1 }],
  ['__proto__', prototypes, { constructor: 'c' }],
  ['5 MB', { huge }, { huge: `${'x'.repeat(4096)}…` }],
  ['NaN', { nan: Number.NaN, infinite: -Infinity, a: 0 }, { a: 0 }],
  ['what has no text', { big: 1n, symbol: Symbol('s'), call: () => 1, empty: null }, {}],
  ['mixed arrays', { mixed: [1, 'a'], good: ['a', 'b'], holes: [undefined] }, { good: ['a', 'b'] }],
  ['a proxy that throws', new Proxy({}, { ownKeys: throwing }), {}],
]

const refusals = (store: MetricStore): number =>
  [...store.misuseCounts().values()].reduce((sum, count) => sum + count, 0)

for (const [what, given, kept] of attributes) {
  it(`withSpan takes ${what} as attributes: the work runs, the span is made, the misuse is counted`, () => {
    const before = refusals(processStore)
    const settings = { attributes: given as Record<string, string> }
    expect(withSpan('work', () => 7, settings)).toBe(7)
    expect(traced('work', () => 8, settings)()).toBe(8)
    expect(memory.getFinishedSpans().map((span) => span.attributes)).toEqual([kept, kept])
    expect(refusals(processStore)).toBeGreaterThan(before + 1)
  })

  it(`an engine that tells ${what} is observed all the same`, () => {
    const store = new MetricStore()
    const fact = { kind: 'signal', bar: 0, time: Number.NaN, attributes: given } as ObservedFact
    const description = {
      kind: 'signals',
      symbol: 'A',
      timeframe: '1d',
      bars: 1,
      stages: [],
      attributes: given,
    }
    const engine = {
      generate(bars: { symbol: string }, { observer }: { observer?: EngineObserver } = {}) {
        const run = observer?.runStarted(description as unknown as RunDescription)
        run?.fact(fact)
        run?.runEnded({ bars: 1 })
        return bars.symbol
      },
    }
    expect(instrumentSignalEngine(engine, { store }).generate({ symbol: 'A' })).toBe('A')
    const [span] = memory.getFinishedSpans()
    expect(span.name).toBe('signals.generate')
    expect(span.events.map(({ name }) => name)).toEqual(['signal'])
    expect(refusals(store)).toBeGreaterThan(0)
  })
}

it('takes names, settings and facts that are none', () => {
  const before = refusals(processStore)
  for (const name of [null, undefined, 5, Symbol('s'), {}]) expect(withSpan(name as string, () => 1)).toBe(1)
  expect(withSpan('null settings', () => 2, null as never)).toBe(2)
  expect(memory.getFinishedSpans().map(({ name }) => name)).toEqual([
    ...Array.from({ length: 5 }, () => 'unnamed'),
    'null settings',
  ])
  expect(refusals(processStore)).toBe(before + 5)
  const store = new MetricStore()
  const engine = {
    run(_bars: object, _config: object | undefined, { observer }: { observer?: EngineObserver } = {}) {
      const run = observer?.runStarted({
        kind: 'x',
        symbol: 'A',
        timeframe: '1d',
        bars: 1,
        stages: [],
        attributes: {},
      })
      for (const fact of [null, undefined, 7, {}, { kind: Symbol('s') }, { kind: huge }])
        run?.fact(fact as unknown as ObservedFact)
      for (let i = 0; i < 1000; i++) run?.fact({ kind: `kind ${i}`, bar: i, time: i, attributes: {} })
      return 1
    },
  }
  expect(instrumentBacktestEngine(engine, { store }).run({}, undefined)).toBe(1)
  const [span] = memory.getFinishedSpans().slice(-1)
  const kinds = Object.keys(span.attributes).filter((name) => name.startsWith('tapescope.facts.kind'))
  expect(kinds.length).toBeLessThanOrEqual(32)
  expect(span.attributes['tapescope.facts.other']).toBe(1000 - kinds.length)
  expect(store.misuseCounts().get('fact_invalid')).toBe(6)
})

it('harms nobody when a span processor throws', () => {
  const hostile = new TracerProvider({
    spanProcessors: [{ onStart() {}, onEnd: throwing, forceFlush: async () => {}, shutdown: async () => {} }],
  })
  const refusing = { startSpan: throwing, startActiveSpan: throwing }
  const store = new MetricStore()
  trace.disable()
  trace.setGlobalTracerProvider(hostile)
  expect(withSpan('end throws', () => 1)).toBe(1)
  const engine = { run: (bars: { symbol: string }) => bars.symbol }
  expect(
    instrumentBacktestEngine(engine, { store, tracer: hostile.getTracer('x') }).run({ symbol: 'A' }),
  ).toBe('A')
  expect(instrumentBacktestEngine(engine, { store, tracer: refusing }).run({ symbol: 'B' })).toBe('B')
  expect(store.misuseCounts().get('adapter_threw')).toBe(2)
  trace.disable()
  trace.setGlobalTracerProvider({ getTracer: () => refusing })
  expect(withSpan('start throws', () => 1)).toBe(1)
  expect(processStore.misuseCounts().get('span_refused')).toBe(1)
  expect(processStore.misuseCounts().get('span_end_threw')).toBe(1)
  trace.disable()
  trace.setGlobalTracerProvider(provider)
})

it('wraps frozen engines, classes with private fields, and writes through', () => {
  const frozen = Object.freeze({ run: (bars: { symbol: string }) => bars.symbol, version: 3 })
  const observed = instrumentBacktestEngine(frozen)
  expect([observed.run({ symbol: 'A' }), observed.version]).toEqual(['A', 3])
  class Desk {
    #cash = 5
    fee = 1
    run(_bars: object) {
      return this.#cash - this.fee
    }
    self() {
      return this
    }
  }
  const desk = new Desk()
  const watched = instrumentBacktestEngine(desk)
  watched.fee = 2
  expect([desk.fee, watched.run({}), watched instanceof Desk, watched.self() === watched]).toEqual([
    2,
    3,
    true,
    true,
  ])
  expect(Object.keys(watched)).toEqual(['fee'])
  expect(() => instrumentEngine(null as unknown as object, {})).toThrow(/give an object/)
})

it('a describe, ended or observe that throws leaves the engine alone', () => {
  const store = new MetricStore()
  const engine = { simulate: (price: number) => price * 2 }
  for (const broken of [
    { describe: throwing },
    { describe: () => ({ spanName: 'x' }), observe: throwing },
    { describe: () => ({ spanName: 'x' }), ended: throwing },
    { describe: () => ({ spanName: 'x' }), barsOf: throwing },
  ])
    expect(instrumentEngine(engine, { simulate: broken }, { store }).simulate(4)).toBe(8)
  expect(store.misuseCounts().get('adapter_threw')).toBe(4)
  expect(memory.getFinishedSpans().length).toBe(3)
})
