import { useMemo, useState } from 'preact/hooks'
import type { History } from '../api.ts'
import { count, counted, duration, percent } from '../format.ts'
import { Show, useGet } from '../load.tsx'
import { quantileMs, readOpenMetrics, type SpanMetric, spanMetrics } from '../model/open-metrics.ts'
import { ratesOf } from '../model/metric-rates.ts'
import { go, href, type Route } from '../route.ts'
import { type Line, LineChart } from './line-chart.tsx'

interface Scrape {
  readonly time: number
  readonly text: string
}

/** What the sidecar's Prometheus exporter holds: calls, errors and durations by span name, over the last hour. */
export function Metrics({ route }: { route: Route }) {
  const scrape = useGet<Scrape>('/api/metrics', 5000)
  const filter = route.query.get('q') ?? ''
  return (
    <section>
      <div class="bar">
        <h1>Metrics</h1>
        <input
          type="search"
          aria-label="Filter span names"
          placeholder="Filter span names  /"
          value={filter}
          onInput={(event) =>
            go(href('metrics', { ...Object.fromEntries(route.query), q: event.currentTarget.value }), true)
          }
        />
      </div>
      <Show of={scrape}>{(data) => <Tables scrape={data} filter={filter} route={route} />}</Show>
    </section>
  )
}

function Tables({ scrape, filter, route }: { scrape: Scrape; filter: string; route: Route }) {
  const { spans, others } = useMemo(() => {
    const samples = readOpenMetrics(scrape.text)
    return {
      spans: spanMetrics(samples),
      others: samples.filter(
        ({ name, labels }) => labels['span_name'] === undefined && !name.endsWith('_bucket'),
      ),
    }
  }, [scrape])
  const wanted = spans.filter(({ span }) => span.toLowerCase().includes(filter.toLowerCase()))
  const named = route.query.get('span')
  const chosen =
    spans.find(({ span, service }) => span === named && service === (route.query.get('of') ?? service)) ??
    wanted[0]
  return (
    <>
      {chosen ? <Chosen key={chosen.service + chosen.span} of={chosen} route={route} /> : null}
      {wanted.length === 0 ? (
        <p class="quiet">
          {spans.length === 0
            ? 'No span has been counted yet. The first numbers come within ten seconds of the first span.'
            : `No span name has “${filter}”.`}
        </p>
      ) : null}
      <div class="scroll">
        <table class="list">
          <thead>
            <tr>
              <th>Span</th>
              <th class="number">Calls</th>
              <th class="number">Errors</th>
              <th class="number">p50</th>
              <th class="number">p95</th>
              <th class="number">p99</th>
              <th />
            </tr>
          </thead>
          <tbody>
            {wanted.map((metric) => (
              <tr key={metric.service + metric.span}>
                <td class="wide">
                  <a
                    href={href('metrics', {
                      ...Object.fromEntries(route.query),
                      span: metric.span,
                      of: metric.service,
                    })}
                    aria-current={metric === chosen ? 'true' : undefined}
                  >
                    {metric.span || '(no name)'}
                  </a>{' '}
                  <span class="quiet">{metric.service}</span>
                </td>
                <td class="number">{count(metric.calls)}</td>
                <td class="number">{metric.errors > 0 ? percent(metric.errors / metric.calls) : '0'}</td>
                {[0.5, 0.95, 0.99].map((q) => {
                  const ms = quantileMs(metric, q)
                  return (
                    <td class="number" key={q}>
                      {ms === undefined ? '–' : duration(ms)}
                    </td>
                  )
                })}
                <td>
                  <a href={href('traces', { name: metric.span })}>traces</a>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {others.length > 0 ? (
        <details>
          <summary>{count(others.length)} other series</summary>
          <table class="attributes">
            <tbody>
              {others.slice(0, 500).map(({ name, labels, value }, i) => (
                <tr key={i}>
                  <th scope="row">{name}</th>
                  <td>
                    {value.toLocaleString('en')}{' '}
                    <span class="quiet">{Object.values(labels).join(' ').slice(0, 300)}</span>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </details>
      ) : null}
    </>
  )
}

/** The chosen span's rate, errors and durations over the last hour; a click on an exemplar opens its trace. */
function Chosen({ of, route }: { of: SpanMetric; route: Route }) {
  const minutes = Number(route.query.get('minutes') ?? 15)
  const asked = new URLSearchParams({ minutes: String(minutes) })
  asked.append('label', `span_name:${of.span}`)
  const history = useGet<History>(`/api/metrics/history?${asked}`, 5000)
  const { data } = history
  const rates = useMemo(() => (data ? ratesOf(data, of.service) : undefined), [data, of.service])
  const charts = useMemo(
    () =>
      rates && {
        calls: [
          { label: 'calls', values: rates.calls, colour: 'accent' },
          ...(rates.errors.some((one) => one !== null && one > 0)
            ? [{ label: 'errors', values: rates.errors, colour: 'bad' as const }]
            : []),
        ] satisfies Line[],
        durations: [
          { label: 'p50', values: rates.p50, colour: 'quiet' },
          { label: 'p95', values: rates.p95, colour: 'accent' },
        ] satisfies Line[],
      },
    [rates],
  )
  const points = useMemo(() => {
    const since = rates?.time[0] ?? -Infinity
    const all = of.exemplars.map((one) => ({ ...one, value: one.value * 1000 }))
    const recent = all.filter(({ time }) => time >= since)
    return (recent.length > 0 ? recent : all).sort((a, b) => b.value - a.value)
  }, [of, rates])
  const [over, setOver] = useState<(typeof points)[number]>()
  const open = (point: (typeof points)[number]): void =>
    go(href(`trace/${point.traceId}`, { span: point.spanId }))
  return (
    <section class="card">
      <div class="bar">
        <h2>
          {of.span || '(no name)'} <span class="quiet">{of.service}</span>
        </h2>
        <span class="switch" role="group" aria-label="Minutes">
          {[5, 15, 60].map((one) => (
            <a
              key={one}
              aria-current={one === minutes}
              href={href('metrics', { ...Object.fromEntries(route.query), minutes: one })}
            >
              {one} min
            </a>
          ))}
        </span>
      </div>
      {rates && charts && rates.time.length > 0 ? (
        <div class="charts">
          <figure>
            <figcaption>
              Calls per second; <b class="bad">errors</b>
            </figcaption>
            <LineChart
              label={`Calls and errors per second of ${of.span}, the last ${minutes} minutes`}
              time={rates.time}
              lines={charts.calls}
              format={perSecond}
            />
          </figure>
          <figure>
            <figcaption>
              {over
                ? `${duration(over.value)}, trace ${over.traceId.slice(0, 8)}: a click opens it`
                : 'Duration: p50, p95; each large point is a call that a click opens'}
            </figcaption>
            <LineChart
              label={`Durations of ${of.span} with ${points.length} exemplars; the links below open them`}
              time={rates.time}
              lines={charts.durations}
              points={points}
              format={duration}
              over={setOver}
              open={open}
            />
          </figure>
        </div>
      ) : (
        <p class="quiet">Its history begins with the second scrape, within ten seconds.</p>
      )}
      {history.error ? <p class="problem">{history.error.message}</p> : null}
      {(data?.notKept ?? 0) > 0 ? (
        <p class="quiet">
          The history has no room for {counted(data!.notKept, 'series')}: nothing is told of them.
        </p>
      ) : null}
      {points.length > 0 ? (
        <p class="facts">
          Slowest calls{' '}
          {points.slice(0, 6).map((point) => (
            <a
              key={point.spanId}
              class="button"
              href={href(`trace/${point.traceId}`, { span: point.spanId })}
            >
              {duration(point.value)}
            </a>
          ))}
        </p>
      ) : null}
    </section>
  )
}

const perSecond = (value: number): string =>
  value >= 10 ? value.toFixed(0) : String(Number(value.toPrecision(2)))
