import { useEffect, useRef } from 'preact/hooks'
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'

export interface Line {
  readonly label: string
  readonly values: readonly (number | null)[]
  /** Which of the theme's colours. */
  readonly colour: 'accent' | 'bad' | 'quiet'
}

/** Points beside the lines that can be opened; `time` in epoch seconds. */
interface ChartPoint {
  readonly time: number
  readonly value: number
}

interface LineChartProps<Point extends ChartPoint> {
  readonly label: string
  /** Epoch seconds, of the lines. */
  readonly time: readonly number[]
  readonly lines: readonly Line[]
  readonly format: (value: number) => string
  readonly points?: readonly Point[]
  readonly over?: (point: Point | undefined) => void
  readonly open?: (point: Point) => void
}

const HEIGHT = 170
/** How near the pointer must be to a point, pixels. */
const REACH = 16

const clock = (seconds: number): string => new Date(seconds * 1000).toLocaleTimeString('en-GB')

/** Lines over time (uPlot) with points that can be opened. */
export function LineChart<Point extends ChartPoint>(props: LineChartProps<Point>) {
  const { label, time, lines, format, points = [] } = props
  const box = useRef<HTMLDivElement>(null)
  const near = useRef<(event: MouseEvent) => Point | undefined>(undefined)
  useEffect(() => {
    const element = box.current!
    const style = getComputedStyle(element)
    const colour = (name: Line['colour']): string => style.getPropertyValue(`--plot-${name}`)
    const grid = { stroke: style.borderTopColor, width: 1 }
    const axis = { stroke: style.color, grid, ticks: grid }
    const data = uPlot.join([
      [[...time], ...lines.map(({ values }) => [...values])] as uPlot.AlignedData,
      [points.map((point) => point.time), points.map(({ value }) => value)],
    ])
    const chart = new uPlot(
      {
        width: element.clientWidth,
        height: HEIGHT,
        legend: { show: false },
        cursor: { drag: { x: false, y: false }, points: { show: false } },
        scales: {
          // A single point has no width.
          x: { range: (_, from, to) => (to - from < 60 ? [to - 60, to] : [from, to]) },
          y: { range: (_, low, high) => [Math.min(0, low), high > 0 ? high * 1.1 : 1] },
        },
        axes: [
          { ...axis, values: (_, seconds) => seconds.map(clock), space: 70 },
          { ...axis, size: 70, values: (_, values) => values.map(format) },
        ],
        series: [
          {},
          ...lines.map((line) => ({
            label: line.label,
            stroke: colour(line.colour),
            width: 1.5,
            points: { size: 4 },
          })),
          { paths: () => null, points: { show: true, size: 9, fill: colour('accent') } },
        ],
      },
      data,
      element,
    )
    near.current = (event) => {
      const plot = chart.over.getBoundingClientRect()
      const away = (point: Point): number =>
        Math.hypot(
          chart.valToPos(point.time, 'x') - (event.clientX - plot.left),
          chart.valToPos(point.value, 'y') - (event.clientY - plot.top),
        )
      const [first] = points.toSorted((a, b) => away(a) - away(b))
      return first !== undefined && away(first) < REACH ? first : undefined
    }
    const watch = new ResizeObserver(() => chart.setSize({ width: element.clientWidth, height: HEIGHT }))
    watch.observe(element)
    return () => {
      watch.disconnect()
      chart.destroy()
    }
  }, [time, lines, points, format])
  return (
    <div
      class="plot"
      ref={box}
      role="img"
      aria-label={label}
      onMouseMove={(event) => props.over?.(near.current?.(event))}
      onMouseLeave={() => props.over?.(undefined)}
      onClick={(event) => {
        const point = near.current?.(event)
        if (point) props.open?.(point)
      }}
    />
  )
}
