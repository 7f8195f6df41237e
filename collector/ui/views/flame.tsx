import flamegraph from 'd3-flame-graph'
import { select } from 'd3-selection'
import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { count, duration, hueOf, percent } from '../format.ts'
import { type FlameNode, selfTimes } from '../model/flame-tree.ts'

interface FlameProps {
  readonly tree: FlameNode
  /** What `count` counts. */
  readonly unit: 'samples' | 'spans'
  /** Colour by `delta`: what grew is red, what shrank is blue. */
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
        <table class="list">
          <thead>
            <tr>
              <th>{unit === 'samples' ? 'Function' : 'Span'}</th>
              <th class="number">Self</th>
              <th class="number">Share</th>
              {unit === 'samples' ? <th class="number">Samples</th> : null}
              {unit === 'samples' ? <th>Where</th> : null}
            </tr>
          </thead>
          <tbody>
            {totals.map((total) => (
              <tr key={`${total.name} ${total.place}`}>
                <td class="wide">
                  <button class="link" onClick={() => setText(total.name)}>
                    {total.name}
                  </button>
                </td>
                <td class="number">{duration(total.self)}</td>
                <td class="number">{percent(tree.value > 0 ? total.self / tree.value : 0)}</td>
                {unit === 'samples' ? <td class="number">{count(total.samples)}</td> : null}
                {unit === 'samples' ? <td class="quiet">{total.place ?? 'engine of JavaScript'}</td> : null}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </div>
  )
}

function sentence(node: FlameNode, root: FlameNode, unit: string): string {
  const share = root.value > 0 ? `, ${percent(node.value / root.value)}` : ''
  const delta =
    node.delta === undefined ? '' : `, ${node.delta >= 0 ? '+' : '−'}${duration(Math.abs(node.delta))}`
  return `${node.name}: ${duration(node.value)}${share}, ${count(node.count)} ${unit}${delta}${node.place ? ` · ${node.place}` : ''}`
}

/** Functions of one file have one hue; V8's own kinds of time have none. */
function colour({ name, place }: FlameNode): string {
  if (/^\((?:garbage collector|program|idle)\)$/.test(name) || name.startsWith('all '))
    return 'oklch(0.78 0.01 250)'
  const hue = place === undefined ? hueOf(name) : 20 + (hueOf(place.split(':')[0]) % 80)
  return `oklch(0.8 0.1 ${hue.toFixed(0)})`
}

function deltaColour({ value, delta = 0 }: FlameNode): string {
  const base = Math.max(value, Math.abs(delta), 1e-9)
  const strength = Math.min(1, Math.abs(delta) / base)
  if (strength < 0.02) return 'oklch(0.87 0.005 250)'
  return `oklch(${(0.88 - 0.16 * strength).toFixed(3)} ${(0.04 + 0.11 * strength).toFixed(3)} ${delta > 0 ? 25 : 245})`
}
