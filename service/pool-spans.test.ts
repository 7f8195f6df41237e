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

interface Traces {
  readonly resourceSpans: readonly {
    readonly scopeSpans: readonly { readonly spans: readonly { name: string; traceId: string }[] }[]
  }[]
}

test('a statement that waited for a connection is told in the trace of its own request', async () => {
  const names = ['first', 'second', 'third', 'fourth']
  await Promise.all(
    names.map((name) =>
      withSpan(name, () => database.query({ name: `of.${name}`, text: `SELECT pg_sleep(0.02), '${name}'` })),
    ),
  )
  await telemetry.flush()
  const spans = sink.bodies
    .filter(({ path }) => path === '/v1/traces')
    .flatMap(({ body }) => (JSON.parse(body.toString()) as Traces).resourceSpans)
    .flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans))
  const traceOf = (name: string) => spans.find((span) => span.name.startsWith(name))?.traceId
  expect(new Set(names.map(traceOf)).size).toBe(names.length)
  for (const name of names) expect(traceOf(`pg.query:of.${name}`), name).toBe(traceOf(name))
})
