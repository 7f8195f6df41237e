import { readFileSync } from 'node:fs'
import {
  bindCounter,
  createLogger,
  metricTable,
  startTelemetry,
  withSpan,
  type Telemetry,
} from '@tapescope/sdk'
import { startOtlpSink, type OtlpSink } from '@tapescope/sdk/testing'
import { createSignalEngine, parseBarsCsv, type BarSeries } from '@tapescope/engine'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { readApiKeys } from './api-keys.ts'
import { servicePreset } from './decision-chain.ts'
import type { EmbeddedPostgres } from './embedded-postgres.ts'
import { readRealBarsCsv } from './real-bars.ts'
import type { Service } from './serve.ts'
import { readServiceLimits } from './service-limits.ts'
import { storeBars } from './store-bars.ts'
import { startTemporaryPostgres } from './temporary-postgres.ts'

/**
 * The registry against what a real service emits: nothing outside it, and nothing in it that is never emitted. The
 * registry is read from its page, which a test keeps current.
 */
const page = readFileSync(new URL('../docs/telemetry.md', import.meta.url), 'utf8')
const section = (title: string): string => page.split(/^## /m).find((part) => part.startsWith(title))!
const registeredSpans = new Map(
  [...section('Spans').matchAll(/^\| `([^`]+)` \|[^|]*\| (.*) \|$/gm)].map(([, name, attributes]) => [
    name,
    [...attributes.matchAll(/`([^`]+)`/g)].map(([, attribute]) => attribute),
  ]),
)

interface JsonSpan {
  readonly scope: string
  readonly name: string
  readonly attributes: readonly string[]
}

let postgres: EmbeddedPostgres
let sink: OtlpSink
let telemetry: Telemetry
let service: Service
let exposed: string
let spans: JsonSpan[]

const post = (path: string, body: unknown): Promise<Response> =>
  fetch(`${service.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })

beforeAll(async () => {
  sink = await startOtlpSink()
  postgres = await startTemporaryPostgres()
  telemetry = await startTelemetry({
    otlpEndpoint: sink.url,
    tracesProtocol: 'http/json',
    logsExporter: ['otlp'],
    metricsExporter: ['otlp'],
    metricsEndpoint: 'http://127.0.0.1:1/v1/metrics',
    metricIntervalMs: 100,
    handleSignals: false,
  })
  const { serve } = await import('./serve.ts')
  service = await serve({
    databaseUrl: postgres.url,
    host: '127.0.0.1',
    port: 0,
    version: '0.0.0',
    metrics: telemetry.metricsHandler,
    telemetry: { otlpEndpoint: sink.url, tracesProtocol: 'http/json' },
    keys: readApiKeys(undefined),
    limits: readServiceLimits({}),
    allowedOrigins: [],
    log: () => undefined,
  })
  const { bars } = parseBarsCsv(await readRealBarsCsv(), { symbol: 'SPX', timeframe: '1d' })
  await storeBars(service.database, bars)
  const series = { symbol: 'SPX', timeframe: '1d' }
  await post('/api/v1/signals/generate', { ...series, lookback: 5000 })
  // The same history until the day of a signal that waits for its decision.
  const engine = createSignalEngine({ preset: servicePreset })
  const waiting = engine
    .generate(bars)
    .signals.map(({ confirmedBar }) => until(bars, confirmedBar))
    .find((cut) => engine.generate(cut).signals.some(({ status }) => status === 'PENDING'))
  await storeBars(service.database, { ...waiting!, symbol: 'CUT' })
  await post('/api/v1/signals/generate', { symbol: 'CUT', timeframe: '1d', lookback: 5000 })
  const period = { start_date: '2000-01-01', end_date: '2020-01-01' }
  await post('/api/v1/backtests/run?wait=60', { ...series, strategy: 'wyckoff_all', ...period })
  await post('/api/v1/sweeps', { symbols: ['SPX'], strategy: 'sma_cross', ...period })
  await fetch(`${service.url}/nowhere`)
  const log = createLogger({ write: () => undefined })
  log.info('delivered')
  await telemetry.flush()
  // A day on which the backend takes nothing, and a caller who counts nonsense.
  sink.script = () => ({ status: 400 })
  withSpan('refused', () => log.info('refused'))
  bindCounter('api_requests_total', { method: 'GET', endpoint: '/', status_code: '200' }).add(Number.NaN)
  await telemetry.flush()
  sink.script = () => 'ok'
  const read = async () => (await fetch(`${service.url}/api/v1/metrics`)).text()
  // The exports of metrics go to nobody; the first is given up after a second or two.
  for (
    exposed = await read();
    !exposed.includes('tapescope_metric_exports_failed_total{');
    exposed = await read()
  )
    await new Promise((resolve) => setTimeout(resolve, 100))
  spans = sink.bodies
    .filter(({ path }) => path === '/v1/traces')
    .flatMap(({ body }) => spansOf(JSON.parse(body.toString()) as TraceBody))
})
afterAll(async () => {
  await service?.stop()
  await telemetry?.shutdown()
  await postgres?.stop()
  await sink?.close()
})

/** The series up to and with bar `last`. */
function until(bars: BarSeries, last: number): BarSeries {
  const cut = (column: Float64Array): Float64Array => column.slice(0, last + 1)
  const { time, open, high, low, close, volume } = bars
  const columns = { time: cut(time), open: cut(open), high: cut(high), low: cut(low), close: cut(close) }
  return { ...bars, ...columns, volume: cut(volume), length: last + 1 }
}

interface TraceBody {
  readonly resourceSpans: readonly {
    readonly scopeSpans: readonly {
      readonly scope: { readonly name: string }
      readonly spans: readonly {
        readonly name: string
        readonly attributes?: readonly { readonly key: string }[]
      }[]
    }[]
  }[]
}

const spansOf = ({ resourceSpans }: TraceBody): JsonSpan[] =>
  resourceSpans
    .flatMap(({ scopeSpans }) => scopeSpans)
    .flatMap(({ scope, spans }) =>
      spans.map(({ name, attributes = [] }) => ({
        scope: scope.name,
        name,
        attributes: attributes.map(({ key }) => key),
      })),
    )

it('emits every metric of the registry, and besides them only those of the instrumentations', () => {
  const names = [...exposed.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name)
  const silent = Object.keys(metricTable).filter(
    (name) => !new RegExp(`^${name}(_count)?[{ ]`, 'm').test(exposed),
  )
  expect(silent).toEqual([])
  const outside = names.filter((name) => !Object.hasOwn(metricTable, name) && name !== 'target_info')
  expect(outside.filter((name) => !/^(http|db)_client_/.test(name))).toEqual([])
})

it('changes each of the 18 metrics by real operations', () => {
  const sum = (name: string): number =>
    [...exposed.matchAll(new RegExp(`^${name}(?:_count)?(?:\\{[^}]*\\})? (\\S+)`, 'gm'))].reduce(
      (all, [, value]) => all + Number(value),
      0,
    )
  const unchanged = Object.keys(metricTable)
    .slice(0, 18)
    .filter((name) => !(sum(name) > 0))
  expect(unchanged).toEqual([])
})

it('emits every span of the registry but those of streams and unseen blocks, with no attribute outside of it', () => {
  const ours = spans.filter(({ scope }) => scope === '@tapescope/sdk')
  const registered = (name: string): string | undefined =>
    [...registeredSpans.keys()].find(
      (known) => known === name || (known === 'stage.<name>' && name.startsWith('stage.')),
    )
  const seen = new Set(ours.map(({ name }) => registered(name)))
  const silent = [...registeredSpans.keys()].filter((name) => !seen.has(name))
  expect(silent).toEqual(['signals.stream', 'block.sampled'])
  for (const { name, attributes } of ours) {
    const known = registeredSpans.get(registered(name) ?? '')
    if (known === undefined) continue
    const outside = attributes.filter(
      (attribute) => !known.some((one) => attribute === one || attribute.startsWith(`${one}.`)),
    )
    expect({ name, outside }).toEqual({ name, outside: [] })
  }
  // What is not in the registry is a request, named after its route.
  const others = ours.filter(({ name }) => registered(name) === undefined).map(({ name }) => name)
  expect(others.filter((name) => !/^(GET|POST|HTTP)( \/|$)/.test(name))).toEqual([])
})
