import { readFileSync } from 'node:fs'
import { parse } from 'yaml'

export interface RegistryAttribute {
  readonly id: string
  readonly type: string | { readonly members: readonly { readonly value: string }[] }
  readonly brief: string
  readonly examples?: readonly (string | number)[]
  readonly annotations?: { readonly tapescope?: { readonly trace_only?: boolean; readonly bound?: number } }
}

export interface RegistryMetric {
  readonly metric_name: string
  readonly instrument: 'counter' | 'histogram' | 'gauge'
  readonly unit: string
  readonly brief: string
  readonly attributes?: readonly { readonly ref: string }[]
  readonly annotations?: {
    readonly tapescope?: { readonly boundaries?: readonly number[]; readonly exemplars?: boolean }
  }
}

interface RegistrySpan {
  readonly brief: string
  readonly annotations: { readonly tapescope: { readonly span_name: string } }
  readonly attributes: readonly { readonly ref: string }[]
}

export interface Registry {
  readonly attributes: readonly RegistryAttribute[]
  readonly metrics: readonly RegistryMetric[]
  readonly spans: readonly RegistrySpan[]
}

/** The registry as it stands in the YAML files; throws when an attribute is used that is not declared. */
export function readRegistry(): Registry {
  const attributes = groupsOf('attributes').flatMap((group) => group.attributes as RegistryAttribute[])
  const metrics = groupsOf('metrics') as unknown as RegistryMetric[]
  const spans = groupsOf('spans') as unknown as RegistrySpan[]
  const known = new Map(attributes.map((attribute) => [attribute.id, attribute]))
  for (const metric of metrics) {
    for (const { ref } of metric.attributes ?? []) {
      const attribute = known.get(ref)
      if (attribute === undefined)
        throw new Error(`${metric.metric_name}: no attribute ${ref} in the registry`)
      if (attribute.annotations?.tapescope?.trace_only === true)
        throw new Error(`${metric.metric_name}: ${ref} is for traces only, a metric must not carry it`)
    }
  }
  for (const span of spans)
    for (const { ref } of span.attributes)
      if (!known.has(ref)) throw new Error(`${spanName(span)}: no attribute ${ref} in the registry`)
  return { attributes, metrics, spans }
}

export const spanName = (span: RegistrySpan): string => span.annotations.tapescope.span_name

function groupsOf(file: string): { attributes?: unknown }[] {
  const text = readFileSync(new URL(`${file}.yaml`, import.meta.url), 'utf8')
  return (parse(text) as { groups: { attributes?: unknown }[] }).groups
}
