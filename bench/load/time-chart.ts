import { escapeHtml } from '../escape-html.ts'

interface ChartLine {
  readonly name: string
  /** A CSS colour. */
  readonly color: string
  /** One value per time; null or NaN leaves a hole. */
  readonly values: readonly (number | null)[]
}

interface TimeChart {
  readonly label: string
  readonly unit: string
  /** Seconds, ascending. */
  readonly times: readonly number[]
  readonly lines: readonly ChartLine[]
  /** Decades instead of equal steps: for latencies. */
  readonly log?: boolean
  /** A limit to hold the lines against; drawn when it is within the chart. */
  readonly limit?: number
}

const width = 1_000
const height = 240
const left = 64
const right = 12
const top = 10
const bottom = 26

/** Lines over time as an SVG, with its legend. */
export function timeChart({ label, unit, times, lines, log = false, limit }: TimeChart): string {
  const values = lines.flatMap((line) => line.values.filter(isNumber))
  if (values.length === 0 || times.length === 0) return `<p>${escapeHtml(label)}: nothing was measured.</p>`
  const largest = Math.max(...values, log ? 0.01 : 0) || 1
  const ticks = log
    ? decades(Math.max(0.01, Math.min(...values.filter((value) => value > 0))), largest)
    : steps(largest)
  const low = ticks[0]
  const high = ticks.at(-1)!
  const position = log
    ? (value: number) => Math.log(Math.max(value, low) / low) / Math.log(high / low)
    : (value: number) => value / high
  const end = Math.max(...times) || 1
  const x = (seconds: number) => round(left + (seconds / end) * (width - left - right))
  const y = (value: number) => round(height - bottom - position(value) * (height - top - bottom))
  const across = (value: number, style: string) =>
    `<line x1="${left}" x2="${width - right}" y1="${y(value)}" y2="${y(value)}" ${style}/>`
  const grid = ticks.map(
    (tick) =>
      `${across(tick, 'stroke="var(--line)"')}<text x="${left - 6}" y="${y(tick) + 4}" text-anchor="end">${short(tick)}</text>`,
  )
  const seconds = steps(end).filter((tick) => tick <= end)
  const below = seconds.map(
    (tick) =>
      `<text x="${x(tick)}" y="${height - 8}" text-anchor="${x(tick) > width - 40 ? 'end' : 'middle'}">${short(tick)} s</text>`,
  )
  const drawn = lines.map(
    ({ color, values }) =>
      `<path d="${path(values, times, x, y)}" fill="none" stroke="${color}" stroke-width="1.8" stroke-linejoin="round"/>`,
  )
  const mark =
    limit === undefined || limit > high ? '' : across(limit, 'stroke="var(--over)" stroke-dasharray="5 4"')
  const legend = lines
    .map(({ name, color }) => `<span><i style="background:${color}"></i>${escapeHtml(name)}</span>`)
    .join('')
  return `<figure><figcaption>${escapeHtml(label)}, ${escapeHtml(unit)} <span class="legend">${legend}</span></figcaption><svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeHtml(label)}">${grid.join('')}${below.join('')}${mark}${drawn.join('')}</svg></figure>`
}

function path(
  values: ChartLine['values'],
  times: readonly number[],
  x: (seconds: number) => number,
  y: (value: number) => number,
): string {
  let drawing = false
  return values
    .map((value, i) => {
      if (!isNumber(value)) {
        drawing = false
        return ''
      }
      const point = `${drawing ? 'L' : 'M'}${x(times[i])} ${y(value)}`
      drawing = true
      return point
    })
    .join('')
}

function isNumber(value: number | null): value is number {
  return value !== null && Number.isFinite(value)
}

/** Zero and up to five equal steps of 1, 2 or 5 that hold `largest`. */
function steps(largest: number): number[] {
  const rough = largest / 5
  const magnitude = 10 ** Math.floor(Math.log10(rough))
  const step = [1, 2, 5, 10].map((factor) => factor * magnitude).find((size) => size * 5 >= largest * 0.999)!
  const count = Math.ceil(largest / step - 1e-9)
  return Array.from({ length: count + 1 }, (_, i) => Number((i * step).toPrecision(6)))
}

function decades(least: number, largest: number): number[] {
  const first = Math.floor(Math.log10(least))
  const last = Math.max(first + 1, Math.ceil(Math.log10(largest)))
  return Array.from({ length: last - first + 1 }, (_, i) => 10 ** (first + i))
}

function short(value: number): string {
  return Number(value.toPrecision(6)).toString()
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
