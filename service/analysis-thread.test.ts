import { generateBars } from '@tapescope/engine'
import { startTelemetry, type Telemetry, withSpan } from '@tapescope/sdk'
import { type OtlpSink, startOtlpSink } from '@tapescope/sdk/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { analyseSeries } from './analyse-series.ts'
import { createAnalysisEngines } from './analysis-engines.ts'
import { type AnalysisThread, createAnalysisThread } from './analysis-thread.ts'
import { shareBars } from './share-bars.ts'

let sink: OtlpSink
let telemetry: Telemetry
let thread: AnalysisThread
const bars = shareBars(generateBars({ seed: 11, length: 25_000, symbol: 'LONG', timeframe: '1h' }).bars)
const window = { from: -Infinity, to: Infinity, limit: 10 }
const late = () => new Error('late')

beforeAll(async () => {
  sink = await startOtlpSink()
  const options = { otlpEndpoint: sink.url, tracesProtocol: 'http/json' as const }
  telemetry = await startTelemetry({ ...options, handleSignals: false })
  thread = createAnalysisThread(options)
})
afterAll(async () => {
  await thread.close()
  await telemetry.shutdown()
  await sink.close()
})

test('a series analysed in the thread gives the answers, rows and decision chains that it gives here', async () => {
  const here = analyseSeries(createAnalysisEngines().live, bars, { rows: true, events: window })
  const there = await thread.run({ bars, mode: 'live', wants: { rows: true, events: window } }, 10_000, late)
  expect(here.rows!.book.length).toBeGreaterThan(50)
  expect(here.rows!.patterns[0].json).toContain('"decided":[{"stage":"DETECTION"')
  expect(there.report).toEqual(here.report)
  expect(there.rows).toEqual(here.rows)
  expect(here.events!.events.length).toBe(window.limit)
  expect(there.events).toEqual(here.events)
})

test('its span is part of the trace of whoever asked, and says so to the backend', async () => {
  const { trace, asked } = await withSpan('asks', async (span) => {
    const { trace } = await thread.run({ bars, mode: 'replay', wants: {} }, 10_000, late)
    return { trace, asked: span.spanContext() }
  })
  expect(trace?.traceId).toBe(asked.traceId)
  const parent = `"parentSpanId":"${asked.spanId}"`
  const received = () =>
    sink.bodies.some(({ body }) => {
      const text = body.toString()
      return text.includes(`"spanId":"${trace!.spanId}"`) && text.includes(parent)
    })
  const deadline = Date.now() + 20_000
  while (!received() && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 20))
  expect(received()).toBe(true)
})

test('one after another; who waits too long is told so, and a thread that ended is replaced', async () => {
  const task = { bars, mode: 'replay' as const, wants: {} }
  const first = thread.run(task, 10_000, late)
  await expect(thread.run(task, 0, late)).rejects.toThrow('late')
  await expect(first).resolves.toMatchObject({ report: { bars: 25_000 } })
  const broken = thread.run(task, 10_000, late)
  await thread.close()
  await expect(broken).rejects.toThrow(/thread of the analysis ended/)
  await expect(thread.run(task, 10_000, late)).resolves.toMatchObject({ rows: null })
})

test('what the analysis throws comes back by name', async () => {
  const backwards = { ...bars, time: bars.time.toReversed() }
  await expect(
    thread.run({ bars: backwards, mode: 'replay', wants: {} }, 10_000, late),
  ).rejects.toMatchObject({ name: 'EngineError' })
})
