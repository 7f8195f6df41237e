import type { TraceSummary } from '../api.ts'
import { count, duration, hueOf, time } from '../format.ts'
import { Show, useGet } from '../load.tsx'
import { go, href, type Route } from '../route.ts'

const FIELDS = ['service', 'name', 'attribute', 'minDurationMs'] as const

/** Traces by service, span name, attribute, duration and error; newest first, asked for again while it is open. */
export function Traces({ route }: { route: Route }) {
  const { query } = route
  const given = Object.fromEntries(query)
  const asked = new URLSearchParams(Object.entries(given).filter(([, value]) => value !== ''))
  asked.set('limit', '200')
  const traces = useGet<{ traces: TraceSummary[] }>(`/api/traces?${asked}`, 2000)
  const set = (key: string, value: string): void => go(href('traces', { ...given, [key]: value }), true)
  const labels = {
    service: 'Service',
    name: 'Span name',
    attribute: 'key:value',
    minDurationMs: 'Longer than, ms',
  }
  return (
    <section>
      <div class="bar">
        <h1>Traces</h1>
        {FIELDS.map((field) => (
          <input
            key={field}
            type="search"
            class={field === 'minDurationMs' ? 'half short' : 'half'}
            aria-label={labels[field]}
            placeholder={labels[field]}
            value={query.get(field) ?? ''}
            onChange={(event) => set(field, event.currentTarget.value.trim())}
          />
        ))}
        <label class="check">
          <input
            type="checkbox"
            checked={query.get('error') === 'true'}
            onChange={(event) => set('error', event.currentTarget.checked ? 'true' : '')}
          />
          errors
        </label>
      </div>
      <Show of={traces}>
        {({ traces }) => {
          const longest = traces.reduce((most, { durationMs }) => Math.max(most, durationMs), 0)
          if (traces.length === 0) return <p class="quiet">No trace in the store matches.</p>
          return (
            <div class="scroll">
              <table class="list">
                <thead>
                  <tr>
                    <th>Trace</th>
                    <th>Service</th>
                    <th class="number">Duration</th>
                    <th class="spark">
                      <span class="hidden">Share of the longest</span>
                    </th>
                    <th class="number">Spans</th>
                    <th class="number">Errors</th>
                    <th>Started</th>
                  </tr>
                </thead>
                <tbody>
                  {traces.map((trace) => (
                    <tr key={trace.traceId}>
                      <td class="wide">
                        <a href={href(`trace/${trace.traceId}`)}>{trace.name || '(no name)'}</a>{' '}
                        <code class="quiet">{trace.traceId.slice(0, 8)}</code>
                      </td>
                      <td>
                        <i class="dot" style={{ '--hue': hueOf(trace.service) }} /> {trace.service}
                      </td>
                      <td class="number">{duration(trace.durationMs)}</td>
                      <td class="spark">
                        <i
                          class="share"
                          style={{ '--share': longest > 0 ? trace.durationMs / longest : 0 }}
                        />
                      </td>
                      <td class="number">{count(trace.spanCount)}</td>
                      <td class="number">
                        {trace.errorCount > 0 ? <b class="bad">{count(trace.errorCount)}</b> : '0'}
                      </td>
                      <td>{time(trace.startTime)}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          )
        }}
      </Show>
    </section>
  )
}
