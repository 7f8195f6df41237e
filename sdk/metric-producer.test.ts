import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import { expect, it } from 'vitest'
import { keepSpans } from './fixtures/keep-spans.ts'
import { instrumentSignalEngine } from './instrument-signal-engine.ts'
import { createMetricProducer } from './metric-producer.ts'
import { MetricStore } from './metric-store.ts'
import { PullReader } from './pull-reader.ts'
import { lookEngine, seriesOf } from './testing/look-engine.ts'

keepSpans()

it('shows the same figures to every OpenTelemetry reader, beside those of its meters', async () => {
  const store = new MetricStore()
  const watched = instrumentSignalEngine(lookEngine(), { store })
  for (let i = 0; i < 3; i++) watched.generate(seriesOf('A', 5000))
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  const pushing = new PeriodicExportingMetricReader({
    exporter,
    exportIntervalMillis: 3_600_000,
    metricProducers: [createMetricProducer(store)],
  })
  const pulling = new PullReader(createMetricProducer(store))
  const provider = new MeterProvider({ readers: [pushing, pulling] })
  provider.getMeter('theirs').createCounter('theirs').add(7)
  await provider.forceFlush()
  const pushed = exporter
    .getMetrics()
    .at(-1)!
    .scopeMetrics.flatMap(({ metrics }) => metrics)
  const { resourceMetrics } = await pulling.collect()
  const pulled = resourceMetrics.scopeMetrics.flatMap(({ metrics }) => metrics)
  const valuesOf = (metrics: typeof pushed, name: string): unknown[] =>
    metrics
      .filter(({ descriptor }) => descriptor.name === name)
      .flatMap(({ dataPoints }) => dataPoints.map(({ value }) => value))
  const names = pushed.map(({ descriptor }) => descriptor.name)
  expect(names).toContain('theirs')
  expect(names).toContain('signal_generation_latency_seconds')
  for (const name of names) expect(valuesOf(pulled, name)).toEqual(valuesOf(pushed, name))
  expect(valuesOf(pushed, 'signal_generation_requests_total')).toEqual([3])
  await provider.shutdown()
})

it('counts what observing itself took, which is more than nothing and less than the runs', () => {
  const store = new MetricStore()
  instrumentSignalEngine(lookEngine(), { store }).generate(seriesOf('A', 50_000))
  const total = (name: string): number => [...store.families.get(name)!.series.values()][0].slots[0]
  expect(total('tapescope_overhead_seconds_total')).toBeGreaterThan(0)
  expect(total('tapescope_overhead_seconds_total')).toBeLessThan(total('tapescope_observed_seconds_total'))
})
