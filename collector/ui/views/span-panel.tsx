import type { Attributes, SpanDetail } from '../api.ts'
import { count, counted, duration, percent, valueText } from '../format.ts'
import { Show, useGet } from '../load.tsx'
import { nameOf, spanIdOf, type TraceModel } from '../model/trace-model.ts'
import { href } from '../route.ts'
import { spanStyle } from './span-style.ts'

interface SpanPanelProps {
  readonly trace: TraceModel
  readonly span: number
  readonly critical: boolean
  readonly samples: number
  readonly close: () => void
}

/** Rows of attributes that are shown before "all". */
const SHOWN = 200

/** All that is known of one span. */
export function SpanPanel({ trace, span, critical, samples, close }: SpanPanelProps) {
  const id = spanIdOf(trace, span)
  const loaded = useGet<SpanDetail>(`/api/traces/${trace.traceId}/spans/${id}`)
  const name = nameOf(trace, span)
  const parent = trace.parent[span]
  const skewed =
    parent >= 0 &&
    (trace.start[span] < trace.start[parent] - 1 ||
      trace.start[span] + trace.duration[span] > trace.start[parent] + trace.duration[parent] + 1)
  return (
    <aside class="panel" aria-label="Span">
      <div class="bar">
        <h2 style={spanStyle(trace, span)}>
          <i class="dot" /> {name || '(no name)'}
        </h2>
        <button aria-label="Close" onClick={close}>
          ✕
        </button>
      </div>
      <dl class="figures">
        <div>
          <dt>Duration</dt>
          <dd>{duration(trace.duration[span])}</dd>
        </div>
        <div>
          <dt>Self</dt>
          <dd>{duration(trace.self[span])}</dd>
        </div>
        <div>
          <dt>Of the trace</dt>
          <dd>{percent(trace.endMs > 0 ? trace.duration[span] / trace.endMs : 0)}</dd>
        </div>
        <div>
          <dt>Starts at</dt>
          <dd>{duration(trace.start[span])}</dd>
        </div>
      </dl>
      <p>
        <a class="button" href={href('cpu', { trace: trace.traceId, span: id })}>
          CPU in this span{samples > 0 ? `, ${counted(samples, 'samples')}` : ''}
        </a>{' '}
        <a class="button" href={href('cpu', { name })}>
          CPU of all “{name}”
        </a>
      </p>
      {critical ? <p class="quiet">On the critical path: the trace ended later because of it.</p> : null}
      {skewed ? <p class="quiet">Not within its parent: it ran on after it, or the clocks differ.</p> : null}
      {trace.adopted.has(span) ? (
        <p class="quiet">Its parent is not in the store, or is below itself.</p>
      ) : null}
      <Show of={loaded}>
        {(detail) => (
          <>
            {detail.status.code === 'error' ? (
              <p class="problem">{detail.status.message ?? 'The span failed, without a message.'}</p>
            ) : null}
            <Table title="Attributes" of={detail.attributes} />
            {detail.events.length > 0 ? <h3>Events ({count(detail.events.length)})</h3> : null}
            {detail.events.slice(0, SHOWN).map((event, i) => (
              <details key={i} class="event">
                <summary>
                  <span>
                    {duration(Number(BigInt(event.timeUnixNano) - BigInt(detail.startTimeUnixNano)) / 1e6)}
                  </span>{' '}
                  {event.name}
                </summary>
                <Table of={event.attributes} />
              </details>
            ))}
            {detail.events.length > SHOWN ? (
              <p class="quiet">…and {count(detail.events.length - SHOWN)} more.</p>
            ) : null}
            {detail.links.length > 0 ? <h3>Links ({count(detail.links.length)})</h3> : null}
            {detail.links.slice(0, SHOWN).map((link, i) => (
              <div key={i}>
                <p>
                  Span <code>{link.spanId.slice(0, 8)}</code> of trace{' '}
                  <a href={href(`trace/${link.traceId}`, { span: link.spanId })}>
                    {link.traceId.slice(0, 8)}
                  </a>
                </p>
                <Table of={link.attributes} />
              </div>
            ))}
            {detail.links.length > SHOWN ? (
              <p class="quiet">…and {count(detail.links.length - SHOWN)} more.</p>
            ) : null}
            <details>
              <summary>Resource and ids</summary>
              <Table
                of={{
                  trace_id: detail.traceId,
                  span_id: detail.spanId,
                  parent_span_id: detail.parentSpanId,
                  kind: detail.kind,
                  scope: detail.scope,
                  ...detail.resource,
                }}
              />
            </details>
          </>
        )}
      </Show>
    </aside>
  )
}

function Table({ title, of }: { title?: string; of: Attributes }) {
  const entries = Object.entries(of)
  if (entries.length === 0) return null
  return (
    <>
      {title === undefined ? null : (
        <h3>
          {title} ({count(entries.length)})
        </h3>
      )}
      <table class="attributes">
        <tbody>
          {entries.slice(0, SHOWN).map(([key, value]) => (
            <tr key={key}>
              <th scope="row">{key}</th>
              <td>{valueText(value).slice(0, 4000)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {entries.length > SHOWN ? <p class="quiet">…and {count(entries.length - SHOWN)} more.</p> : null}
    </>
  )
}
