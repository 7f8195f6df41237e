/** Units of OTLP (UCUM) as Prometheus spells them. */
const UNITS: Readonly<Record<string, string>> = {
  d: 'days',
  h: 'hours',
  min: 'minutes',
  s: 'seconds',
  ms: 'milliseconds',
  us: 'microseconds',
  ns: 'nanoseconds',
  By: 'bytes',
  KiBy: 'kibibytes',
  MiBy: 'mebibytes',
  GiBy: 'gibibytes',
  '%': 'percent',
  Hz: 'hertz',
  V: 'volts',
  A: 'amperes',
  Cel: 'celsius',
}

/** The Prometheus name of an OTLP metric: sanitised, with its unit and, for a counter, `_total`. */
export function metricName(
  name: string,
  unit: string,
  kind: 'counter' | 'gauge' | 'histogram' | 'summary',
): string {
  const words = name.split(/[^A-Za-z0-9:]+/).filter((word) => word !== '')
  const [main, per] = unit.replace(/\{[^}]*\}/g, '').split('/')
  const suffixes = [
    UNITS[main] ?? (/^[A-Za-z]+$/.test(main) ? main : ''),
    per ? `per_${UNITS[per] ?? per}` : '',
  ]
  for (const suffix of suffixes)
    if (suffix !== '' && !words.includes(suffix)) words.push(...suffix.split('_'))
  if (unit === '1' && kind === 'gauge' && !words.includes('ratio')) words.push('ratio')
  if (kind === 'counter') words.splice(0, words.length, ...words.filter((word) => word !== 'total'), 'total')
  const text = words.join('_')
  return /^\d/.test(text) ? `_${text}` : text
}

/** The Prometheus name of an attribute's key. */
export function labelName(key: string): string {
  const name = key.replace(/[^A-Za-z0-9_]/g, '_')
  if (/^\d/.test(name)) return `key_${name}`
  return name.startsWith('_') && !name.startsWith('__') ? `key${name}` : name
}

/** A number as Go prints it (shortest form, exponents of at least two digits), which Prometheus' own writer does. */
export function goFloat(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf'
  if (value === 0) return '0'
  const [mantissa, exponent] = value.toExponential().split('e')
  const power = Number(exponent)
  if (power >= -4 && power < 6) return String(value)
  return `${mantissa}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`
}
