import { startTelemetry, type Telemetry, withSpan } from '@tapescope/sdk'
import { type OtlpSink, startOtlpSink } from '@tapescope/sdk/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Database } from './database.ts'
import type { EmbeddedPostgres } from './embedded-postgres.ts'
import { startTemporaryPostgres } from './temporary-postgres.ts'

let sink: OtlpSink
let postgres: EmbeddedPostgres
let telemetry: Telemetry
let database: Database

beforeAll(async () => {
  sink = await startOtlpSink()
  postgres = await startTemporaryPostgres()
  telemetry = await startTelemetry({
    otlpEndpoint: sink.url,
    tracesProtocol: 'http/json',
    handleSignals: false,
  })
  // Not before telemetry: it must see pg being loaded.
  const { openDatabase } = await import('./database.ts')
  database = openDatabase({ url: postgres.url, maxConnections: 1 })
})
afterAll(async () => {
  await database?.close()
  await telemetry?.shutdown()
  await postgres?.stop()
  await sink?.close()
})

interface Span {
  readonly name: string
  readonly traceId: string
  readonly attributes: readonly { readonly key: string; readonly value: { readonly stringValue?: string } }[]
}
interface Traces {
  readonly resourceSpans: readonly {
    readonly scopeSpans: readonly { readonly spans: readonly Span[] }[]
  }[]
}

const spansOf = ({ bodies }: OtlpSink): Span[] =>
  bodies
    .filter(({ path }) => path === '/v1/traces')
    .flatMap(({ body }) => (JSON.parse(body.toString()) as Traces).resourceSpans)
    .flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans))
const planOf = ({ attributes }: Span) =>
  attributes.find(({ key }) => key === 'db.postgresql.plan')?.value.stringValue

test('a statement that waited for a connection is told in the trace of its own request', async () => {
  const names = ['first', 'second', 'third', 'fourth']
  await Promise.all(
    names.map((name) =>
      withSpan(name, () => database.query({ name: `of.${name}`, text: `SELECT pg_sleep(0.02), '${name}'` })),
    ),
  )
  await telemetry.flush()
  const spans = spansOf(sink)
  const traceOf = (name: string) => spans.find((span) => span.name.startsWith(name))?.traceId
  expect(new Set(names.map(traceOf)).size).toBe(names.length)
  for (const name of names) expect(traceOf(`pg.query:of.${name}`), name).toBe(traceOf(name))
})

test('variants of one statement have one span name, and each its own plan', async () => {
  await withSpan('both', async () => {
    await database.query({ name: 'of.list#0', text: 'SELECT 1' })
    await database.query({ name: 'of.list#1', text: 'SELECT 1 WHERE $1', values: [true] })
  })
  await telemetry.flush()
  const found = spansOf(sink).filter(({ name }) => name.startsWith('pg.query:of.list'))
  expect(new Set(found.map(({ name }) => name)).size).toBe(1)
  expect(found[0].name).not.toContain('#')
  expect(new Set(found.map(planOf))).toEqual(new Set(['of.list#0', 'of.list#1']))
})
