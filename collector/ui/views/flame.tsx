import flamegraph from 'd3-flame-graph'
import { select } from 'd3-selection'
import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { count, counted, duration, hueOf, percent } from '../format.ts'
import { deltaOf, ENGINE_TIME, type FlameNode, type SelfTime, selfTimes } from '../model/flame-tree.ts'

interface FlameProps {
  readonly tree: FlameNode
  /** What `count` counts. */
  readonly unit: 'samples' | 'spans'
  /** Colour by what changed: what grew is red, what shrank is blue. */
  readonly difference?: boolean
}

/** A flame graph (d3-flame-graph) with what is under the pointer, a search, and the same as a table. */
export function Flame({ tree, unit, difference = false }: FlameProps) {
  const box = useRef<HTMLDivElement>(null)
  const chart = useRef<ReturnType<typeof flamegraph>>(undefined)
  const [over, setOver] = useState<FlameNode>()
  const [width, setWidth] = useState(0)
  const [text, setText] = useState('')
  const totals = useMemo(() => selfTimes(tree).slice(0, 30), [tree])
  useEffect(() => {
    const watch = new ResizeObserver(([entry]) => setWidth(Math.round(entry.contentRect.width)))
    watch.observe(box.current!)
    return () => watch.disconnect()
  }, [])
  useEffect(() => {
    if (width === 0) return undefined
    const element = box.current!
    const made = flamegraph()
      .width(width)
      .cellHeight(20)
      .minFrameSize(1)
      .transitionDuration(matchMedia('(prefers-reduced-motion: reduce)').matches ? 0 : 200)
      .inverted(true)
      .sort((a, b) => b.value - a.value || a.data.name.localeCompare(b.data.name))
      .setLabelHandler((one) => sentence(one.data, tree, unit))
      .setColorMapper((one) => (difference ? deltaColour(one.data) : colour(one.data)))
      .onHover((one) => setOver(one.data))
    select(element).datum(tree).call(made)
    chart.current = made
    return () => {
      made.destroy()
      element.replaceChildren()
    }
  }, [tree, width, unit, difference])
  useEffect(() => {
    if (text === '') chart.current?.clear()
    else chart.current?.search(text)
  }, [text, width, tree])
  return (
    <div class="flame">
      <div class="bar">
        <input
          type="search"
          aria-label="Highlight functions"
          placeholder="Highlight a name  /"
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
        />
        <button onClick={() => chart.current?.resetZoom()}>Whole graph</button>
        <span class="facts" role="status">
          {sentence(over ?? tree, tree, unit)}
        </span>
      </div>
      <div
        class="graph"
        ref={box}
        role="img"
        aria-label={`Flame graph: ${sentence(tree, tree, unit)}; the table below has its figures`}
      />
      <h3>Self time</h3>
      <div class="scroll">
        <SelfTimes
          of={totals}
          columns={difference ? ofTwo(unit) : ofOne(tree.value, unit)}
          unit={unit}
          show={setText}
        />
      </div>
    </div>
  )
}

interface Column {
  readonly head: string
  readonly cell: (one: SelfTime) => string
  readonly class?: (one: SelfTime) => string
}

/** Own time of functions or spans. Of a difference: what changed most first, also what only the first of the two has. */
function SelfTimes({ of, columns, unit, show }: SelfTimesProps) {
  return (
    <table class="list">
      <thead>
        <tr>
          <th>{UNIT[unit][0]}</th>
          {columns.map(({ head }, i) => (
            <th key={i} class="number">
              {head}
            </th>
          ))}
          {unit === 'samples' ? <th>Where</th> : null}
        </tr>
      </thead>
      <tbody>
        {of.map((one) => (
          <tr key={`${one.name} ${one.place}`}>
            <td class="wide">
              <button class="link" onClick={() => show(one.name)}>
                {one.name || '(no name)'}
              </button>
            </td>
            {columns.map((column, i) => (
              <td key={i} class={`number ${column.class?.(one) ?? ''}`}>
                {column.cell(one)}
              </td>
            ))}
            {unit === 'samples' ? <td class="quiet">{one.place ?? 'engine of JavaScript'}</td> : null}
          </tr>
        ))}
      </tbody>
    </table>
  )
}

interface SelfTimesProps {
  readonly of: readonly SelfTime[]
  readonly columns: readonly Column[]
  readonly unit: FlameProps['unit']
  readonly show: (name: string) => void
}

const UNIT = { samples: ['Function', 'Samples'], spans: ['Span', 'Spans'] } as const

const ofOne = (whole: number, unit: FlameProps['unit']): Column[] => [
  { head: 'Self', cell: ({ self }) => duration(self) },
  { head: 'Share', cell: ({ self }) => percent(whole > 0 ? self / whole : 0) },
  { head: UNIT[unit][1], cell: ({ own }) => count(own) },
]

const ofTwo = (unit: FlameProps['unit']): Column[] => [
  { head: 'Self A', cell: ({ ownWas, selfWas }) => (ownWas > 0 ? duration(selfWas) : '–') },
  { head: 'B', cell: ({ own, self }) => (own > 0 ? duration(self) : '–') },
  {
    head: 'B − A',
    cell: ({ self, selfWas }) => signed(self - selfWas),
    class: ({ self, selfWas }) => (self > selfWas ? 'grown' : 'shrunk'),
  },
  { head: `${UNIT[unit][1]} A`, cell: ({ ownWas }) => count(ownWas) },
  { head: 'B', cell: ({ own }) => count(own) },
]

const signed = (ms: number): string => `${ms >= 0 ? '+' : '−'}${duration(Math.abs(ms))}`

function sentence(node: FlameNode, root: FlameNode, unit: string): string {
  const { name, value, count: samples, was, place } = node
  const share = root.value > 0 ? `, ${percent(value / root.value)}` : ''
  const delta = was === undefined ? '' : `, ${signed(deltaOf(node))} from ${counted(was.count, unit)}`
  return `${name || '(no name)'}: ${duration(value)}${share}, ${counted(samples, unit)}${delta}${place ? ` · ${place}` : ''}`
}

/** Functions of one file have one hue; V8's own kinds of time have none. */
function colour({ name, place }: FlameNode): string {
  if (ENGINE_TIME.test(name) || name.startsWith('all ')) return 'oklch(0.78 0.01 250)'
  const hue = place === undefined ? hueOf(name) : 20 + (hueOf(place.split(':')[0]) % 80)
  return `oklch(0.8 0.1 ${hue.toFixed(0)})`
}

function deltaColour(node: FlameNode): string {
  const { value } = node
  const delta = deltaOf(node)
  const base = Math.max(value, Math.abs(delta), 1e-9)
  const strength = Math.min(1, Math.abs(delta) / base)
  if (strength < 0.02) return 'oklch(0.87 0.005 250)'
  return `oklch(${(0.88 - 0.16 * strength).toFixed(3)} ${(0.04 + 0.11 * strength).toFixed(3)} ${delta > 0 ? 25 : 245})`
}
