import { useEffect, useMemo, useState } from 'preact/hooks'
import type { SampleCounts } from '../api.ts'
import { count, counted, duration } from '../format.ts'
import { Show, useGet } from '../load.tsx'
import {
  criticalPath,
  findSpan,
  nameOf,
  readTrace,
  spanIdOf,
  type TraceColumns,
  type TraceModel,
} from '../model/trace-model.ts'
import { flameOfSpans } from '../model/flame-tree.ts'
import { go, href, type Route } from '../route.ts'
import { Flame } from './flame.tsx'
import { SpanPanel } from './span-panel.tsx'
import { Waterfall } from './waterfall.tsx'

/** One trace: waterfall or flame graph, and the span that is looked at. */
export function Trace({ route }: { route: Route }) {
  const traceId = route.path[1] ?? ''
  const loaded = useGet<TraceColumns>(`/api/traces/${encodeURIComponent(traceId)}/columns`)
  return <Show of={loaded}>{(columns) => <TraceView columns={columns} route={route} />}</Show>
}

function TraceView({ columns, route }: { columns: TraceColumns; route: Route }) {
  const trace = useMemo(() => readTrace(columns), [columns])
  const critical = useMemo(() => criticalPath(trace), [trace])
  const sampled = useGet<{ spans: SampleCounts }>(`/api/traces/${trace.traceId}/samples`, 5000)
  const { query } = route
  const view = query.get('view') === 'flame' ? 'flame' : 'waterfall'
  const text = query.get('q') ?? ''
  const chosen = findSpan(trace, query.get('span') ?? '')
  const set = (changes: Record<string, string>): void =>
    go(href(`trace/${trace.traceId}`, { ...Object.fromEntries(query), ...changes }), true)
  const found = useSearch(trace, text)
  const stage = useMemo(() => slowestStage(trace), [trace])
  const root = trace.roots[0]
  const samples = Object.values(sampled.data?.spans ?? {}).reduce((sum, one) => sum + one.samples, 0)
  return (
    <section class="trace">
      <div class="bar">
        <h1>
          {root === undefined ? 'Trace' : nameOf(trace, root)}{' '}
          <code class="quiet">{trace.traceId.slice(0, 8)}</code>
        </h1>
        <span class="facts">
          {duration(trace.endMs)} · {counted(trace.count, 'spans')} · {trace.services.join(', ')}
          {errors(trace) > 0 ? <b class="bad"> · {counted(errors(trace), 'errors')}</b> : null}
          {trace.adopted.size > 0 ? ` · ${trace.adopted.size} without their parent` : ''}
        </span>
      </div>
      <div class="bar">
        <input
          type="search"
          aria-label="Search in this trace"
          placeholder="Search names and attributes  /"
          value={text}
          onInput={(event) => set({ q: event.currentTarget.value })}
        />
        {found === undefined ? null : (
          <span class="facts" role="status">
            {count(found.size)} found
          </span>
        )}
        <span class="switch" role="group" aria-label="View">
          <button aria-pressed={view === 'waterfall'} onClick={() => set({ view: '' })}>
            Waterfall
          </button>
          <button aria-pressed={view === 'flame'} onClick={() => set({ view: 'flame' })}>
            Flame graph
          </button>
        </span>
        {samples > 0 && stage >= 0 ? (
          <a class="button strong" href={href('cpu', { trace: trace.traceId, span: spanIdOf(trace, stage) })}>
            CPU in {nameOf(trace, stage)}
          </a>
        ) : null}
        {samples > 0 && root !== undefined ? (
          <a
            class="button"
            href={href('cpu', { trace: trace.traceId, span: spanIdOf(trace, root), below: 'true' })}
          >
            CPU of the trace, {counted(samples, 'samples')}
          </a>
        ) : null}
        <a
          class="button"
          href={`/api/traces/${trace.traceId}/export`}
          download={`run-${trace.traceId.slice(0, 8)}.json`}
        >
          Export
        </a>
      </div>
      <div class={chosen >= 0 ? 'split' : ''}>
        {view === 'flame' ? (
          <SpanFlame trace={trace} />
        ) : (
          <Waterfall
            trace={trace}
            critical={critical}
            matches={found}
            chosen={chosen}
            sampled={sampled.data?.spans}
            choose={(span) => set({ span: span < 0 ? '' : spanIdOf(trace, span) })}
          />
        )}
        {chosen >= 0 ? (
          <SpanPanel
            trace={trace}
            span={chosen}
            critical={critical.has(chosen)}
            samples={sampled.data?.spans[spanIdOf(trace, chosen)]?.samples ?? 0}
            close={() => set({ span: '' })}
          />
        ) : null}
      </div>
    </section>
  )
}

function SpanFlame({ trace }: { trace: TraceModel }) {
  const tree = useMemo(() => flameOfSpans(trace), [trace])
  return <Flame tree={tree} unit="spans" />
}

function errors(trace: TraceModel): number {
  return trace.roots.reduce((sum, root) => sum + trace.errorsBelow[root], 0)
}

/** The longest span that stands for a stage of a run, -1 without one. */
function slowestStage(trace: TraceModel): number {
  let slowest = -1
  for (let i = 0; i < trace.count; i++) {
    if (!nameOf(trace, i).startsWith('stage.')) continue
    if (slowest < 0 || trace.duration[i] > trace.duration[slowest]) slowest = i
  }
  return slowest
}

/** Names at once; attributes and events when the sidecar has looked. Undefined without a search. */
function useSearch(trace: TraceModel, text: string): ReadonlySet<number> | undefined {
  const [late, setLate] = useState<{ text: string; spans: readonly number[] }>()
  useEffect(() => {
    if (text === '') return undefined
    const stop = new AbortController()
    const timer = setTimeout(() => {
      fetch(`/api/traces/${trace.traceId}/search?q=${encodeURIComponent(text)}`, { signal: stop.signal })
        .then(async (response) => (await response.json()) as { spanIds?: string[] })
        .then(({ spanIds = [] }) => setLate({ text, spans: spanIds.map((id) => findSpan(trace, id)) }))
        .catch(() => undefined)
    }, 200)
    return () => {
      clearTimeout(timer)
      stop.abort()
    }
  }, [trace, text])
  return useMemo(() => {
    if (text === '') return undefined
    const found = new Set<number>()
    const wanted = text.toLowerCase()
    const named = trace.names.map((name) => name.toLowerCase().includes(wanted))
    for (let i = 0; i < trace.count; i++) if (named[trace.name[i]]) found.add(i)
    if (late?.text === text) for (const span of late.spans) if (span >= 0) found.add(span)
    return found
  }, [trace, text, late])
}
