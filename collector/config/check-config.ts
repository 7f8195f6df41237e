import { z } from 'zod'
import type { Components } from '../components.ts'
import type { Signal } from '../otlp/schema.ts'
import { ConfigError, isTree } from './read-config.ts'

export interface PipelineConfig {
  readonly id: string
  readonly signal: Signal
  readonly receivers: readonly string[]
  readonly processors: readonly string[]
  readonly exporters: readonly string[]
}

export type Kind = keyof Components

interface Configured<Factory> {
  readonly id: string
  readonly factory: Factory
  readonly config: never
}

/** A configuration whose every key is known and whose every reference leads somewhere. */
export interface CheckedConfig {
  readonly receivers: ReadonlyMap<string, Configured<Components['receivers'][number]>>
  readonly processors: ReadonlyMap<string, Configured<Components['processors'][number]>>
  readonly connectors: ReadonlyMap<string, Configured<Components['connectors'][number]>>
  readonly exporters: ReadonlyMap<string, Configured<Components['exporters'][number]>>
  readonly extensions: ReadonlyMap<string, Configured<Components['extensions'][number]>>
  readonly enabledExtensions: readonly string[]
  readonly pipelines: readonly PipelineConfig[]
  /** Where the sidecar's own metrics are scraped, host:port. */
  readonly metricsEndpoint: string | undefined
}

const KINDS: readonly Kind[] = ['receivers', 'processors', 'connectors', 'exporters', 'extensions']
const SIGNALS: readonly Signal[] = ['traces', 'metrics', 'logs']

const references = z.array(z.string()).default([])

export const serviceShape = z.strictObject({
  extensions: references,
  pipelines: z.record(
    z.string(),
    z.strictObject({ receivers: references, processors: references, exporters: references }),
  ),
  telemetry: z
    .strictObject({
      metrics: z
        .strictObject({
          level: z.enum(['none', 'basic', 'normal', 'detailed']).default('normal'),
          readers: z
            .array(
              z.strictObject({
                pull: z.strictObject({
                  exporter: z.strictObject({
                    prometheus: z.looseObject({ host: z.string(), port: z.int().min(0).max(65535) }),
                  }),
                }),
              }),
            )
            .max(1)
            .default([]),
        })
        .optional(),
      logs: z.looseObject({}).optional(),
      resource: z.looseObject({}).optional(),
    })
    .optional(),
})

/** Throws ConfigError with the path and what is supported, for all problems at once. */
export function checkConfig(tree: { [key: string]: unknown }, components: Components): CheckedConfig {
  const problems: string[] = []
  const unknown = Object.keys(tree).filter((key) => key !== 'service' && !KINDS.includes(key as Kind))
  for (const key of unknown)
    problems.push(`${key}: unknown section; supported: ${[...KINDS, 'service'].join(', ')}`)
  const sections = Object.fromEntries(
    KINDS.map((kind) => [kind, readSection(kind, tree[kind], components, problems)]),
  ) as unknown as Pick<CheckedConfig, Kind>
  const service = parse(serviceShape, tree['service'] ?? {}, 'service', problems)
  if (problems.length > 0 || service === undefined) throw asError(problems)
  const pipelines = Object.entries(service.pipelines).map(([id, pipeline]): PipelineConfig => {
    const signal = SIGNALS.find((signal) => id === signal || id.startsWith(`${signal}/`))
    if (signal === undefined)
      problems.push(`service::pipelines::${id}: a pipeline's name begins with ${SIGNALS.join(', ')}`)
    return { id, signal: signal ?? 'traces', ...pipeline }
  })
  const checked: CheckedConfig = {
    ...sections,
    enabledExtensions: service.extensions,
    pipelines,
    metricsEndpoint: metricsEndpoint(service),
  }
  checkReferences(checked, problems)
  if (problems.length > 0) throw asError(problems)
  return checked
}

function asError(problems: readonly string[]): ConfigError {
  return new ConfigError(problems.join('\n'))
}

function metricsEndpoint(service: z.infer<typeof serviceShape>): string | undefined {
  const metrics = service.telemetry?.metrics
  const reader = metrics?.readers[0]?.pull.exporter.prometheus
  return reader && metrics?.level !== 'none' ? `${reader.host}:${reader.port}` : undefined
}

function readSection(kind: Kind, value: unknown, components: Components, problems: string[]) {
  const out = new Map<string, Configured<unknown>>()
  if (value === undefined || value === null) return out
  if (!isTree(value)) {
    problems.push(`${kind}: must be a map`)
    return out
  }
  for (const [id, raw] of Object.entries(value)) {
    const type = id.split('/', 1)[0]
    const factory = components[kind].find(
      (factory) => factory.type === type || factory.aliases?.includes(type),
    )
    if (factory === undefined) {
      const supported = components[kind].map((factory) => factory.type).join(', ')
      problems.push(`${kind}::${id}: unknown component; supported: ${supported}`)
      continue
    }
    const config = parse(factory.config as z.ZodType, raw ?? {}, `${kind}::${id}`, problems)
    out.set(id, { id, factory, config: config as never })
  }
  return out
}

function parse<T>(shape: z.ZodType<T>, value: unknown, path: string, problems: string[]): T | undefined {
  const result = shape.safeParse(value)
  if (result.success) return result.data
  for (const issue of result.error.issues) {
    const at = [path, ...issue.path.map(String)].join('::')
    if (issue.code === 'unrecognized_keys') {
      const supported = supportedKeys(shape, issue.path)
      for (const key of issue.keys)
        problems.push(
          `${at}::${key}: unknown key${supported.length > 0 ? `; supported: ${supported.join(', ')}` : ''}`,
        )
    } else {
      problems.push(`${at}: ${issue.message}`)
    }
  }
  return undefined
}

/** The keys that the object at this path of a shape takes. */
function supportedKeys(shape: z.ZodType, path: readonly PropertyKey[]): string[] {
  let schema: JsonSchema | undefined = z.toJSONSchema(shape, {
    io: 'input',
    unrepresentable: 'any',
  }) as JsonSchema
  for (const step of path) {
    schema =
      typeof step === 'number'
        ? schema?.items
        : (schema?.properties?.[String(step)] ?? schema?.additionalProperties)
    if (typeof schema !== 'object') return []
  }
  return Object.keys(schema?.properties ?? {})
}

export interface JsonSchema {
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly additionalProperties?: JsonSchema
  readonly items?: JsonSchema
}

function checkReferences(config: CheckedConfig, problems: string[]): void {
  if (config.pipelines.length === 0) problems.push('service::pipelines: at least one pipeline is needed')
  for (const id of config.enabledExtensions)
    if (!config.extensions.has(id)) problems.push(`service::extensions: "${id}" is not configured`)
  for (const { id, signal, receivers, processors, exporters } of config.pipelines) {
    const at = `service::pipelines::${id}`
    if (receivers.length === 0) problems.push(`${at}::receivers: at least one is needed`)
    if (exporters.length === 0) problems.push(`${at}::exporters: at least one is needed`)
    const check = (
      role: 'receivers' | 'processors' | 'exporters',
      name: string,
      known: boolean,
      fits: boolean,
    ) => {
      if (!known) problems.push(`${at}::${role}: "${name}" is not configured`)
      else if (!fits) problems.push(`${at}::${role}: "${name}" does not work with ${signal}`)
    }
    for (const name of receivers) {
      const connector = config.connectors.get(name)
      const receiver = config.receivers.get(name)
      const fits =
        receiver?.factory.signals.includes(signal) ||
        connector?.factory.routes.some(([, to]) => to === signal)
      check('receivers', name, Boolean(connector ?? receiver), Boolean(fits))
    }
    for (const name of processors)
      check(
        'processors',
        name,
        config.processors.has(name),
        Boolean(config.processors.get(name)?.factory.signals.includes(signal)),
      )
    for (const name of exporters) {
      const connector = config.connectors.get(name)
      const exporter = config.exporters.get(name)
      const fits =
        exporter?.factory.signals.includes(signal) ||
        connector?.factory.routes.some(([from]) => from === signal)
      check('exporters', name, Boolean(connector ?? exporter), Boolean(fits))
    }
  }
  for (const name of config.connectors.keys()) {
    const from = config.pipelines.some((pipeline) => pipeline.exporters.includes(name))
    const to = config.pipelines.some((pipeline) => pipeline.receivers.includes(name))
    if (from !== to) problems.push(`connectors::${name}: must end one pipeline and begin another`)
  }
}
