import { settingTable, type SettingName } from './settings.ts'
import { nearest } from './nearest.ts'

export interface ReadSettings {
  readonly values: ReadonlyMap<SettingName, unknown>
  /** Variable or key that gave each value. */
  readonly origins: ReadonlyMap<SettingName, string>
  /** Sentences about what was left out, none of which holds a value. */
  readonly warnings: readonly string[]
}

export type Environment = Readonly<Record<string, string | undefined>>

/** Variables of OpenTelemetry that others read, or that have no meaning over HTTP. */
const elsewhere = new Set([
  'OTEL_CONFIG_FILE',
  'OTEL_SEMCONV_STABILITY_OPT_IN',
  'OTEL_EXPORTER_OTLP_INSECURE',
  'OTEL_EXPORTER_OTLP_TRACES_INSECURE',
  'OTEL_EXPORTER_OTLP_METRICS_INSECURE',
  'OTEL_EXPORTER_OTLP_LOGS_INSECURE',
])

const known = new Set(Object.values(settingTable).flatMap(({ env }) => env.map(({ name }) => name)))

/**
 * What the environment says. As the specification asks, an empty variable counts as not set, and one whose value
 * cannot be meant is reported and left out.
 */
export function readEnvironment(environment: Environment): ReadSettings {
  const values = new Map<SettingName, unknown>()
  const origins = new Map<SettingName, string>()
  const warnings: string[] = []
  const reported = new Set<string>()
  for (const [name, { env }] of Object.entries(settingTable)) {
    for (const { name: variable, parse } of env) {
      const text = environment[variable]?.trim()
      if (text === undefined || text === '') continue
      try {
        values.set(name as SettingName, parse(text))
        origins.set(name as SettingName, variable)
        break
      } catch (error) {
        if (!reported.has(variable))
          warnings.push(
            `${variable} is left out: ${error instanceof Error ? error.message : 'not readable'}.`,
          )
        reported.add(variable)
      }
    }
  }
  for (const variable of Object.keys(environment)) {
    if (!variable.startsWith('OTEL_') || known.has(variable) || elsewhere.has(variable)) continue
    const near = nearest(variable, [...known])
    warnings.push(
      `${variable} is not a variable that this SDK knows${near === undefined ? '' : `; did you mean ${near}?`}`,
    )
  }
  return { values, origins, warnings }
}
