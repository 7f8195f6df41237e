import { context, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { PreciseClock } from './precise-clock.ts'
import { traced } from './traced.ts'
import { withSpan } from './with-span.ts'

const memory = new InMemorySpanExporter()

beforeAll(() => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  trace.setGlobalTracerProvider(
    new TracerProvider({
      spanProcessors: [new PreciseClock(), new SimpleSpanProcessor({ exporter: memory })],
    }),
  )
})
afterAll(() => {
  trace.disable()
  context.disable()
})
beforeEach(() => memory.reset())

const ended = () => memory.getFinishedSpans().map(({ name, attributes }) => [name, attributes['error.type']])

it('keeps a synchronous function synchronous, with its this, name and length', () => {
  const desk = {
    fee: 2,
    cost: traced('cost', function cost(this: { fee: number }, price: number) {
      return price + this.fee
    }),
  }
  expect(desk.cost(3)).toBe(5)
  expect([desk.cost.name, desk.cost.length]).toEqual(['cost', 1])
  expect(ended()).toEqual([['cost', undefined]])
})

it('throws on what was thrown, and says its type', async () => {
  const error = new RangeError('no')
  const fail = (): never => {
    throw error
  }
  expect(() => traced('sync', fail)()).toThrow(error)
  await expect(withSpan('async', async () => fail())).rejects.toBe(error)
  expect(ended()).toEqual([
    ['sync', 'RangeError'],
    ['async', 'RangeError'],
  ])
})

it('spans a generator until it is used up or left', () => {
  const count = traced('count', function* () {
    yield 1
    yield 2
  })
  expect([...count()]).toEqual([1, 2])
  for (const one of count()) if (one === 1) break
  expect(ended()).toEqual([
    ['count', undefined],
    ['count', undefined],
  ])
})

it('spans an async generator, and is the parent of what a step starts', async () => {
  const ticks = traced('ticks', async function* () {
    yield withSpan('tick', () => 1)
    throw new TypeError('feed is gone')
  })
  const seen: number[] = []
  await expect(
    (async () => {
      for await (const tick of ticks()) seen.push(tick)
    })(),
  ).rejects.toThrow('feed is gone')
  expect(seen).toEqual([1])
  const [tick, whole] = memory.getFinishedSpans()
  expect(tick.parentSpanContext?.spanId).toBe(whole.spanContext().spanId)
  expect(whole.attributes['error.type']).toBe('TypeError')
})

it('nests children within their parent to the nanosecond', () => {
  const nanos = ([seconds, rest]: [number, number]): bigint => BigInt(seconds) * 1_000_000_000n + BigInt(rest)
  for (let i = 0; i < 200; i++) withSpan('outer', () => withSpan('inner', () => i))
  const spans = memory.getFinishedSpans()
  for (let i = 0; i < spans.length; i += 2) {
    expect(nanos(spans[i].startTime) >= nanos(spans[i + 1].startTime)).toBe(true)
    expect(nanos(spans[i].endTime) <= nanos(spans[i + 1].endTime)).toBe(true)
  }
})
