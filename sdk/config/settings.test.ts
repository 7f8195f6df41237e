import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it, vi } from 'vitest'
import { maskedSettings, renderSettings } from './render-settings.ts'
import { resolveSettings } from './resolve-settings.ts'
import { settingTable } from './settings.ts'

const folder = mkdtempSync(join(tmpdir(), 'tapescope-config-'))
afterAll(() => rmSync(folder, { recursive: true }))

let files = 0
function file(text: string): Record<string, string> {
  const path = join(folder, `${files++}.yaml`)
  writeFileSync(path, text)
  return { OTEL_CONFIG_FILE: path }
}

const whole = `
file_format: '1.0'
log_level: error
resource:
  attributes:
    - { name: service.name, value: from-file }
    - { name: deployment.environment.name, value: '\${PLACE:-test}' }
propagator:
  composite: [{ tracecontext: }, { b3: }]
attribute_limits: { attribute_count_limit: 64 }
tracer_provider:
  processors:
    - batch:
        schedule_delay: 200
        max_queue_size: 7000
        exporter:
          otlp_http:
            endpoint: http://collector:4318/v1/traces
            headers: [{ name: authorization, value: '\${SECRET}' }]
            compression: gzip
            timeout: 2000
            encoding: json
  sampler: { parent_based: { root: { trace_id_ratio_based: { ratio: 0.25 } } } }
  limits: { attribute_value_length_limit: 100 }
meter_provider:
  readers:
    - periodic: { interval: 5000, exporter: { otlp_http: { endpoint: 'http://collector:4318/v1/metrics' } } }
logger_provider:
  processors: [{ batch: { exporter: { otlp_http: } } }]
distribution:
  tapescope: { deadline_ms: 3000, redact_keys: [desk], error_messages: none }
`

describe('precedence', () => {
  it('is code before environment before file before default', async () => {
    vi.stubEnv('SECRET', 'Bearer abc')
    const environment = {
      ...file(whole),
      OTEL_SERVICE_NAME: 'from-env',
      OTEL_BSP_SCHEDULE_DELAY: '300',
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://env:4318/base/',
    }
    const { settings, origins, warnings } = await resolveSettings({ spanDelayMs: 400 }, environment)
    expect(warnings).toEqual([])
    expect(settings).toMatchObject({
      spanDelayMs: 400,
      serviceName: 'from-env',
      tracesEndpoint: 'http://env:4318/base/v1/traces',
      metricsEndpoint: 'http://env:4318/base/v1/metrics',
      spanQueue: 7000,
      spanBatch: 512,
      attributeCount: 64,
      attributeLength: 100,
      logLevel: 'error',
      propagators: ['tracecontext', 'b3'],
      tracesSampler: 'parentbased_traceidratio',
      tracesSamplerRatio: 0.25,
      tracesProtocol: 'http/json',
      tracesCompression: 'gzip',
      tracesTimeoutMs: 2000,
      tracesHeaders: { authorization: 'Bearer abc' },
      metricsExporter: ['otlp'],
      metricIntervalMs: 5000,
      logsExporter: ['otlp'],
      resourceAttributes: { 'service.name': 'from-file', 'deployment.environment.name': 'test' },
      deadlineMs: 3000,
      redactKeys: ['desk'],
      errorMessages: 'none',
    })
    expect(origins.get('spanDelayMs')).toBe('code')
    expect(origins.get('serviceName')).toBe('OTEL_SERVICE_NAME')
    expect(origins.get('spanQueue')).toMatch(/yaml: tracer_provider\.processors\[0\]\.batch$/)
    expect(origins.get('spanBatch')).toBe('default')
    vi.unstubAllEnvs()
  })

  it('has a signal before the general variable, and code before both', async () => {
    const environment = {
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://all:4318',
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://traces:4318/as-it-is',
      OTEL_EXPORTER_OTLP_HEADERS: 'a=1',
      OTEL_EXPORTER_OTLP_LOGS_HEADERS: 'b=%20x',
    }
    const { settings } = await resolveSettings({}, environment)
    expect(settings.tracesEndpoint).toBe('http://traces:4318/as-it-is')
    expect(settings.logsEndpoint).toBe('http://all:4318/v1/logs')
    expect(settings.tracesHeaders).toEqual({ a: '1' })
    expect(settings.logsHeaders).toEqual({ b: ' x' })
    const code = await resolveSettings({ otlpEndpoint: 'http://code:4318' }, environment)
    expect(code.settings.tracesEndpoint).toBe('http://code:4318/v1/traces')
  })
})

/** The file that OpenTelemetry's own guide begins with. */
const gettingStarted = `
file_format: '1.0'
resource:
  attributes_list: \${OTEL_RESOURCE_ATTRIBUTES}
  detection/development: { detectors: [{ container: }, { host: }, { process: }, { service: }] }
propagator: { composite: [{ tracecontext: }, { baggage: }] }
tracer_provider:
  processors:
    - batch: { exporter: { otlp_http: { endpoint: '\${NOT_SET:-http://localhost:4318}/v1/traces' } } }
meter_provider:
  readers:
    - periodic: { exporter: { otlp_http: { endpoint: 'http://localhost:4318/v1/metrics' } } }
logger_provider:
  processors:
    - batch: { exporter: { otlp_http: { endpoint: 'http://localhost:4318/v1/logs' } } }
`

it('takes the file that the guide of OpenTelemetry begins with', async () => {
  const { settings, warnings } = await resolveSettings({}, file(gettingStarted))
  expect(warnings).toEqual([])
  expect(settings).toMatchObject({
    tracesEndpoint: 'http://localhost:4318/v1/traces',
    tracesExporter: ['otlp'],
    metricsExporter: ['otlp'],
    logsExporter: ['otlp'],
    propagators: ['tracecontext', 'baggage'],
    resourceDetectors: ['host', 'process', 'service'],
  })
})

describe('every variable of the table', () => {
  const values: Record<string, string> = {
    boolean: 'true',
    number: '1',
  }
  it.each(
    Object.entries(settingTable).flatMap(([name, { env, fallback }]) =>
      env.map(({ name: variable, parse }) => [variable, name, parse, fallback] as const),
    ),
  )('%s sets %s', async (variable, name, parse, fallback) => {
    const candidates = [
      values[typeof fallback],
      'none',
      'http://host:1',
      'a=1',
      'pg',
      'always_off',
      'delta',
      'explicit_bucket_histogram',
      'http/json',
      '1',
      'x',
    ]
    const text = candidates.find((one) => {
      try {
        return one !== undefined && (parse as (text: string) => unknown)(one) !== undefined
      } catch {
        return false
      }
    })
    const { settings, origins, warnings } = await resolveSettings({}, { [variable]: text })
    expect(warnings).toEqual([])
    expect(origins.get(name as keyof typeof settings)).toBe(variable)
    expect(settings[name as keyof typeof settings]).toEqual(parse(text!))
  })
})

describe('what cannot be meant', () => {
  it('is left out with a warning when the environment says it, which never repeats the value', async () => {
    const { settings, warnings } = await resolveSettings(
      {},
      {
        OTEL_BSP_SCHEDULE_DELAY: 's3cret',
        OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
        OTEL_TRACES_SAMPLER_ARG: '2',
        OTEL_EXPORTER_OTLP_ENDPOINT: 'nowhere',
        OTEL_EXPORTER_OTLP_HEADER: 'a=1',
        OTEL_SERVICE_NAME: '',
      },
    )
    expect(settings.spanDelayMs).toBe(1000)
    expect(settings.tracesProtocol).toBe('http/protobuf')
    expect(settings.serviceName).toBeUndefined()
    expect(warnings).toEqual(
      expect.arrayContaining([
        'OTEL_BSP_SCHEDULE_DELAY is left out: give a whole number of at least 0.',
        'OTEL_TRACES_SAMPLER_ARG is left out: give a number from 0 to 1.',
        'OTEL_EXPORTER_OTLP_ENDPOINT is left out: give a URL such as http://127.0.0.1:4318.',
        'OTEL_EXPORTER_OTLP_PROTOCOL is left out: OTLP over gRPC is not supported, OTLP over HTTP is; give one of http/protobuf, http/json.',
        'OTEL_EXPORTER_OTLP_HEADER is not a variable that this SDK knows; did you mean OTEL_EXPORTER_OTLP_HEADERS?',
      ]),
    )
    expect(warnings.length).toBe(5)
  })

  it.each([
    [
      'tracer_provider: { processors: [{ batch: { exporter: { otlp_http: { endpont: x } } } }] }',
      /endpont|additional/,
    ],
    [
      'tracer_provider: { processors: [{ batch: { exporter: { otlp_grpc: } } }] }',
      /otlp_grpc: this SDK does not have it/,
    ],
    ['tracer_provider: { processors: [{ shiny: { } }] }', /shiny: this SDK does not have it/],
    [
      'tracer_provider: { processors: [{ batch: { exporter: { otlp_http: } } }, { batch: { exporter: { otlp_http: } } }] }',
      /at tracer_provider: this SDK sends a signal to one backend/,
    ],
    [
      'resource: { detection/development: { attributes: { included: [a] } } }',
      /does not know: resource\.detection/,
    ],
    ['trace_provider: {}', /does not know: trace_provider/],
    ['distribution: { tapescope: { deadline: 5 } }', /does not know: distribution\.tapescope\.deadline/],
    ['propagator: { composite: [{ xray: }] }', /xray is not supported/],
    ['propagator: [', /cannot be used/],
  ])('is refused, with its place, when the file says it: %s', async (text, message) => {
    await expect(resolveSettings({}, file(`file_format: '1.0'\n${text}\n`))).rejects.toThrow(message)
  })

  it('is refused when code says it', async () => {
    const wrong: [object, RegExp][] = [
      [{ serviceNam: 'x' }, /serviceNam is not an option of startTelemetry; did you mean serviceName/],
      [{ otlpEndpoint: 'nowhere' }, /otlpEndpoint is "nowhere"; give a URL/],
      [{ deadlineMs: 0 }, /deadlineMs is 0; give a whole number of at least 1/],
      [{ deadlineMs: '5' }, /give a number/],
      [{ tracesSampler: 'sometimes' }, /give one of always_on/],
      [{ tracesHeaders: 'a=1' }, /takes an object of texts/],
    ]
    for (const [code, message] of wrong) await expect(resolveSettings(code, {})).rejects.toThrow(message)
  })
})

it('shows the effective configuration without a secret in it', async () => {
  const resolved = await resolveSettings(
    { tracesHeaders: { authorization: 'canary' } },
    {
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://user:canary@host:4318/?token=canary',
      OTEL_EXPORTER_OTLP_LOGS_HEADERS: 'x-key=canary',
      OTEL_RESOURCE_ATTRIBUTES: 'team=desk,api.key=canary',
    },
  )
  const text = renderSettings(resolved)
  expect(text).not.toContain('canary')
  expect(JSON.stringify(maskedSettings(resolved))).not.toContain('canary')
  expect(text).toMatch(/^tracesHeaders +\{"authorization":"\*\*\*"\} +\(code\)$/m)
  expect(text).toMatch(
    /^resourceAttributes +\{"team":"desk","api.key":"\*\*\*"\} +\(OTEL_RESOURCE_ATTRIBUTES\)$/m,
  )
  expect(Object.keys(maskedSettings(resolved))).toEqual(Object.keys(settingTable))
})
