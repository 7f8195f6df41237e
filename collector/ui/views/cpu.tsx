import { useMemo } from 'preact/hooks'
import type { SpanDetail } from '../api.ts'
import { count, counted, duration } from '../format.ts'
import { Show, useGet } from '../load.tsx'
import { difference, flameOfSamples, foldCallers, scaled, type SampledProfile } from '../model/flame-tree.ts'
import { href, type Route } from '../route.ts'
import { Flame } from './flame.tsx'

/** CPU samples of one span (`trace`, `span`), of a span and all below it, or of all spans of a `name`. */
export function Cpu({ route }: { route: Route }) {
  const name = route.query.get('name')
  return name === null ? <SpanCpu route={route} /> : <NameCpu name={name} route={route} />
}

function SpanCpu({ route }: { route: Route }) {
  const trace = route.query.get('trace') ?? ''
  const span = route.query.get('span') ?? ''
  const below = route.query.get('below') === 'true'
  const asked = new URLSearchParams({ trace, ...(below && { below: 'true' }) })
  const path = `/api/spans/${encodeURIComponent(span)}/profile?${asked}`
  const profile = useGet<SampledProfile>(path)
  const detail = useGet<SpanDetail>(
    `/api/traces/${encodeURIComponent(trace)}/spans/${encodeURIComponent(span)}`,
  )
  const name = detail.data?.name ?? 'span'
  return (
    <section>
      <div class="bar">
        <h1>CPU inside {name}</h1>
        <a class="button" href={href(`trace/${trace}`, { span })}>
          The trace
        </a>
        <span class="switch" role="group" aria-label="Samples">
          <a aria-current={!below} href={href('cpu', { trace, span })}>
            This span
          </a>
          <a aria-current={below} href={href('cpu', { trace, span, below: 'true' })}>
            With all below
          </a>
        </span>
        <a class="button" href={speedscope(path, name)} target="_blank" rel="noreferrer">
          speedscope
        </a>
        <a class="button" href={path} download={`${name}.speedscope.json`}>
          Save
        </a>
      </div>
      {detail.data?.attributes['tapescope.stage.estimated'] !== undefined ? (
        <p class="quiet">
          A stage's span is drawn from timed bars ({duration(detail.data.durationMs)}). Its samples are those
          of the run whose stack passes through the stage's functions.
        </p>
      ) : null}
      <Show of={profile}>{(data) => <Samples profile={data} />}</Show>
    </section>
  )
}

function speedscope(path: string, title: string): string {
  return `/speedscope/#profileURL=${encodeURIComponent(path)}&title=${encodeURIComponent(title)}`
}

function Samples({ profile }: { profile: SampledProfile }) {
  const tree = useMemo(() => foldCallers(flameOfSamples(profile)), [profile])
  return (
    <>
      <p class="facts">
        {counted(tree.count, 'samples')}, {duration(tree.value)} of CPU
        {profile.name.includes(' through ') ? ` that pass through ${profile.name.split(' through ')[1]}` : ''}
        .{tree.count < 100 ? ' Fewer than 100 samples: take the shares as a hint.' : ''}
      </p>
      <Flame tree={tree} unit="samples" />
    </>
  )
}

/** All spans of a name: together, or the slowest 5 % against the rest. */
function NameCpu({ name, route }: { name: string; route: Route }) {
  const against = route.query.get('part') === 'slow'
  const path = (part: string): string => `/api/profile?${new URLSearchParams({ name, part })}`
  const all = useGet<SampledProfile>(against ? undefined : path('all'))
  const slow = useGet<SampledProfile>(against ? path('slow') : undefined)
  const rest = useGet<SampledProfile>(against ? path('rest') : undefined)
  return (
    <section>
      <div class="bar">
        <h1>CPU of all “{name}”</h1>
        <span class="switch" role="group" aria-label="Spans">
          <a aria-current={!against} href={href('cpu', { name })}>
            All
          </a>
          <a aria-current={against} href={href('cpu', { name, part: 'slow' })}>
            Slowest 5 % against the rest
          </a>
        </span>
        <a class="button" href={speedscope(path('all'), name)} target="_blank" rel="noreferrer">
          speedscope
        </a>
      </div>
      {against ? (
        <Show of={slow}>{(a) => <Show of={rest}>{(b) => <Against slow={a} rest={b} />}</Show>}</Show>
      ) : (
        <Show of={all}>{(data) => <Samples profile={data} />}</Show>
      )}
    </section>
  )
}

/** The rest is scaled to the slow ones' time, so that colours show where slow spans spend another share. */
function Against({ slow, rest }: { slow: SampledProfile; rest: SampledProfile }) {
  const tree = useMemo(() => {
    const [a, b] = [flameOfSamples(rest), flameOfSamples(slow)]
    const factor = a.value > 0 ? b.value / a.value : 1
    return { tree: foldCallers(difference(scaled(a, factor), b)), slow: b.count, rest: a.count }
  }, [slow, rest])
  return (
    <>
      <p class="facts">
        {count(tree.slow)} samples of the slowest 5 %, {count(tree.rest)} of the rest, whose times are scaled
        to the same sum. Red: a larger share in the slow ones.
      </p>
      <Flame tree={tree.tree} unit="samples" difference />
    </>
  )
}
