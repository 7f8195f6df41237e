import { context, metrics, trace } from '@opentelemetry/api'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createLogger } from './logs/create-logger.ts'
import { instrumentSignalEngine } from './instrument-signal-engine.ts'
import { bindCounter } from './instruments.ts'
import { keepTrace } from './keep-trace.ts'
import { processStore } from './metric-store.ts'
import { startTelemetry } from './start-telemetry.ts'
import { lookEngine, seriesOf } from './testing/look-engine.ts'
import { startOtlpSink, type OtlpSink } from './testing/otlp-sink.ts'
import { traced } from './traced.ts'
import { withSpan } from './with-span.ts'

let sink: OtlpSink
beforeAll(async () => {
  sink = await startOtlpSink()
})
afterAll(() => sink.close())

const count = (name: string, reason?: string): number => {
  let sum = 0
  for (const { labels, slots } of processStore.families.get(name)?.series.values() ?? [])
    if (reason === undefined || labels['reason'] === reason) sum += slots[0]
  return sum
}

it('leaves the program alone after shutdown, counts what is made all the same, and starts again', async () => {
  const telemetry = await startTelemetry({ otlpEndpoint: sink.url, logsExporter: ['otlp'] })
  const engine = instrumentSignalEngine(lookEngine())
  const bars = seriesOf('LATE', 3000)
  const expected = lookEngine().generate(bars)
  const add = traced('add', (a: number, b: number) => a + b)
  const tracer = trace.getTracer('held')
  const open = tracer.startSpan('open over shutdown')
  const histogram = metrics.getMeter('held').createHistogram('held_seconds')
  const lines: string[] = []
  const log = createLogger({ write: (line) => void lines.push(line) })
  engine.generate(bars)
  expect(await telemetry.shutdown()).toBe(true)
  const created = count('tapescope_spans_created_total')
  expect(count('tapescope_spans_delivered_total')).toBe(created)

  // Held from before: ended after shutdown, both are created and both are lost, and that is told.
  open.end()
  tracer.startSpan('too late').end()
  expect(count('tapescope_spans_created_total')).toBe(created + 2)
  expect(count('tapescope_spans_dropped_total', 'after_shutdown')).toBe(2)
  // All the rest does its work without.
  expect(engine.generate(bars)).toEqual(expected)
  expect([add(1, 2), withSpan('none', () => 3), await withSpan('none', async () => 4)]).toEqual([3, 3, 4])
  expect(() => withSpan('none', () => lookEngine().generate(null as never))).toThrow(TypeError)
  keepTrace(open)
  histogram.record(1)
  log.info('still written')
  expect(lines.at(-1)).toContain('still written')
  const runs = bindCounter('signal_generation_requests_total', { symbol: 'LATE', pattern_type: 'all' })
  runs.add()
  expect(context.active()).toBeDefined()
  expect(await telemetry.shutdown()).toBe(true)
  expect(await telemetry.flush()).toBe(true)
  const answer = await telemetry.metricsHandler(new Request('http://localhost/metrics'))
  expect([answer.status, await answer.text()]).toEqual([503, 'no metrics: telemetry has been shut down\n'])
  expect(processStore.misuseCounts().get('collect_refused')).toBe(1)
  expect(count('tapescope_spans_created_total')).toBe(created + 2)

  const again = await startTelemetry({ otlpEndpoint: sink.url })
  expect(again).not.toBe(telemetry)
  expect(engine.generate(bars)).toEqual(expected)
  const text = await (await again.metricsHandler(new Request('http://localhost/metrics'))).text()
  expect(text).toContain('signal_generation_requests_total{symbol="LATE",pattern_type="all"} 4\n')
  expect(await again.shutdown()).toBe(true)
  const made = count('tapescope_spans_created_total')
  expect(made).toBeGreaterThan(created + 2)
  expect(count('tapescope_spans_delivered_total')).toBe(made - 2)
})
