import { spanName, type Registry, type RegistryAttribute } from './read-registry.ts'

/** The Markdown of `docs/telemetry.md`. */
export function renderTelemetryPage({ attributes, metrics, spans }: Registry): string {
  const metricRows = metrics.map(({ metric_name, instrument, unit, attributes: refs = [], brief }) =>
    row(code(metric_name), instrument, unit, refs.map(({ ref }) => code(ref)).join(' '), brief),
  )
  const bucketRows = metrics.flatMap(({ metric_name, annotations }) => {
    const boundaries = annotations?.tapescope?.boundaries
    if (boundaries === undefined) return []
    const exemplars = annotations?.tapescope?.exemplars === true ? 'yes' : ''
    return [row(code(metric_name), boundaries.join(' '), exemplars)]
  })
  const spanRows = spans.map((span) =>
    row(code(spanName(span)), span.brief.trim(), span.attributes.map(({ ref }) => code(ref)).join(' ')),
  )
  const attributeRows = attributes.map((attribute) =>
    row(code(attribute.id), typeName(attribute), where(attribute), attribute.brief),
  )
  return `# Telemetry

Every metric, span and attribute that Tapescope emits. Generated from \`sdk/registry/*.yaml\` by
\`npm run generate -w sdk\`; a test fails when this page is stale or when something is emitted that is not in it.

## Metrics

Read at \`GET /api/v1/metrics\`: Prometheus text, or OpenMetrics with exemplars when \`Accept\` asks for it.

| Name | Kind | Unit | Labels | What it says |
|---|---|---|---|---|
${metricRows.join('\n')}

### Buckets

Upper bounds; the exposition adds \`+Inf\`.

| Histogram | Bounds | Exemplars |
|---|---|---|
${bucketRows.join('\n')}

## Spans

Instrumentation scope \`@tapescope/sdk\`. Spans of HTTP, fetch and PostgreSQL come from OpenTelemetry's own
instrumentations and follow its semantic conventions.

| Name | What it is | Attributes |
|---|---|---|
${spanRows.join('\n')}

## Attributes

An attribute for traces only never becomes a metric's label.

| Name | Type | Where | What it says |
|---|---|---|---|
${attributeRows.join('\n')}
`
}

const row = (...cells: string[]): string =>
  `| ${cells.map((cell) => cell.replace(/\|/g, '\\|')).join(' | ')} |`
const code = (text: string): string => `\`${text}\``
const typeName = ({ type }: RegistryAttribute): string =>
  typeof type === 'string' ? type : type.members.map(({ value }) => value).join(', ')
const where = ({ annotations }: RegistryAttribute): string =>
  annotations?.tapescope?.trace_only === true ? 'traces' : 'metrics'
