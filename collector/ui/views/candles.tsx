import { useEffect, useRef, useState } from 'preact/hooks'
import type { BarSeries, Pattern } from '../model/bar-series.ts'

interface CandlesProps {
  readonly series: BarSeries
  readonly chosen: Pattern | undefined
  readonly choose: (pattern: Pattern | undefined) => void
}

/** Share of the height that volume takes, from below. */
const VOLUME = 0.18

/** Candles, volume, ranges with Creek and Ice, patterns and fills on a canvas. Wheel zooms, dragging moves. */
export function Candles({ series, chosen, choose }: CandlesProps) {
  const canvas = useRef<HTMLCanvasElement>(null)
  const all = series.time.length
  const [view, setView] = useState<readonly [number, number]>([Math.max(0, all - 500), all])
  const [over, setOver] = useState<number>()
  const drag = useRef<{ x: number; view: readonly [number, number]; moved: boolean }>(undefined)
  useEffect(() => setView([Math.max(0, all - 500), all]), [series, all])
  useEffect(() => {
    if (chosen === undefined) return
    setView(([from, to]) => {
      if (chosen.bar > from + 5 && chosen.bar < to - 5) return [from, to]
      return within(chosen.bar - 200, chosen.bar + 100, all)
    })
  }, [chosen, all])
  useEffect(() => {
    const element = canvas.current!
    const draw = (): void => paint(element, series, view, chosen)
    const watch = new ResizeObserver(draw)
    watch.observe(element)
    const theme = matchMedia('(prefers-color-scheme: dark)')
    theme.addEventListener('change', draw)
    return () => {
      watch.disconnect()
      theme.removeEventListener('change', draw)
    }
  }, [series, view, chosen])

  const barUnder = (clientX: number): number => {
    const box = canvas.current!.getBoundingClientRect()
    return Math.floor(view[0] + ((clientX - box.left) / box.width) * (view[1] - view[0]))
  }
  const zoom = (factor: number, around: number): void => {
    const half = [(around - view[0]) * factor, (view[1] - around) * factor]
    setView(within(Math.round(around - half[0]), Math.round(around + half[1]), all))
  }
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
    const bar = barUnder(clientX)
    const reach = Math.max(2, (view[1] - view[0]) / 80)
    const [near] = series.patterns.toSorted((a, b) => Math.abs(a.bar - bar) - Math.abs(b.bar - bar))
    choose(near !== undefined && Math.abs(near.bar - bar) <= reach ? near : undefined)
  }
  const step = (by: number): void => {
    const at = chosen ? series.patterns.indexOf(chosen) : by > 0 ? -1 : series.patterns.length
    const next = series.patterns[Math.min(series.patterns.length - 1, Math.max(0, at + by))]
    if (next) choose(next)
  }
  const middle = (view[0] + view[1]) / 2
  const keys: Record<string, () => void> = {
    ArrowRight: () => step(1),
    ArrowLeft: () => step(-1),
    '+': () => zoom(0.7, middle),
    '=': () => zoom(0.7, middle),
    '-': () => zoom(1.4, middle),
    '0': () => setView([0, all]),
    Escape: () => choose(undefined),
  }
  const bar = over ?? view[1] - 1
  return (
    <>
      <p class="legend">
        <span>{tell(series, bar)}</span>
        <span>▬ Creek above, Ice below · ▲▼ pattern (hollow: rejected) · ● fill</span>
        <span>← → next pattern, + − zoom, 0 all</span>
      </p>
      <canvas
        class="candles"
        ref={canvas}
        tabIndex={0}
        role="application"
        aria-label={`Chart of ${series.time.length} bars with ${series.patterns.length} patterns; arrow keys go from pattern to pattern`}
        onKeyDown={(event) => {
          if (event.ctrlKey || event.metaKey || !Object.hasOwn(keys, event.key)) return
          event.preventDefault()
          event.stopPropagation()
          keys[event.key]()
        }}
        onPointerDown={(event) => {
          drag.current = { x: event.clientX, view, moved: false }
          event.currentTarget.setPointerCapture(event.pointerId)
        }}
        onPointerMove={(event) => {
          setOver(Math.min(all - 1, Math.max(0, barUnder(event.clientX))))
          if (!drag.current) return
          const from = drag.current
          if (Math.abs(event.clientX - from.x) > 4) from.moved = true
          const perPixel = (from.view[1] - from.view[0]) / event.currentTarget.clientWidth
          const by = Math.round((from.x - event.clientX) * perPixel)
          if (from.moved) setView(within(from.view[0] + by, from.view[1] + by, all))
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

/** A window of at least 20 bars inside of 0 to `all`. */
function within(from: number, to: number, all: number): readonly [number, number] {
  const width = Math.min(all, Math.max(20, to - from))
  const start = Math.min(all - width, Math.max(0, from))
  return [start, start + width]
}

function tell({ time, open, high, low, close, volume }: BarSeries, bar: number): string {
  if (!(bar >= 0 && bar < time.length)) return ''
  const date = new Date(time[bar]).toISOString().slice(0, 16).replace('T00:00', '').replace('T', ' ')
  const price = (value: number): string => value.toFixed(2)
  return `${date}  open ${price(open[bar])} high ${price(high[bar])} low ${price(low[bar])} close ${price(close[bar])} volume ${(volume[bar] / 1e6).toFixed(1)} M`
}

function paint(
  canvas: HTMLCanvasElement,
  series: BarSeries,
  view: readonly [number, number],
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
  const [first, end] = view
  const { time, open, high, low, close, volume } = series
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
    context.fillText(new Date(time[bar]).toISOString().slice(0, 10), x(bar), height - 5)
  }

  for (const { from, to, creek, ice } of series.ranges) {
    if (to < first || from >= end) continue
    const [left, right] = [x(from), x(to)]
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

  for (const trade of series.trades) {
    for (const [bar, price, colour] of [
      [trade.entryBar, trade.entryPrice, trade.side === 'LONG' ? ink.up : ink.down],
      [trade.exitBar, trade.exitPrice, ink.text],
    ] as const) {
      if (bar < first || bar >= end) continue
      context.fillStyle = colour
      context.beginPath()
      context.arc(x(bar), y(price), 3.5, 0, 7)
      context.fill()
    }
  }
  for (const pattern of series.patterns) {
    if (pattern.bar < first || pattern.bar >= end) continue
    const long = pattern.side === 'LONG'
    const size = pattern === chosen ? 9 : 6
    const at = x(pattern.bar)
    const tip = long ? y(low[pattern.bar]) + 6 : y(high[pattern.bar]) - 6
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
