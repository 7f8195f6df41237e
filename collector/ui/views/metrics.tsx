import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import { count, duration, percent } from '../format.ts'
import { Show, useGet } from '../load.tsx'
import { quantileMs, readOpenMetrics, type SpanMetric, spanMetrics } from '../model/open-metrics.ts'
import { go, href, type Route } from '../route.ts'

interface Scrape {
  readonly time: number
  readonly text: string
}

/** What the sidecar's Prometheus exporter holds: calls, errors and durations by span name, exemplars as points. */
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
  const chosen = spans.find(({ span }) => span === route.query.get('span')) ?? wanted[0]
  return (
    <>
      {chosen && chosen.exemplars.length > 0 ? <Exemplars of={chosen} /> : null}
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
                    href={href('metrics', { ...Object.fromEntries(route.query), span: metric.span })}
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

/** Exemplars as points over time; a click opens the trace behind one. */
function Exemplars({ of }: { of: SpanMetric }) {
  const box = useRef<HTMLDivElement>(null)
  const points = useMemo(() => of.exemplars.toSorted((a, b) => a.time - b.time), [of])
  const [over, setOver] = useState<number>()
  const at = useRef<number | null>(null)
  useEffect(() => {
    const element = box.current!
    const ink = getComputedStyle(element)
    const line = { stroke: ink.borderTopColor, width: 1 }
    const axis = { stroke: ink.color, grid: line, ticks: line }
    const chart = new uPlot(
      {
        width: element.clientWidth,
        height: 180,
        legend: { show: false },
        cursor: { drag: { x: false, y: false } },
        axes: [axis, { ...axis, size: 70, values: (_, values) => values.map((ms) => duration(ms)) }],
        series: [{}, { paths: () => null, points: { show: true, size: 9, fill: ink.outlineColor } }],
        hooks: {
          setCursor: [
            ({ cursor }) => {
              at.current = cursor.idx ?? null
              setOver(cursor.idx ?? undefined)
            },
          ],
        },
      },
      [points.map(({ time }) => time), points.map(({ value }) => value * 1000)],
      element,
    )
    const watch = new ResizeObserver(() => chart.setSize({ width: element.clientWidth, height: 180 }))
    watch.observe(element)
    return () => {
      watch.disconnect()
      chart.destroy()
    }
  }, [points])
  const shown = over === undefined ? undefined : points[over]
  return (
    <section class="card">
      <h2>
        Exemplars of {of.span}{' '}
        <span class="facts">
          {shown
            ? `${duration(shown.value * 1000)}, trace ${shown.traceId.slice(0, 8)}: click opens it`
            : 'each point is a call with its trace'}
        </span>
      </h2>
      <div
        class="plot"
        ref={box}
        role="img"
        aria-label={`${points.length} exemplars of ${of.span}; the links below open them`}
        onClick={() => {
          const point = at.current === null ? undefined : points[at.current]
          if (point) go(href(`trace/${point.traceId}`, { span: point.spanId }))
        }}
      />
      <p class="facts">
        {points
          .toSorted((a, b) => b.value - a.value)
          .slice(0, 6)
          .map((point) => (
            <a
              key={point.spanId}
              class="button"
              href={href(`trace/${point.traceId}`, { span: point.spanId })}
            >
              {duration(point.value * 1000)}
            </a>
          ))}
      </p>
    </section>
  )
}
