import { useEffect, useRef, useState } from 'preact/hooks'
import { count } from '../format.ts'
import type { BarMarks, Pattern } from '../model/bar-series.ts'
import { barAt, type BarColumns, barsOf, type Span, viewOf } from '../model/bar-window.ts'
import { usePaintedCanvas } from './use-painted-canvas.ts'

interface CandlesProps {
  readonly bars: BarColumns
  readonly marks: BarMarks | undefined
  readonly view: Span
  readonly look: (view: Span) => void
  readonly chosen: Pattern | undefined
  readonly choose: (pattern: Pattern | undefined) => void
}

/** Share of the height that volume takes, from below. */
const VOLUME = 0.18

/** Candles, volume, ranges with Creek and Ice, patterns and fills on a canvas. Wheel zooms, dragging moves. */
export function Candles({ bars, marks, view, look, chosen, choose }: CandlesProps) {
  const canvas = useRef<HTMLCanvasElement>(null)
  const [first, end] = barsOf(bars, view)
  const [over, setOver] = useState<number>()
  const pointed = Math.min(over ?? end - 1, bars.time.length - 1)
  const drag = useRef<{ x: number; first: number; end: number; bars: BarColumns; moved: boolean }>(undefined)
  const patterns = marks?.patterns ?? []
  usePaintedCanvas(canvas, (element) => paint(element, bars, marks, [first, end], chosen), [
    bars,
    marks,
    first,
    end,
    chosen,
  ])

  const barUnder = (clientX: number): number => {
    const box = canvas.current!.getBoundingClientRect()
    return Math.floor(first + ((clientX - box.left) / box.width) * (end - first))
  }
  const show = (from: number, to: number): void => look(viewOf(bars, from, to))
  const zoom = (factor: number, around: number): void =>
    show(Math.floor(around - (around - first) * factor), Math.ceil(around + (end - around) * factor))
  // Not by a property: a wheel listener must say that it is not passive to keep the page still.
  const wheel = useRef<(event: WheelEvent) => void>(undefined)
  wheel.current = (event) => {
    event.preventDefault()
    zoom(event.deltaY > 0 ? 1.25 : 0.8, barUnder(event.clientX))
  }
  useEffect(() => {
    const element = canvas.current!
    const turn = (event: WheelEvent): void => wheel.current?.(event)
    element.addEventListener('wheel', turn, { passive: false })
    return () => element.removeEventListener('wheel', turn)
  }, [])
  const click = (clientX: number): void => {
    const box = canvas.current!.getBoundingClientRect()
    const at = (clientX - box.left) / box.width
    const away = ({ time }: Pattern): number =>
      Math.abs((barAt(bars.time, time) - first + 0.5) / (end - first) - at)
    const [near] = patterns
      .filter(({ time }) => time >= view.from && time <= view.to)
      .sort((a, b) => away(a) - away(b))
    choose(near !== undefined && away(near) <= 0.02 ? near : undefined)
  }
  const step = (by: number): void => {
    const at = chosen ? patterns.indexOf(chosen) : by > 0 ? -1 : patterns.length
    const next = patterns[Math.min(patterns.length - 1, Math.max(0, at + by))]
    if (next) choose(next)
  }
  const middle = (first + end) / 2
  const half = Math.max(1, Math.round((end - first) / 2))
  const keys: Record<string, () => void> = {
    ArrowRight: () => step(1),
    ArrowLeft: () => step(-1),
    PageUp: () => show(first - half, end - half),
    PageDown: () => show(first + half, end + half),
    Home: () => bars.series && look({ from: bars.series.from, to: bars.series.from + (view.to - view.from) }),
    End: () => bars.series && look({ from: bars.series.to - (view.to - view.from), to: bars.series.to }),
    '+': () => zoom(0.7, middle),
    '=': () => zoom(0.7, middle),
    '-': () => zoom(1.4, middle),
    '0': () => bars.series && look(bars.series),
    Escape: () => choose(undefined),
  }
  return (
    <>
      <p class="legend">
        <span>{tell(bars, pointed, marks)}</span>
        <span>▬ Creek above, Ice below · ▲▼ pattern (hollow: rejected) · ◆ event · ● fill</span>
        <span>← → next pattern, + − zoom, Page ↑↓ move, 0 all</span>
      </p>
      <canvas
        class="candles"
        ref={canvas}
        tabIndex={0}
        role="application"
        aria-label={`Chart of ${end - first} points with ${patterns.length} patterns; arrow keys go from pattern to pattern`}
        onKeyDown={(event) => {
          if (event.ctrlKey || event.metaKey || !Object.hasOwn(keys, event.key)) return
          event.preventDefault()
          event.stopPropagation()
          keys[event.key]()
        }}
        onPointerDown={(event) => {
          drag.current = { x: event.clientX, first, end, bars, moved: false }
          event.currentTarget.setPointerCapture(event.pointerId)
        }}
        onPointerMove={(event) => {
          setOver(Math.min(bars.time.length - 1, Math.max(0, barUnder(event.clientX))))
          const from = drag.current
          if (!from) return
          // Bars that have just been loaded have other positions: the hand takes hold of them anew.
          if (from.bars !== bars) Object.assign(from, { x: event.clientX, first, end, bars })
          if (Math.abs(event.clientX - from.x) > 4) from.moved = true
          const perPixel = (from.end - from.first) / event.currentTarget.clientWidth
          const by = Math.round((from.x - event.clientX) * perPixel)
          if (from.moved) show(from.first + by, from.end + by)
        }}
        onPointerUp={(event) => {
          if (drag.current?.moved === false) click(event.clientX)
          drag.current = undefined
        }}
        onPointerLeave={() => setOver(undefined)}
      />
    </>
  )
}

function tell(columns: BarColumns, at: number, marks: BarMarks | undefined): string {
  const { time, open, high, low, close, volume, bars, pointMs } = columns
  if (!(at >= 0 && at < time.length)) return ''
  const date = new Date(time[at]).toISOString().slice(0, 16).replace('T00:00', '').replace('T', ' ')
  const price = (value: number): string => value.toFixed(value < 10 ? 4 : 2)
  const events = (marks?.events ?? [])
    .filter((event) => event.time >= time[at] && event.time < time[at] + pointMs)
    .map(({ type, confidence }) => `  ${type}, confidence ${confidence} %`)
  const together = bars[at] > 1 ? `  ${count(bars[at])} bars:` : ''
  return `${date}${together}  open ${price(open[at])} high ${price(high[at])} low ${price(low[at])} close ${price(close[at])} volume ${compact.format(volume[at])}${events.join('')}`
}

const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 })

function paint(
  canvas: HTMLCanvasElement,
  bars: BarColumns,
  marks: BarMarks | undefined,
  [first, end]: readonly [number, number],
  chosen?: Pattern,
): void {
  const scale = devicePixelRatio
  const width = Math.max(1, canvas.clientWidth)
  const height = Math.max(1, canvas.clientHeight)
  canvas.width = Math.round(width * scale)
  canvas.height = Math.round(height * scale)
  const context = canvas.getContext('2d')
  if (!context) return
  context.scale(scale, scale)
  const dark = matchMedia('(prefers-color-scheme: dark)').matches
  const ink = {
    up: dark ? '#3ecf9a' : '#0b7a55',
    down: dark ? '#ff7b6e' : '#c0392b',
    grid: dark ? '#2a343d' : '#e3e8ec',
    text: dark ? '#94a3b0' : '#55636f',
    creek: dark ? '#e8b04a' : '#a86a00',
    ice: dark ? '#6fb5ff' : '#1d6fc2',
    chosen: dark ? '#ffffff' : '#000000',
  }
  const { time, open, high, low, close, volume, pointMs } = bars
  let bottom = Infinity
  let top = -Infinity
  let most = 1
  for (let i = first; i < end; i++) {
    bottom = Math.min(bottom, low[i])
    top = Math.max(top, high[i])
    most = Math.max(most, volume[i])
  }
  const pad = (top - bottom) * 0.06 || 1
  bottom -= pad
  top += pad
  const plot = height * (1 - VOLUME) - 18
  const x = (bar: number): number => ((bar - first + 0.5) / (end - first)) * width
  const y = (price: number): number => ((top - price) / (top - bottom)) * plot
  const step = width / (end - first)

  context.font = '11px system-ui, sans-serif'
  context.fillStyle = ink.text
  context.strokeStyle = ink.grid
  for (let line = 1; line < 6; line++) {
    const price = bottom + ((top - bottom) * line) / 6
    context.beginPath()
    context.moveTo(0, y(price))
    context.lineTo(width, y(price))
    context.stroke()
    context.fillText(price.toFixed(price < 10 ? 4 : 0), 4, y(price) - 3)
  }
  const labels = Math.max(2, Math.floor(width / 130))
  for (let label = 0; label < labels; label++) {
    const bar = Math.min(end - 1, Math.floor(first + ((label + 0.1) / labels) * (end - first)))
    const moment = new Date(time[bar]).toISOString()
    const short = time[end - 1] - time[first] < 5 * 86_400_000
    context.fillText(short ? moment.slice(5, 16).replace('T', ' ') : moment.slice(0, 10), x(bar), height - 5)
  }
  const [begins, ends] = [time[first], time[end - 1] + pointMs]
  const inside = (moment: number): boolean => moment >= begins && moment < ends

  for (const { from, to, creek, ice } of marks?.ranges ?? []) {
    if (to < begins || from >= ends) continue
    const left = from < begins ? 0 : x(barAt(time, from))
    const right = to >= ends ? width : Math.max(left + 1, x(barAt(time, to)))
    context.globalAlpha = 0.06
    context.fillStyle = ink.text
    context.fillRect(left, y(creek), right - left, y(ice) - y(creek))
    context.globalAlpha = 0.75
    context.fillStyle = ink.creek
    context.fillRect(left, y(creek) - 0.75, right - left, 1.5)
    context.fillStyle = ink.ice
    context.fillRect(left, y(ice) - 0.75, right - left, 1.5)
  }
  context.globalAlpha = 1

  const body = Math.max(1, step * 0.65)
  const volumeTop = height - 18
  for (let i = first; i < end; i++) {
    const rose = close[i] >= open[i]
    context.fillStyle = rose ? ink.up : ink.down
    const at = x(i)
    context.fillRect(at - 0.5, y(high[i]), 1, Math.max(1, y(low[i]) - y(high[i])))
    context.fillRect(
      at - body / 2,
      y(Math.max(open[i], close[i])),
      body,
      Math.max(1, Math.abs(y(open[i]) - y(close[i]))),
    )
    context.globalAlpha = 0.45
    const tall = (volume[i] / most) * height * VOLUME
    context.fillRect(at - body / 2, volumeTop - tall, body, tall)
    context.globalAlpha = 1
  }

  // Those that are a pattern as well are drawn as one.
  const patternAt = new Set(marks?.patterns.map((pattern) => `${pattern.type} ${pattern.time}`))
  context.fillStyle = ink.text
  /** Where a name was written: a second one over it could not be read. */
  const named: [x: number, y: number][] = []
  for (const { type, time: moment, price } of marks?.events ?? []) {
    if (!inside(moment) || patternAt.has(`${type} ${moment}`)) continue
    const bar = barAt(time, moment)
    const [at, below] = [x(bar), price <= (high[bar] + low[bar]) / 2]
    const middle = y(price) + (below ? 6 : -6)
    context.beginPath()
    for (const [dx, dy] of [
      [0, -3],
      [3, 0],
      [0, 3],
      [-3, 0],
    ])
      context.lineTo(at + dx, middle + dy)
    context.fill()
    const [left, line] = [at + 5, middle + (below ? 8 : 0)]
    if (end - first >= 900 || named.some(([a, b]) => Math.abs(a - left) < 24 && Math.abs(b - line) < 10))
      continue
    context.fillText(type, left, line)
    named.push([left, line])
  }

  for (const trade of marks?.trades ?? []) {
    for (const [moment, price, colour] of [
      [trade.entryTime, trade.entryPrice, trade.side === 'LONG' ? ink.up : ink.down],
      [trade.exitTime, trade.exitPrice, ink.text],
    ] as const) {
      if (!inside(moment)) continue
      context.fillStyle = colour
      context.beginPath()
      context.arc(x(barAt(time, moment)), y(price), 3.5, 0, 7)
      context.fill()
    }
  }
  for (const pattern of marks?.patterns ?? []) {
    if (!inside(pattern.time)) continue
    const bar = barAt(time, pattern.time)
    const long = pattern.side === 'LONG'
    const size = pattern === chosen ? 9 : 6
    const at = x(bar)
    const tip = long ? y(low[bar]) + 6 : y(high[bar]) - 6
    context.beginPath()
    context.moveTo(at, tip)
    context.lineTo(at - size, tip + (long ? size * 1.4 : -size * 1.4))
    context.lineTo(at + size, tip + (long ? size * 1.4 : -size * 1.4))
    context.closePath()
    context.fillStyle = context.strokeStyle = pattern === chosen ? ink.chosen : long ? ink.up : ink.down
    if (pattern.rejectionStage === null) context.fill()
    else context.stroke()
    if (end - first < 900)
      context.fillText(pattern.type, at + size + 2, tip + (long ? size * 1.5 : -size * 0.6))
  }
}
