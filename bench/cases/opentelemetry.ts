import { context, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import { BatchSpanProcessor, InMemorySpanExporter, TracerProvider } from '@opentelemetry/sdk-trace'
import { Histogram, Registry } from 'prom-client'
import type { BenchCase } from '../case.ts'
import { seededRandom } from '../statistics.ts'

/** What observing costs without us: the figures that the SDK's own cases are held against. */

const buckets = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 0.8, 1, 2, 5]
const attributes = { symbol: 'SPY', pattern_type: 'SPRING' }

function latencies(seed: number): Float64Array {
  const random = seededRandom(seed)
  return Float64Array.from({ length: 10_000 }, () => 10 ** (random() * 4 - 5))
}

const peer = 'A peer, not ours: the ceiling only tells that it ran as known (450 ns when designed).'

const histogramRecord: BenchCase = {
  name: 'opentelemetry/histogram-record',
  unit: 'record',
  about: "OpenTelemetry's histogram.record with two attributes, 15 buckets; prom-client's observe beside it",
  budgets: [{ kind: 'ceiling', maxNs: 5_000, reason: peer }],
  gate: false,
  setup({ seed }) {
    const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
    const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 })
    const provider = new MeterProvider({ readers: [reader] })
    const histogram = provider.getMeter('bench').createHistogram('latency', {
      unit: 's',
      advice: { explicitBucketBoundaries: buckets },
    })
    const prom = new Histogram({
      name: 'latency',
      help: 'latency',
      labelNames: ['symbol', 'pattern_type'],
      buckets,
      registers: [new Registry()],
    })
    const values = latencies(seed)
    let ours = 0
    let theirs = 0
    return {
      units: values.length,
      run() {
        for (const value of values) histogram.record(value, attributes)
        ours += values.length
      },
      rivals: [
        {
          name: 'prom-client',
          units: values.length,
          run() {
            for (const value of values) prom.observe(attributes, value)
            theirs += values.length
          },
        },
      ],
      async verify() {
        await provider.forceFlush()
        const point = exporter.getMetrics().at(-1)?.scopeMetrics[0]?.metrics[0]?.dataPoints[0]?.value
        const counts = (point as { buckets: { counts: number[] } }).buckets.counts.map((n) => n / ours)
        const { values: lines } = await prom.get()
        const cumulative = lines
          .filter(({ metricName }) => metricName === 'latency_bucket')
          .map(({ value }) => value / theirs)
        let sum = 0
        for (const [index, share] of counts.entries()) {
          sum += share
          if (Math.abs(sum - cumulative[index]) > 1e-9)
            throw new Error(`bucket ${index}: OpenTelemetry counts ${sum}, prom-client ${cumulative[index]}`)
        }
      },
      close: () => provider.shutdown(),
    }
  },
}

const activeSpan: BenchCase = {
  name: 'opentelemetry/start-active-span',
  unit: 'span',
  about:
    "OpenTelemetry's startActiveSpan with three attributes, sampled, batch processor: created, ended, queued",
  budgets: [{ kind: 'ceiling', maxNs: 50_000, reason: peer.replace('450', '900') }],
  gate: false,
  setup() {
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
    const exporter = new InMemorySpanExporter()
    const provider = new TracerProvider({
      spanProcessors: [
        new BatchSpanProcessor({ exporter, maxQueueSize: 100_000, scheduledDelayMillis: 3_600_000 }),
      ],
    })
    const tracer = provider.getTracer('bench')
    return {
      units: 1_000,
      async prepare() {
        await provider.forceFlush()
        exporter.reset()
      },
      run() {
        for (let i = 0; i < 1_000; i++)
          tracer.startActiveSpan('stage.volume', { attributes }, (span) => {
            span.setAttribute('bar', i)
            span.end()
          })
      },
      async verify() {
        await provider.forceFlush()
        const made = exporter.getFinishedSpans().length
        if (made !== 1_000) throw new Error(`1000 spans were ended, ${made} arrived at the exporter`)
        if (trace.getActiveSpan() !== undefined) throw new Error('a span stayed active')
      },
      close: () => provider.shutdown(),
    }
  },
}

export default [histogramRecord, activeSpan]
