import { metrics } from '@opentelemetry/api'
import { afterAll, afterEach, expect, it } from 'vitest'
import { instrumentBacktestEngine } from '../instrument-backtest-engine.ts'
import { createLogger } from '../logs/create-logger.ts'
import { withSpan } from '../with-span.ts'
import { createFakeClock, createTestTelemetry } from './index.ts'

const telemetry = createTestTelemetry()
afterEach(() => telemetry.reset())
afterAll(() => telemetry.stop())

it('asserts the tree of spans, and shows both when it is another', () => {
  withSpan('request', () => {
    withSpan('first', () => withSpan('inside', () => {}))
    withSpan('second', () => {})
  })
  withSpan('other', () => {})
  telemetry.expectTree(`
    request
      first
        inside
      second
    other
  `)
  expect(() => telemetry.expectTree('request\n  second')).toThrow(
    'expected:\nrequest\n  second\n\nfound:\nrequest\n  first\n    inside\n  second\nother\n',
  )
  expect(() => telemetry.span('nobody')).toThrow(
    '0 spans are named nobody; ended spans: inside, first, second, request, other',
  )
  telemetry.reset()
  expect(() => telemetry.expectTree('request')).toThrow('(no spans)')
})

it('reads metrics: its own, and those of the OpenTelemetry API', async () => {
  const labels = { symbol: 'HARNESS', status: 'completed' }
  expect(await telemetry.metric('backtest_executions_total', labels)).toBeUndefined()
  instrumentBacktestEngine({ run: (bars: { symbol: string; length: number }) => bars.length }).run({
    symbol: 'HARNESS',
    length: 9,
  })
  expect(await telemetry.metric('backtest_executions_total', labels)).toEqual({ kind: 'number', value: 1 })
  expect(await telemetry.metric('backtest_duration_seconds', { symbol: 'HARNESS' })).toMatchObject({
    kind: 'histogram',
    count: 1,
  })
  metrics
    .getMeter('own')
    .createHistogram('own', { advice: { explicitBucketBoundaries: [1, 2] } })
    .record(1.5, { a: 'b' })
  expect(await telemetry.metric('own', { a: 'b' })).toEqual({
    kind: 'histogram',
    count: 1,
    sum: 1.5,
    boundaries: [1, 2],
    counts: [0, 1, 0],
  })
  expect(await telemetry.metric('own')).toBeUndefined()
})

it('keeps log records with their trace', () => {
  const log = createLogger({ write: () => {} })
  withSpan('request', () => log.warn('slow', { seconds: 2 }))
  expect(telemetry.logRecords).toMatchObject([
    {
      body: 'slow',
      severityText: 'WARN',
      attributes: { seconds: 2 },
      spanContext: { spanId: telemetry.span('request').spanContext().spanId },
    },
  ])
})

it('has a clock that goes when it is told to', () => {
  const clock = createFakeClock(1_500)
  expect(clock.hrTime()).toEqual([1, 500_000_000])
  clock.advance(0.25)
  expect(clock.now()).toBe(1_500.25)
  expect(clock.hrTime()).toEqual([1, 500_250_000])
  expect(() => clock.advance(-1)).toThrow('cannot go on by -1 ms')
  expect(createFakeClock().now()).toBe(Date.UTC(2020, 0, 1))
})

it('does not start twice', () => {
  expect(() => createTestTelemetry()).toThrow('registered already')
})
