import { metricTable, type LabelValues } from './metric-table.ts'

type MetricKind = 'counter' | 'histogram' | 'gauge'

/** What a metric is. Those of the registry are in `metricTable`; an application may declare its own. */
export interface MetricDefinition {
  /** Prometheus name: `[a-zA-Z_][a-zA-Z0-9_]*`; a counter ends in `_total`, a time in `_seconds`. */
  readonly name: string
  readonly kind: MetricKind
  /** UCUM: `s`, `By`, `{order}`. */
  readonly unit: string
  readonly description: string
  readonly labels: readonly string[]
  /** Upper bounds of a histogram's buckets, ascending; `+Inf` is added. */
  readonly boundaries?: readonly number[]
  /** Keep the trace of the latest value of each bucket (see `recordInSpan`). */
  readonly exemplars?: boolean
}

type Table = typeof metricTable
/** Names of the metrics in the registry. */
export type MetricName = keyof Table
export type NameOfKind<Kind extends MetricKind> = {
  [Name in MetricName]: Table[Name]['kind'] extends Kind ? Name : never
}[MetricName]
/** The labels of a metric of the registry, by name. */
export type LabelsOf<Name extends MetricName> = {
  readonly [Label in Table[Name]['labels'][number]]: LabelValues[Label]
}
/** Label values by label name. */
export type Labels = Readonly<Record<string, string>>

const declared = new Map<string, MetricDefinition>(
  Object.entries(metricTable).map(([name, rest]) => [name, { name, ...rest }]),
)
const checked = new WeakSet<MetricDefinition>()

/** The definition behind a name of the registry, or the definition itself after a check. */
export function definitionOf(metric: MetricName | MetricDefinition, kind: MetricKind): MetricDefinition {
  const definition = typeof metric === 'string' ? declared.get(metric) : metric
  if (definition === undefined) throw new TypeError(`no metric ${JSON.stringify(metric)} in the registry`)
  if (definition.kind !== kind)
    throw new TypeError(`${definition.name} is a ${definition.kind}, not a ${kind}`)
  if (!checked.has(definition)) checkDefinition(definition, kind)
  checked.add(definition)
  return definition
}

function checkDefinition(definition: MetricDefinition, kind: MetricKind): void {
  const { name, labels, boundaries } = definition
  for (const word of [name, ...labels])
    if (!/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(word))
      throw new TypeError(`metric ${JSON.stringify(name)}: ${JSON.stringify(word)} is no Prometheus name`)
  if (kind === 'counter' && !name.endsWith('_total'))
    throw new TypeError(`counter ${name}: its name must end in _total`)
  if (kind !== 'histogram') return
  if (boundaries === undefined || boundaries.length === 0 || boundaries.length > 254)
    throw new TypeError(`histogram ${name}: give 1 to 254 boundaries`)
  if (boundaries.some((bound, i) => !(bound > (boundaries[i - 1] ?? 0)) || bound === Infinity))
    throw new TypeError(`histogram ${name}: boundaries must be above 0, finite, and ascend`)
}
