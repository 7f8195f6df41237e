import { useRef } from 'preact/hooks'
import { duration } from '../format.ts'
import type { TraceModel } from '../model/trace-model.ts'
import { usePaintedCanvas } from './use-painted-canvas.ts'

interface MinimapProps {
  readonly trace: TraceModel
  readonly range: readonly [number, number]
  readonly setRange: (range: readonly [number, number]) => void
}

/** The whole trace at a glance: how many spans run at each moment. Drag over it to look at a part. */
export function Minimap({ trace, range, setRange }: MinimapProps) {
  const canvas = useRef<HTMLCanvasElement>(null)
  const from = useRef<number | undefined>(undefined)
  usePaintedCanvas(canvas, (element) => paint(element, trace, range), [trace, range])
  const momentAt = (event: PointerEvent): number => {
    const box = canvas.current!.getBoundingClientRect()
    return Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)) * trace.endMs
  }
  return (
    <canvas
      class="minimap"
      ref={canvas}
      role="img"
      aria-label={`Spans over ${duration(trace.endMs)}; shown: ${duration(range[0])} to ${duration(range[1])}`}
      onPointerDown={(event) => {
        from.current = momentAt(event)
        event.currentTarget.setPointerCapture(event.pointerId)
      }}
      onPointerUp={(event) => {
        if (from.current === undefined) return
        const [low, high] = [from.current, momentAt(event)].sort((a, b) => a - b)
        from.current = undefined
        setRange(high - low > trace.endMs / 500 ? [low, high] : [0, trace.endMs])
      }}
    />
  )
}

function paint(canvas: HTMLCanvasElement, trace: TraceModel, range: readonly [number, number]): void {
  const scale = devicePixelRatio
  const width = (canvas.width = Math.max(1, Math.round(canvas.clientWidth * scale)))
  const height = (canvas.height = Math.max(1, Math.round(canvas.clientHeight * scale)))
  const context = canvas.getContext('2d')
  if (!context) return
  // Differences of the number of running spans, summed from the left.
  const steps = new Float64Array(width + 2)
  const perPixel = trace.endMs > 0 ? width / trace.endMs : 0
  for (let i = 0; i < trace.count; i++) {
    const at = Math.min(width, Math.floor(trace.start[i] * perPixel))
    steps[at]++
    steps[Math.min(width, Math.floor((trace.start[i] + trace.duration[i]) * perPixel)) + 1]--
  }
  let running = 0
  let most = 1
  for (let x = 0; x < width; x++) most = Math.max(most, (running += steps[x]))
  const style = getComputedStyle(canvas)
  context.fillStyle = style.color
  running = 0
  for (let x = 0; x < width; x++) {
    running += steps[x]
    const tall = (Math.log1p(running) / Math.log1p(most)) * (height - 4)
    context.fillRect(x, height - tall, 1, tall)
  }
  context.fillStyle = style.borderColor
  context.globalAlpha = 0.75
  context.fillRect(0, 0, range[0] * perPixel, height)
  context.fillRect(range[1] * perPixel, 0, width, height)
}
