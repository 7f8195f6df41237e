import { nearest } from './nearest.ts'
import { readEnvironment, type Environment, type ReadSettings } from './read-environment.ts'
import { settingTable, signalUrl, type SettingName, type Settings, type Signal } from './settings.ts'

export interface ResolvedSettings {
  readonly settings: Settings
  /** Where each value came from: `code`, a variable, `FILE: path`, or `default`. */
  readonly origins: ReadonlyMap<SettingName, string>
  readonly warnings: readonly string[]
}

/** Settings as code gives them: by name, and the endpoint of all signals in one. */
export type CodeSettings = { readonly [Name in SettingName]?: Settings[Name] | undefined } & {
  /** Base URL of an OTLP/HTTP receiver (`/v1/traces` and so on are added). False sends nothing. */
  readonly otlpEndpoint?: string | false | undefined
}

const signals: readonly Signal[] = ['traces', 'metrics', 'logs']

/**
 * Settles every setting: code before environment before file (`OTEL_CONFIG_FILE`) before default.
 *
 * @throws TypeError when code or the file say what cannot be meant; what the environment says is at most left out, with a warning
 */
export async function resolveSettings(
  code: CodeSettings,
  environment: Environment,
): Promise<ResolvedSettings> {
  const fromCode = readCode(code)
  const fromEnvironment = readEnvironment(environment)
  const file = environment['OTEL_CONFIG_FILE']?.trim()
  const sources: ReadSettings[] = [fromCode, fromEnvironment]
  if (file !== undefined && file !== '')
    sources.push((await import('./read-config-file.ts')).readConfigFile(file))
  const origins = new Map<SettingName, string>()
  const settings: Record<string, unknown> = {}
  for (const [name, { fallback }] of Object.entries(settingTable) as [SettingName, { fallback: unknown }][]) {
    const source = sources.find(({ values }) => values.has(name))
    settings[name] = source === undefined ? fallback : source.values.get(name)
    origins.set(name, source?.origins.get(name) ?? 'default')
  }
  return {
    settings: settings as Settings,
    origins,
    warnings: sources.flatMap(({ warnings }) => warnings),
  }
}

function readCode({ otlpEndpoint, ...named }: CodeSettings): ReadSettings {
  const values = new Map<SettingName, unknown>()
  if (otlpEndpoint === false) {
    values.set('tracesExporter', ['none'])
    values.set('metricsExporter', ['none'])
    values.set('logsExporter', ['none'])
  } else if (otlpEndpoint !== undefined) {
    for (const signal of signals)
      values.set(`${signal}Endpoint`, signalUrl(checkUrl(otlpEndpoint, 'otlpEndpoint'), signal))
  }
  for (const [name, value] of Object.entries(named)) {
    if (value === undefined) continue
    if (!Object.hasOwn(settingTable, name)) {
      const near = nearest(name, Object.keys(settingTable))
      throw new TypeError(
        `${name} is not an option of startTelemetry${near === undefined ? '' : `; did you mean ${near}?`}`,
      )
    }
    values.set(name as SettingName, checkCode(name as SettingName, value))
  }
  return { values, origins: new Map([...values.keys()].map((name) => [name, 'code'])), warnings: [] }
}

/** A value from code must pass what the same value would have to pass as text. */
function checkCode(name: SettingName, value: unknown): unknown {
  const { env, fallback } = settingTable[name]
  const [source] = env
  if (name.endsWith('Endpoint')) return checkUrl(value, name)
  if (typeof fallback === 'object' && !Array.isArray(fallback)) {
    if (typeof value === 'object' && value !== null) return value
    throw new TypeError(`${name} takes an object of texts`)
  }
  if (fallback !== undefined && !Array.isArray(fallback) && typeof value !== typeof fallback)
    throw new TypeError(`${name} is ${JSON.stringify(value)}; give a ${typeof fallback}`)
  if (source === undefined) return value
  try {
    return source.parse(Array.isArray(value) ? value.join(',') : String(value))
  } catch (error) {
    throw new TypeError(
      `${name} is ${JSON.stringify(value)}; ${error instanceof Error ? error.message : 'not readable'}`,
      { cause: error },
    )
  }
}

function checkUrl(value: unknown, name: string): string {
  const url = typeof value === 'string' ? URL.parse(value) : null
  if (url === null || !/^https?:$/.test(url.protocol))
    throw new TypeError(`${name} is ${JSON.stringify(value)}; give a URL such as http://127.0.0.1:4318`)
  return url.href
}
