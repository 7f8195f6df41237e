import { context, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import { createTestTelemetry, type TestTelemetry } from '@tapescope/sdk/testing'
import { createRequire } from 'node:module'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import type * as Pg from 'pg'
import type { EmbeddedPostgres } from '../service/embedded-postgres.ts'
// Here, because the SDK has no PostgreSQL to test its spans with.
import { PgSpans } from '../sdk/pg-spans.ts'
import { startTemporaryPostgres } from '../service/temporary-postgres.ts'

let telemetry: TestTelemetry
let postgres: EmbeddedPostgres
let client: Pg.Client
let instrumentation: PgSpans

beforeAll(async () => {
  telemetry = createTestTelemetry()
  instrumentation = new PgSpans({ captureText: false })
  // As CommonJS, which is what the instrumentation hooks.
  const { Client } = createRequire(import.meta.url)('pg') as typeof Pg
  postgres = await startTemporaryPostgres()
  client = new Client({ connectionString: postgres.url })
  await client.connect()
})
afterAll(async () => {
  await client.end()
  instrumentation.disable()
  await telemetry.stop()
  await postgres.stop()
})
beforeEach(() => telemetry.reset())

const tracer = trace.getTracer('test')
const inSpan = <Result>(work: () => Promise<Result>) =>
  tracer.startActiveSpan('request', async (span) => {
    try {
      return await work()
    } finally {
      span.end()
    }
  })
const statements = () => telemetry.spans.filter(({ name }) => name !== 'request')

it('names a statement after its plan, otherwise after its verb; the text and the values are nowhere', async () => {
  const rows = await inSpan(async () => {
    await client.query({ name: 'one', text: 'SELECT $1::TEXT AS secret', values: ['canary'] })
    await client.query("  insert into pg_temp.t select 'canary'").catch(() => undefined)
    return client.query('SELECT 1 AS one')
  })
  expect(rows.rows).toEqual([{ one: 1 }])
  const names = statements().map(({ name }) => name)
  expect(names).toEqual(['pg.query:one tapescope', 'pg.query:INSERT tapescope', 'pg.query:SELECT tapescope'])
  expect(statements()[0]).toMatchObject({
    kind: SpanKind.CLIENT,
    attributes: {
      'db.system.name': 'postgresql',
      'db.namespace': 'tapescope',
      'db.postgresql.plan': 'one',
      'server.address': expect.any(String) as string,
    },
  })
  expect(JSON.stringify(statements().map((span) => [span.attributes, span.events]))).not.toContain('canary')
})

it('tells the SQLSTATE of what failed, and throws it on', async () => {
  await expect(inSpan(() => client.query('SELECT 1 / 0'))).rejects.toMatchObject({ code: '22012' })
  expect(statements()[0]).toMatchObject({
    status: { code: SpanStatusCode.ERROR },
    attributes: { 'error.type': '22012' },
  })
})

it('calls back in the context of who asked, with what pg gives', async () => {
  for (const ask of [
    (done: (error: Error | null, result?: { rows: unknown[] }) => void) =>
      client.query('SELECT 1 AS one', done as never),
    (done: (error: Error | null, result?: { rows: unknown[] }) => void) =>
      client.query('SELECT $1::INT AS one', [1], done as never),
    (done: (error: Error | null, result?: { rows: unknown[] }) => void) =>
      client.query({ text: 'SELECT 1 AS one', callback: done } as never),
  ]) {
    const [active, given] = await inSpan(async () => {
      const expected = trace.getActiveSpan()
      return new Promise<[boolean, unknown]>((resolve) => {
        ask((error, result) => resolve([trace.getActiveSpan() === expected, error ?? result?.rows]))
      })
    })
    expect([active, given]).toEqual([true, [{ one: 1 }]])
  }
  expect(statements()).toHaveLength(3)
})

it('makes no span outside of a trace, and a call that pg refuses ends its span', async () => {
  await context.with(trace.deleteSpan(context.active()), () => client.query('SELECT 1'))
  expect(statements()).toHaveLength(0)
  await inSpan(async () => {
    expect(() => client.query(undefined as never)).toThrow(TypeError)
  })
  expect(statements().every(({ ended }) => ended)).toBe(true)
})
