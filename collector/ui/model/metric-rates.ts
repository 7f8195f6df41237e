import type { History } from '../api.ts'
import { quantileMs, serviceOf, type SpanMetric } from './open-metrics.ts'

/** What happened between one scrape and the next, at the time of the later one; null where nothing did. */
interface Rates {
  /** Epoch seconds. */
  readonly time: number[]
  /** Per second. */
  readonly calls: (number | null)[]
  readonly errors: (number | null)[]
  /** Milliseconds, from the buckets that grew. */
  readonly p50: (number | null)[]
  readonly p95: (number | null)[]
}

/** Rates and quantiles of a service's spans of one name. A counter that falls began anew at 0, as Prometheus has it. */
export function ratesOf({ times, series: all }: History, service: string): Rates {
  const series = all.filter(({ labels }) => serviceOf(labels) === service)
  const rates: Rates = { time: [], calls: [], errors: [], p50: [], p95: [] }
  for (let i = 1; i < times.length; i++) {
    const seconds = (times[i] - times[i - 1]) / 1000
    if (seconds <= 0) continue
    let calls: number | null = null
    let errors = 0
    const buckets = new Map<number, number>()
    for (const { name, labels, values } of series) {
      const grew = increase(values[i - 1], values[i])
      if (grew === null) continue
      if (name.endsWith('_bucket')) {
        const bound = Number((labels['le'] ?? '').replace('+Inf', 'Infinity'))
        buckets.set(bound, (buckets.get(bound) ?? 0) + grew)
      } else if (name.endsWith('calls_total')) {
        calls = (calls ?? 0) + grew
        if (labels['status_code'] === 'STATUS_CODE_ERROR') errors += grew
      }
    }
    const quantile = (q: number): number | null => quantileMs({ buckets } as SpanMetric, q) ?? null
    rates.time.push(times[i] / 1000)
    rates.calls.push(calls === null ? null : calls / seconds)
    rates.errors.push(calls === null ? null : errors / seconds)
    rates.p50.push(quantile(0.5))
    rates.p95.push(quantile(0.95))
  }
  return rates
}

/** A series that is new to this scrape began at 0 after the one before. */
function increase(before: number | null, after: number | null): number | null {
  if (after === null) return null
  return before === null || after < before ? after : after - before
}
