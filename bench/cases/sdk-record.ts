import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import { bindCounter, bindHistogram, MetricStore, metricTable } from '@tapescope/sdk'
import { Histogram, Registry } from 'prom-client'
import type { BenchCase } from '../case.ts'
import { seededRandom } from '../statistics.ts'

const labels = { symbol: 'SPY', pattern_type: 'SPRING' } as const
const name = 'signal_generation_latency_seconds'
const { boundaries } = metricTable[name]
const records = 10_000

/** 10 µs to 0.1 s, evenly over the decades: no branch predictor can know the bucket. */
function latencies(seed: number): Float64Array {
  const random = seededRandom(seed)
  return Float64Array.from({ length: records }, () => 10 ** (random() * 4 - 5))
}

const noGarbage = {
  kind: 'allocation',
  maxBytes: 0.5,
  reason: 'Nothing is allocated; what is counted is the measurement itself, spread over the records.',
} as const

const histogram: BenchCase = {
  name: 'sdk-record/histogram',
  unit: 'record',
  about: 'record of a bound histogram, 15 buckets; histogram.record with two attributes beside it',
  kernel: true,
  budgets: [
    { kind: 'ceiling', maxNs: 8, statistic: 'p25', reason: 'A bar may be recorded: 2 % of its 400 ns.' },
    {
      kind: 'ratio',
      rival: 'OpenTelemetry',
      max: 1 / 30,
      reason: 'What OpenTelemetry takes for one record suffices for thirty.',
    },
    noGarbage,
  ],
  setup({ seed, rivals }) {
    const store = new MetricStore()
    const bound = bindHistogram(name, labels, store)
    const values = latencies(seed)
    let ours = 0
    const run = () => {
      for (let i = 0; i < values.length; i++) bound.record(values[i])
      ours += values.length
    }
    if (!rivals) return { units: records, run }
    const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
    const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 })
    const provider = new MeterProvider({ readers: [reader] })
    const theirs = provider.getMeter('bench').createHistogram(name, {
      unit: 's',
      advice: { explicitBucketBoundaries: [...boundaries] },
    })
    const labelNames = ['symbol', 'pattern_type']
    const registers = [new Registry()]
    const prom = new Histogram({ name, help: name, labelNames, buckets: [...boundaries], registers })
    let opentelemetry = 0
    return {
      units: records,
      run,
      rivals: [
        {
          name: 'OpenTelemetry',
          units: records,
          run() {
            for (let i = 0; i < values.length; i++) theirs.record(values[i], labels)
            opentelemetry += values.length
          },
        },
        {
          name: 'prom-client',
          units: records,
          run() {
            for (let i = 0; i < values.length; i++) prom.observe(labels, values[i])
          },
        },
      ],
      /** The same values must stand in the same buckets. */
      async verify() {
        await provider.forceFlush()
        const point = exporter.getMetrics().at(-1)?.scopeMetrics[0]?.metrics[0]?.dataPoints[0]?.value
        const { counts } = (point as { buckets: { counts: number[] } }).buckets
        const [series] = [...store.families.get(name)!.series.values()]
        for (const [bucket, count] of counts.entries())
          if (Math.abs(count / opentelemetry - series.slots[bucket] / ours) > 1e-9)
            throw new Error(`bucket ${bucket}: ${series.slots[bucket]} of ${ours}, theirs ${count}`)
      },
      close: () => provider.shutdown(),
    }
  },
}

const counter: BenchCase = {
  name: 'sdk-record/counter',
  unit: 'add',
  about: 'add of a bound counter',
  kernel: true,
  budgets: [{ kind: 'ceiling', maxNs: 8, statistic: 'p25', reason: 'No more than a histogram.' }, noGarbage],
  setup() {
    const bound = bindCounter('signal_generation_requests_total', labels, new MetricStore())
    return {
      units: records,
      run() {
        for (let i = 0; i < records; i++) bound.add(i & 1)
      },
    }
  },
}

export default [histogram, counter]
