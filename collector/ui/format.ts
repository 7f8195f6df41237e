/** A duration with its unit, three digits. */
export function duration(ms: number): string {
  const size = Math.abs(ms)
  if (size === 0) return '0'
  if (size < 1e-3) return `${(ms * 1e6).toPrecision(3)} ns`
  if (size < 1) return `${digits(ms * 1000)} µs`
  if (size < 1000) return `${digits(ms)} ms`
  if (size < 120_000) return `${digits(ms / 1000)} s`
  return `${digits(ms / 60_000)} min`
}

function digits(value: number): string {
  return Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3)
}

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 })
export const count = (value: number): string => whole.format(value)

/** `1 sample`, `2 samples`. */
export const counted = (value: number, unit: string): string =>
  `${count(value)} ${value === 1 ? unit.replace(/s$/, '') : unit}`

export function percent(share: number): string {
  return `${(100 * share).toFixed(share !== 0 && Math.abs(share) < 0.1 ? 2 : 1)} %`
}

/** Local time of day, with the date when it is another day. */
export function time(iso: string): string {
  const date = new Date(iso)
  const clock = date.toLocaleTimeString('en-GB')
  return date.toDateString() === new Date().toDateString()
    ? clock
    : `${date.toISOString().slice(0, 10)} ${clock}`
}

export function valueText(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
}

/** A hue that belongs to a name, the same in every view. */
export function hueOf(name: string): number {
  let hash = 0
  for (let i = 0; i < name.length; i++) hash = (hash * 31 + name.charCodeAt(i)) >>> 0
  return (hash * 137.508) % 360
}
