import { context, SpanKind, trace } from '@opentelemetry/api'
import {
  carryContext,
  observePool,
  startTelemetry,
  withLinkedSpan,
  withSpan,
  type Telemetry,
} from '@tapescope/sdk'
import { startOtlpSink, type OtlpSink } from '@tapescope/sdk/testing'
import type { Pool as PgPool } from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startTemporaryPostgres } from './temporary-postgres.ts'

// The SDK in a service as it is: a real PostgreSQL, two pools, real jobs.

const canary = 'canary7f3a9bq2x'
let postgres: Awaited<ReturnType<typeof startTemporaryPostgres>>
let sink: OtlpSink
let telemetry: Telemetry
let Pool: typeof PgPool

beforeAll(async () => {
  sink = await startOtlpSink()
  ;[postgres, telemetry] = await Promise.all([
    startTemporaryPostgres(),
    startTelemetry({ serviceName: 'embedding', otlpEndpoint: sink.url, spanDelayMs: 600_000 }),
  ])
  // After telemetry, as a service must.
  ;({ Pool } = await import('pg'))
})
afterAll(async () => {
  await telemetry.shutdown()
  await postgres.stop()
  await sink.close()
})

async function spansOf(work: () => Promise<unknown>): Promise<{ names: string[]; text: string }> {
  const [spans, bodies] = [sink.spans.length, sink.bodies.length]
  await work()
  expect(await telemetry.flush()).toBe(true)
  return {
    names: sink.spans.slice(spans).map(({ name }) => name),
    text: sink.bodies
      .slice(bodies)
      .map(({ body }) => body.toString('latin1'))
      .join(),
  }
}

it('names statements of pg, shows no text and no values, and gives a failure its SQLSTATE', async () => {
  const pool = new Pool({ connectionString: postgres.url, max: 2 })
  const { names, text } = await spansOf(() =>
    withSpan('request', async () => {
      await pool.query({ name: 'find-bars', text: 'select $1::text as symbol', values: [canary] })
      await pool.query(`select '${canary}' as literal -- ${canary}`)
      await expect(
        pool.query({ name: 'cast', text: 'select $1::text::int', values: [canary] }),
      ).rejects.toThrow('invalid input syntax')
    }),
  )
  await pool.end()
  expect(names.filter((name) => name.includes('find-bars')).length).toBe(1)
  expect(names.filter((name) => name.startsWith('pg.query')).length).toBe(3)
  expect(text).not.toContain(canary)
  expect(text).not.toContain('::text')
  expect(text).toMatch(/error\.type.{2,8}22P02/s)
})

it('shows two pools apart, each with its own idle, used and waiting', async () => {
  const [api, jobs] = [1, 2].map((max) => new Pool({ connectionString: postgres.url, max }))
  const stops = [observePool('api', api), observePool('jobs', jobs)]
  const held = [await api.connect(), await jobs.connect(), await jobs.connect()]
  const waiting = api.connect()
  held[2].release()
  const text = await (await telemetry.metricsHandler(new Request('http://localhost/'))).text()
  const gauges = Object.fromEntries(
    [...text.matchAll(/^database_pool_connections\{pool="(\w+)",state="(\w+)"\} (\d+)$/gm)].map(
      ([, pool, state, value]) => [`${pool} ${state}`, Number(value)],
    ),
  )
  expect(gauges).toEqual({
    'api idle': 0,
    'api used': 1,
    'api waiting': 1,
    'jobs idle': 1,
    'jobs used': 1,
    'jobs waiting': 0,
  })
  // The library's own gauges, wrong with two pools, are not there.
  expect(text).not.toContain('db_client_connection')
  held[0].release()
  held[1].release()
  ;(await waiting).release()
  for (const stop of stops) stop()
  await Promise.all([api.end(), jobs.end()])
})

it('carries context through jobs of pg-boss, and links a job that outlives its request', async () => {
  const { PgBoss } = await import('pg-boss')
  const boss = new PgBoss({
    connectionString: postgres.url,
    openTelemetry: { propagateContext: true },
    max: 2,
    schema: 'jobs_under_test',
  })
  await boss.start()
  await boss.createQueue('backtests')
  const { promise: done, resolve } = Promise.withResolvers<{
    continued: string
    own: string
    links: string[]
  }>()
  let requestTrace = ''
  const { names } = await spansOf(async () => {
    await boss.work<{ carrier: Record<string, string> }>(
      'backtests',
      { pollingIntervalSeconds: 0.5 },
      async ([job]) => {
        // What pg-boss carries continues the trace of the request…
        const continued = trace.getSpanContext(context.active())?.traceId ?? ''
        // … and what the request gave along begins one of its own that links to it.
        withLinkedSpan('backtest', job.data.carrier, (span) => {
          const { links = [] } = span as unknown as { links?: { context: { traceId: string } }[] }
          resolve({
            continued,
            own: span.spanContext().traceId,
            links: links.map((link) => link.context.traceId),
          })
        })
      },
    )
    await withSpan(
      'request',
      async (span) => {
        requestTrace = span.spanContext().traceId
        await boss.send('backtests', { carrier: carryContext() })
      },
      { kind: SpanKind.SERVER },
    )
    const { continued, own, links } = await done
    expect(continued).toBe(requestTrace)
    expect(own).not.toBe(requestTrace)
    expect(links).toEqual([requestTrace])
    await boss.stop({ graceful: true, timeout: 5000 })
  })
  expect(names).toEqual(expect.arrayContaining(['request', 'backtest']))
  // pg-boss polls its queue: that is nobody's request and gives no spans.
  expect(names.filter((name) => name.startsWith('pg')).length).toBeLessThan(20)
})
