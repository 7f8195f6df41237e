/** One line of a scrape. */
export interface Sample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
  readonly exemplar?: {
    readonly traceId: string
    readonly spanId: string
    readonly value: number
    readonly time: number
  }
}

const LINE =
  /^([a-zA-Z_:][\w:]*)(?:\{((?:[^"}]|"(?:\\.|[^"\\])*")*)\})? (\S+)(?: [\d.e+]+)?(?: # \{((?:[^"}]|"(?:\\.|[^"\\])*")*)\} (\S+)(?: (\S+))?)?$/

/** Samples of OpenMetrics text. A line that is none is left out. */
export function readOpenMetrics(text: string): Sample[] {
  const samples: Sample[] = []
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue
    const found = LINE.exec(line)
    if (!found) continue
    const [, name, labels = '', value, exemplar, exemplarValue, exemplarTime] = found
    const sample: Sample = { name, labels: readLabels(labels), value: Number(value) }
    const of = exemplar === undefined ? {} : readLabels(exemplar)
    if (of['trace_id'] === undefined) samples.push(sample)
    else
      samples.push({
        ...sample,
        exemplar: {
          traceId: of['trace_id'],
          spanId: of['span_id'] ?? '',
          value: Number(exemplarValue),
          time: Number(exemplarTime ?? 0),
        },
      })
  }
  return samples
}

function readLabels(text: string): Record<string, string> {
  const labels: Record<string, string> = {}
  for (const [, key, value] of text.matchAll(/([a-zA-Z_]\w*)="((?:\\.|[^"\\])*)"/g))
    labels[key] = value.replace(/\\(.)/g, (_, c: string) => (c === 'n' ? '\n' : c))
  return labels
}

/** What the sidecar counted of the spans of one name. */
export interface SpanMetric {
  readonly service: string
  readonly span: string
  calls: number
  errors: number
  /** Upper bounds in seconds, and how many calls stayed within each. */
  readonly buckets: Map<number, number>
  readonly exemplars: NonNullable<Sample['exemplar']>[]
}

/** A scrape that converts resources has the service's name as `job`. */
export const serviceOf = (labels: Sample['labels']): string => labels['service_name'] ?? labels['job'] ?? ''

export function spanMetrics(samples: readonly Sample[]): SpanMetric[] {
  const found = new Map<string, SpanMetric>()
  for (const { name, labels, value, exemplar } of samples) {
    const span = labels['span_name']
    if (span === undefined) continue
    const service = serviceOf(labels)
    const key = `${service}\n${span}`
    let metric = found.get(key)
    if (!metric)
      found.set(key, (metric = { service, span, calls: 0, errors: 0, buckets: new Map(), exemplars: [] }))
    if (name.endsWith('_bucket')) {
      const le = Number((labels['le'] ?? '').replace('+Inf', 'Infinity'))
      metric.buckets.set(le, (metric.buckets.get(le) ?? 0) + value)
      if (exemplar) metric.exemplars.push(exemplar)
    } else if (name.endsWith('calls_total')) {
      metric.calls += value
      if (labels['status_code'] === 'STATUS_CODE_ERROR') metric.errors += value
    }
  }
  return [...found.values()].sort((a, b) => b.calls - a.calls)
}

/** Milliseconds, linear within a bucket as Prometheus does it; undefined without calls. */
export function quantileMs({ buckets }: SpanMetric, q: number): number | undefined {
  const bounds = [...buckets].sort(([a], [b]) => a - b)
  const total = bounds.at(-1)?.[1] ?? 0
  if (total === 0) return undefined
  let lower = 0
  let below = 0
  for (const [bound, within] of bounds) {
    if (within >= q * total) {
      if (bound === Infinity) return lower * 1000
      return (lower + ((bound - lower) * (q * total - below)) / Math.max(within - below, 1e-9)) * 1000
    }
    lower = bound
    below = within
  }
  return undefined
}
