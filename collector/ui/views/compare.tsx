import { useMemo } from 'preact/hooks'
import type { Run } from '../api.ts'
import { count, counted, duration, percent, time, valueText } from '../format.ts'
import { Show, useGet } from '../load.tsx'
import { compareTraces, type PathDifference, pathOf } from '../model/compare-traces.ts'
import {
  difference,
  flameOfSamples,
  flameOfSpans,
  foldCallers,
  type SampledProfile,
} from '../model/flame-tree.ts'
import { readTrace, type TraceColumns } from '../model/trace-model.ts'
import { go, href, type Route } from '../route.ts'
import { Flame } from './flame.tsx'

/** Paths that are told; a trace may have 100,000. */
const SHOWN = 1000

/** Run A against run B: by span path, and as a flame graph of the difference. */
export function Compare({ route }: { route: Route }) {
  const a = route.query.get('a') ?? ''
  const b = route.query.get('b') ?? ''
  const runs = useGet<{ runs: Run[] }>('/api/runs?limit=200')
  const choose = (side: 'a' | 'b', id: string): void =>
    go(href('compare', { ...Object.fromEntries(route.query), [side]: id }))
  return (
    <section>
      <div class="bar">
        <h1>Compare</h1>
        {(['a', 'b'] as const).map((side) => (
          <label key={side}>
            {side.toUpperCase()}{' '}
            <select
              value={route.query.get(side) ?? ''}
              onChange={(event) => choose(side, event.currentTarget.value)}
            >
              <option value="">choose a run…</option>
              {runs.data?.runs.map((run) => (
                <option key={run.spanId} value={run.traceId}>
                  {time(run.startTime)} {run.kind} {run.symbol} {duration(run.durationMs)}{' '}
                  {valueText(run.attributes['tapescope.run.strategy'] ?? '')}
                </option>
              ))}
            </select>
          </label>
        ))}
        {a !== '' && b !== '' ? (
          <a class="button" href={href('compare', { ...Object.fromEntries(route.query), a: b, b: a })}>
            Swap
          </a>
        ) : null}
      </div>
      {a === '' || b === '' ? (
        <p class="quiet">Choose two runs: B is measured against A.</p>
      ) : (
        <Pair a={a} b={b} route={route} />
      )}
    </section>
  )
}

function Pair({ a, b, route }: { a: string; b: string; route: Route }) {
  const before = useGet<TraceColumns>(`/api/traces/${encodeURIComponent(a)}/columns`)
  const after = useGet<TraceColumns>(`/api/traces/${encodeURIComponent(b)}/columns`)
  return (
    <Show of={before}>
      {(one) => <Show of={after}>{(two) => <Differences before={one} after={two} route={route} />}</Show>}
    </Show>
  )
}

function Differences({ before, after, route }: { before: TraceColumns; after: TraceColumns; route: Route }) {
  const [a, b] = useMemo(() => [readTrace(before), readTrace(after)], [before, after])
  const rows = useMemo(() => compareTraces(a, b), [a, b])
  const spans = useMemo(() => difference(flameOfSpans(a), flameOfSpans(b)), [a, b])
  const cpu = route.query.get('of') === 'cpu'
  const query = Object.fromEntries(route.query)
  return (
    <>
      <div class="bar">
        <span class="switch" role="group" aria-label="Flame graph of">
          <a aria-current={!cpu} href={href('compare', { ...query, of: undefined })}>
            Spans
          </a>
          <a aria-current={cpu} href={href('compare', { ...query, of: 'cpu' })}>
            CPU samples
          </a>
        </span>
        <span class="facts">
          <a href={href(`trace/${a.traceId}`)}>A</a> {duration(a.endMs)}, {counted(a.count, 'spans')} ·{' '}
          <a href={href(`trace/${b.traceId}`)}>B</a> {duration(b.endMs)}, {counted(b.count, 'spans')} · red
          grew, blue shrank
        </span>
      </div>
      {cpu ? <CpuDifference a={a.traceId} b={b.traceId} /> : <Flame tree={spans} unit="spans" difference />}
      <h3>By span path</h3>
      <div class="scroll" tabIndex={0} role="region" aria-label="By span path">
        <table class="list">
          <thead>
            <tr>
              <th>Path</th>
              <th class="number">Count A</th>
              <th class="number">B</th>
              <th class="number">Total A</th>
              <th class="number">B</th>
              <th class="number">B − A</th>
              <th class="number">Self A</th>
              <th class="number">B</th>
              <th class="number">p50 A</th>
              <th class="number">B</th>
              <th class="number">p95 A</th>
              <th class="number">B</th>
            </tr>
          </thead>
          <tbody>
            {rows.slice(0, SHOWN).map((row, i) => (
              <Row key={i} row={row} />
            ))}
          </tbody>
        </table>
        {rows.length > SHOWN ? <p class="quiet">…and {count(rows.length - SHOWN)} paths more.</p> : null}
      </div>
    </>
  )
}

function Row({ row }: { row: PathDifference }) {
  const { name, depth, a, b } = row
  const delta = (b?.total ?? 0) - (a?.total ?? 0)
  const share = a && a.total > 0 ? delta / a.total : undefined
  const both = (of: 'total' | 'self' | 'p50' | 'p95') => (
    <>
      <td class="number">{a ? duration(a[of]) : '–'}</td>
      <td class="number">{b ? duration(b[of]) : '–'}</td>
    </>
  )
  return (
    <tr>
      <td class="wide" title={pathOf(row).slice(-20).join(' › ')}>
        <span style={{ paddingLeft: `${Math.min(depth, 12) * 12}px` }}>{name || '(no name)'}</span>
      </td>
      <td class="number">{a ? count(a.count) : '–'}</td>
      <td class="number">{b ? count(b.count) : '–'}</td>
      {both('total')}
      <td
        class={`number ${share !== undefined && Math.abs(share) < 0.02 ? 'quiet' : delta > 0 ? 'grown' : 'shrunk'}`}
      >
        {delta >= 0 ? '+' : '−'}
        {duration(Math.abs(delta))}
        {share === undefined ? '' : ` (${delta >= 0 ? '+' : '−'}${percent(Math.abs(share))})`}
      </td>
      {both('self')}
      {both('p50')}
      {both('p95')}
    </tr>
  )
}

function CpuDifference({ a, b }: { a: string; b: string }) {
  const before = useGet<SampledProfile>(`/api/traces/${a}/profile`)
  const after = useGet<SampledProfile>(`/api/traces/${b}/profile`)
  return (
    <Show of={before}>
      {(one) => <Show of={after}>{(two) => <CpuPair before={one} after={two} />}</Show>}
    </Show>
  )
}

function CpuPair({ before, after }: { before: SampledProfile; after: SampledProfile }) {
  const tree = useMemo(
    () => foldCallers(difference(flameOfSamples(before), flameOfSamples(after))),
    [before, after],
  )
  return <Flame tree={tree} unit="samples" difference />
}
