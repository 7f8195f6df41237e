import type { Registry, RegistryAttribute, RegistryMetric } from './read-registry.ts'

/** The TypeScript of `metric-table.ts`, formatted as the repository's formatter would. */
export function renderMetricTable({ attributes, metrics }: Registry): string {
  const labels = attributes.filter((attribute) => attribute.annotations?.tapescope?.trace_only !== true)
  return `// Generated from registry/*.yaml by registry/generate.ts; change those.

/** What a label may hold. A value outside the listed ones is taken too: other engines have other patterns. */
export interface LabelValues {
${labels.map((label) => `  /** ${label.brief} */\n  ${label.id}: ${valueType(label)}\n`).join('')}}

/** Every metric with its kind, unit (UCUM), labels in order, and the upper bounds of a histogram's buckets. */
export const metricTable = {
${metrics.map(renderMetric).join('')}} as const
`
}

function valueType({ type }: RegistryAttribute): string {
  if (typeof type === 'string') return type
  return `${type.members.map(({ value }) => `'${value}'`).join(' | ')} | (string & {})`
}

function renderMetric({
  metric_name,
  instrument,
  unit,
  brief,
  attributes = [],
  annotations,
}: RegistryMetric) {
  const lines = [
    `kind: '${instrument}',`,
    `unit: '${unit}',`,
    ...field('description', `'${brief}'`),
    `labels: [${attributes.map(({ ref }) => `'${ref}'`).join(', ')}],`,
  ]
  const { boundaries, exemplars } = annotations?.tapescope ?? {}
  if (boundaries !== undefined) lines.push(...numbers('boundaries', boundaries))
  if (exemplars === true) lines.push('exemplars: true,')
  return `  ${metric_name}: {\n${lines.map((line) => `    ${line}\n`).join('')}  },\n`
}

/** `name: value,` in one line when it fits. */
function field(name: string, value: string): string[] {
  const line = `${name}: ${value},`
  return line.length + 4 <= 110 ? [line] : [`${name}:`, `  ${value},`]
}

/** `name: [...],` in one line when it fits, else as many numbers per line as fit. */
function numbers(name: string, values: readonly number[]): string[] {
  const line = `${name}: [${values.join(', ')}],`
  if (line.length + 4 <= 110) return [line]
  const lines: string[] = []
  let current = ''
  for (const value of values) {
    const longer = current === '' ? `  ${value},` : `${current} ${value},`
    if (longer.length + 4 <= 110) {
      current = longer
      continue
    }
    lines.push(current)
    current = `  ${value},`
  }
  return [`${name}: [`, ...lines, current, '],']
}
