import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks'
import type { SampleCounts } from '../api.ts'
import { count, counted, duration } from '../format.ts'
import { foldKey, listRows } from '../model/rows.ts'
import { nameOf, spanIdOf, type TraceModel } from '../model/trace-model.ts'
import { Minimap } from './minimap.tsx'
import { spanStyle } from './span-style.ts'

const ROW = 24
/** Browsers draw no element taller than about 33 million pixels; Firefox stops at 17. */
const MAX_HEIGHT = 15_000_000

interface WaterfallProps {
  readonly trace: TraceModel
  readonly critical: ReadonlySet<number>
  readonly matches: ReadonlySet<number> | undefined
  /** -1 for none. */
  readonly chosen: number
  readonly sampled: SampleCounts | undefined
  readonly choose: (span: number) => void
}

/** Spans as rows over time. Only the rows in sight are in the document, whatever the size of the trace. */
export function Waterfall({ trace, critical, matches, chosen, sampled, choose }: WaterfallProps) {
  const [closed, setClosed] = useState<ReadonlySet<number>>(new Set())
  const [unfolded, setUnfolded] = useState<ReadonlySet<string>>(new Set())
  const [range, setRange] = useState<readonly [number, number]>([0, trace.endMs])
  const [top, setTop] = useState(0)
  const [height, setHeight] = useState(600)
  const scroller = useRef<HTMLDivElement>(null)
  const rows = useMemo(
    () => listRows(trace, { closed, unfolded, matches }),
    [trace, closed, unfolded, matches],
  )
  useEffect(() => setRange([0, trace.endMs]), [trace])
  useLayoutEffect(() => {
    const box = scroller.current!
    const watch = new ResizeObserver(() => setHeight(box.clientHeight))
    watch.observe(box)
    return () => watch.disconnect()
  }, [])
  const at = rows.span.subarray(0, rows.length).indexOf(chosen)
  useEffect(() => {
    const box = scroller.current!
    if (at < 0) return
    if (at * ROW < box.scrollTop || (at + 1) * ROW > box.scrollTop + box.clientHeight - ROW)
      box.scrollTop = Math.max(0, at * ROW - box.clientHeight / 3)
  }, [at, chosen])

  const toggle = (row: number): void => {
    const span = rows.span[row]
    if (rows.count[row] > 1) setUnfolded(toggled(unfolded, foldKey(trace, span)))
    else setClosed(toggled(closed, span))
  }
  const move = (by: number): void => {
    const row = Math.min(rows.length - 1, Math.max(0, (at < 0 ? -by : at) + by))
    if (rows.length > 0) choose(rows.span[row])
  }
  const zoom = (factor: number): void => {
    const [from, to] = range
    const middle = chosen >= 0 ? trace.start[chosen] + trace.duration[chosen] / 2 : (from + to) / 2
    const half = Math.max(((to - from) * factor) / 2, 1e-4)
    setRange([Math.max(0, middle - half), Math.min(trace.endMs, middle + half)])
  }
  const press = (event: KeyboardEvent): void => {
    const actions: Record<string, () => void> = {
      ArrowDown: () => move(1),
      ArrowUp: () => move(-1),
      PageDown: () => move(20),
      PageUp: () => move(-20),
      Home: () => choose(rows.span[0]),
      End: () => choose(rows.span[rows.length - 1]),
      ArrowLeft: () => at >= 0 && !closed.has(chosen) && toggle(at),
      ArrowRight: () => at >= 0 && (closed.has(chosen) || rows.count[at] > 1) && toggle(at),
      Enter: () => at >= 0 && toggle(at),
      Escape: () => choose(-1),
      '+': () => zoom(0.5),
      '=': () => zoom(0.5),
      '-': () => zoom(2),
      '0': () => setRange([0, trace.endMs]),
      f: () => chosen >= 0 && setRange([trace.start[chosen], trace.start[chosen] + trace.duration[chosen]]),
    }
    if (event.ctrlKey || event.metaKey || event.altKey || !Object.hasOwn(actions, event.key)) return
    event.preventDefault()
    event.stopPropagation()
    actions[event.key]()
  }

  const [from, to] = range
  const width = Math.max(to - from, 1e-6)
  const full = Math.min(rows.length * ROW, MAX_HEIGHT)
  // Past the tallest element, one pixel of scrolling is more than one pixel of rows.
  const first = Math.max(0, Math.floor(full < rows.length * ROW ? (top / full) * rows.length : top / ROW) - 4)
  const last = Math.min(rows.length, first + Math.ceil(height / ROW) + 8)
  const offset = full < rows.length * ROW ? top - 4 * ROW : first * ROW
  const shown = Array.from({ length: last - first }, (_, i) => first + i)
  return (
    <div class="waterfall">
      <Minimap trace={trace} range={range} setRange={setRange} />
      <div class="axis" aria-hidden="true">
        <span class="name">
          {counted(rows.length, 'rows')}
          <small> ↑↓ move, ←→ fold, +− zoom, f fit</small>
        </span>
        <span class="ticks">
          {[0, 0.25, 0.5, 0.75].map((share) => (
            <i key={share} style={{ left: `${share * 100}%` }}>
              {duration(from + share * width)}
            </i>
          ))}
        </span>
      </div>
      <div
        class="rows"
        ref={scroller}
        role="grid"
        aria-label="Spans"
        aria-rowcount={rows.length}
        aria-activedescendant={at >= first && at < last ? `row-${at}` : undefined}
        tabIndex={0}
        onKeyDown={press}
        onScroll={(event) => setTop(event.currentTarget.scrollTop)}
      >
        <div class="all" style={{ height: `${full}px` }} role="presentation">
          {shown.map((row, i) => {
            const span = rows.span[row]
            const fold = rows.count[row] > 1
            const parts = trace.childFrom[span + 1] - trace.childFrom[span]
            const open = fold ? unfolded.has(foldKey(trace, span)) : !closed.has(span)
            const isMatch = matches?.has(span) === true
            const samples = sampled?.[spanIdOf(trace, span)]?.samples ?? 0
            const left = ((trace.start[span] - from) / width) * 100
            const size = (trace.duration[span] / width) * 100
            return (
              <div
                key={`${span} ${fold}`}
                id={`row-${row}`}
                class={`row${row === at ? ' chosen' : ''}${matches && !isMatch ? ' aside' : ''}`}
                role="row"
                aria-rowindex={row + 1}
                aria-selected={row === at}
                style={{ top: `${offset + i * ROW}px`, ...spanStyle(trace, span) }}
                onClick={() => choose(span)}
                onDblClick={() => toggle(row)}
              >
                <span class="name" role="gridcell" style={{ '--depth': Math.min(rows.depth[row], 24) }}>
                  {fold || parts > 0 ? (
                    <button
                      class="fold"
                      tabIndex={-1}
                      aria-label={open ? 'Fold' : 'Unfold'}
                      aria-expanded={open}
                      onClick={(event) => {
                        event.stopPropagation()
                        toggle(row)
                      }}
                    >
                      {open ? '▾' : '▸'}
                    </button>
                  ) : (
                    <i class="fold" />
                  )}
                  <span class={`text${trace.errorsBelow[span] > 0 ? ' bad' : ''}`}>
                    {nameOf(trace, span) || '(no name)'}
                    {fold ? ` × ${count(rows.count[row])}` : ''}
                  </span>
                  {samples > 0 && !fold ? <small class="samples">{counted(samples, 'samples')}</small> : null}
                </span>
                <span class="time" role="gridcell">
                  {fold && !open ? (
                    <FoldBars trace={trace} first={span} from={from} width={width} />
                  ) : (
                    <i
                      class={`span${critical.has(span) ? ' critical' : ''}${trace.status[span] === 2 ? ' error' : ''}`}
                      style={{ left: `${left}%`, width: `max(2px, ${size}%)` }}
                    />
                  )}
                  <small
                    style={
                      left + size < 70
                        ? { left: `calc(${Math.max(0, left + size)}% + 6px)` }
                        : { right: `calc(${Math.max(0, 100 - left)}% + 6px)` }
                    }
                  >
                    {fold ? '' : duration(trace.duration[span])}
                    {!fold && parts > 0 && trace.self[span] < trace.duration[span]
                      ? `  self ${duration(trace.self[span])}`
                      : ''}
                  </small>
                </span>
              </div>
            )
          })}
        </div>
      </div>
      {rows.length === 0 ? <p class="quiet">No span has it.</p> : null}
    </div>
  )
}

/** Where the siblings of a fold lie: at most one mark for each of 200 columns. */
function FoldBars({
  trace,
  first,
  from,
  width,
}: {
  trace: TraceModel
  first: number
  from: number
  width: number
}) {
  const marks = useMemo(() => {
    const columns = new Set<number>()
    const parent = trace.parent[first]
    const siblings =
      parent < 0 ? trace.roots : trace.children.subarray(trace.childFrom[parent], trace.childFrom[parent + 1])
    for (const span of siblings) {
      if (trace.name[span] !== trace.name[first]) continue
      const column = Math.floor(((trace.start[span] - from) / width) * 200)
      if (column >= 0 && column < 200) columns.add(column)
    }
    return [...columns]
  }, [trace, first, from, width])
  return (
    <>
      {marks.map((column) => (
        <i key={column} class="span mark" style={{ left: `${column / 2}%`, width: '0.5%' }} />
      ))}
    </>
  )
}

function toggled<Item>(set: ReadonlySet<Item>, item: Item): ReadonlySet<Item> {
  const made = new Set(set)
  if (!made.delete(item)) made.add(item)
  return made
}
