import { randomWalkBars } from '@tapescope/engine'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { startTelemetry } from '@tapescope/sdk'
import { afterAll, afterEach, beforeAll, expect, it, onTestFinished } from 'vitest'
import type { EmbeddedPostgres } from '../embedded-postgres.ts'
import { type SidecarProcess, startSidecar } from '../sidecar-process.ts'
import { storeBars } from '../store-bars.ts'
import { startTemporaryPostgres } from '../temporary-postgres.ts'
import { type Json, startTestService, type TestService } from '../test-service.ts'

// Real worker processes on a real PostgreSQL; the service itself runs no job here.

const root = join(import.meta.dirname, '..', '..')
let postgres: EmbeddedPostgres
let service: TestService
let sidecar: SidecarProcess
let folder: string
const workers: ChildProcess[] = []

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tapescope-jobs-'))
  const flags = ['otlp', 'viewer', 'prometheus', 'health', 'metrics'].flatMap((name) => [
    `--${name}-port`,
    '0',
  ])
  ;[postgres, sidecar] = await Promise.all([
    startTemporaryPostgres({}),
    startSidecar({ root, folder, flags }),
  ])
  service = await startTestService({ postgres, concurrency: 0, maxWaiting: 5_000 })
  await storeBars(service.database, randomWalkBars({ seed: 1, length: 2_000, symbol: 'SHORT' }))
  // A run over these takes seconds.
  await storeBars(
    service.database,
    randomWalkBars({ seed: 2, length: 1_000_000, symbol: 'LONG', timeframe: '1m' }),
  )
}, 120_000)
afterEach(async () => {
  await Promise.all(workers.splice(0).map((worker) => end(worker, 'SIGKILL')))
})
afterAll(async () => {
  await service?.stop()
  await sidecar?.stop()
  rmSync(folder, { recursive: true, force: true })
})

async function end(worker: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (worker.exitCode === null && worker.signalCode === null) {
    worker.kill(signal)
    await once(worker, 'exit')
  }
  return worker.exitCode
}

async function startWorker(concurrency = 1, env: Record<string, string> = {}): Promise<ChildProcess> {
  const worker = spawn(
    process.execPath,
    [join(root, 'service', 'worker.ts'), '--concurrency', String(concurrency)],
    {
      env: {
        ...process.env,
        DATABASE_URL: postgres.url,
        OTEL_EXPORTER_OTLP_ENDPOINT: sidecar.urls['otlp'],
        ...env,
      },
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  )
  workers.push(worker)
  for await (const line of createInterface({ input: worker.stderr })) {
    if (line.includes('"ready"')) break
  }
  worker.stderr.resume()
  return worker
}

const long = { timeframe: '1m', start_date: '2000-01-01', end_date: '2002-01-01', strategy: 'wyckoff_all' }
const short = { start_date: '2000-01-03', end_date: '2005-01-01', strategy: 'sma_cross' }

async function sweep(body: Json): Promise<string> {
  const answer = await service.call('POST', '/api/v1/sweeps', body)
  expect([answer.status, answer.body['detail']]).toEqual([202, undefined])
  return answer.body['sweep_id'] as string
}

async function part(id: string, index = 0): Promise<Json> {
  const { body } = await service.call('GET', `/api/v1/sweeps/${id}`)
  const run = (body['parts'] as Json[])[index]
  return (await service.call('GET', `/api/v1/backtests/${String(run['backtest_run_id'])}`)).body
}

async function until<Value>(what: () => Promise<Value | undefined>, seconds: number): Promise<Value> {
  const deadline = Date.now() + seconds * 1_000
  for (;;) {
    const value = await what()
    if (value !== undefined) return value
    if (Date.now() > deadline) throw new Error(`not within ${seconds} s`)
    await sleep(50)
  }
}

const over = (id: string, seconds: number) =>
  until(async () => {
    const { body } = await service.call('GET', `/api/v1/sweeps/${id}?top=5000`)
    return body['status'] === 'COMPLETED' || body['status'] === 'CANCELLED' ? body : undefined
  }, seconds)

const running = (id: string) =>
  until(async () => {
    const run = await part(id)
    return run['status'] === 'RUNNING' ? run : undefined
  }, 30)

it('runs the job of a worker that was killed again elsewhere within 15 s, with one result', async () => {
  const first = await startWorker()
  const id = await sweep({ ...long, symbols: ['LONG'] })
  await running(id)
  await startWorker()
  await end(first, 'SIGKILL')
  const killed = Date.now()
  const again = await until(async () => {
    const run = await part(id)
    return run['attempt'] === 1 ? run : undefined
  }, 30)
  const tookMs = Date.now() - killed
  expect(again['status']).not.toBe('FAILED')
  expect(tookMs).toBeLessThan(15_000)
  const done = await over(id, 60)
  expect(done['counts']).toMatchObject({ completed: 1, failed: 0 })
  expect(done['ranked']).toHaveLength(1)
})

it('stops a running backtest within a second of being cancelled, and the worker goes on', async () => {
  await startWorker()
  const id = await sweep({ ...long, symbols: ['LONG'] })
  const run = await running(id)
  const next = await sweep({ ...short, symbols: ['SHORT'] })
  await service.call('POST', `/api/v1/backtests/${String(run['backtest_run_id'])}/cancel`)
  const cancelled = Date.now()
  // The only place of this worker is free when the next run begins.
  await until(async () => ((await part(next))['started_at'] === null ? undefined : true), 20)
  const begun = Date.parse((await part(next))['started_at'] as string)
  expect((await part(id))['status']).toBe('CANCELLED')
  expect(begun - cancelled).toBeLessThan(3_000)
  await over(next, 20)
})

it('fails a poison job after its last retry, and blocks nobody', async () => {
  // A quiet machine runs a million bars in less than half a second.
  await startWorker(1, { TAPESCOPE_BACKTEST_SECONDS: '0.2' })
  const poison = await sweep({ ...long, symbols: ['LONG'] })
  const good = await sweep({ ...short, symbols: ['SHORT'] })
  expect((await over(good, 30))['counts']).toMatchObject({ completed: 1 })
  expect((await over(poison, 120))['counts']).toMatchObject({ failed: 1 })
  expect(await part(poison)).toMatchObject({ attempt: 3, error: 'took longer than 0.2 s' })
})

it('completes a sweep although the database is restarted in its middle', async () => {
  await startWorker(2)
  const position_frac = Array.from({ length: 300 }, (_, i) => (i + 1) / 1_000)
  const id = await sweep({ ...short, symbols: ['SHORT'], parameters: { position_frac } })
  await until(async () => {
    const { body } = await service.call('GET', `/api/v1/sweeps/${id}?top=1`)
    return (body['counts'] as { completed: number }).completed > 20 ? true : undefined
  }, 60)
  process.kill(postgres.pid()!, 'SIGQUIT')
  const done = await over(id, 120)
  expect(done['counts']).toMatchObject({ completed: 300, failed: 0 })
})

it('shows a sweep of 200 runs over three workers as linked traces, none missing', async () => {
  // The service of this test lives in this process: what its request is linked to must be traced, too.
  const telemetry = await startTelemetry({
    serviceName: 'tapescope-service',
    otlpEndpoint: sidecar.urls['otlp'],
    handleSignals: false,
  })
  onTestFinished(async () => void (await telemetry.shutdown()))
  await Promise.all([startWorker(), startWorker(), startWorker()])
  const position_frac = Array.from({ length: 100 }, (_, i) => (i + 1) / 1_000)
  const id = await sweep({
    ...short,
    symbols: ['SHORT'],
    parameters: { position_frac, strategy: ['sma_cross', 'buy_and_hold'] },
  })
  await telemetry.flush()
  const { parts } = (await over(id, 120)) as { parts: { run_trace_id: string; worker: string }[] }
  expect(parts).toHaveLength(200)
  expect(new Set(parts.map(({ worker }) => worker)).size).toBe(3)
  expect(new Set(parts.map(({ run_trace_id }) => run_trace_id)).size).toBe(200)
  interface Span {
    name: string
    parentSpanId: string | null
    links: { traceId: string }[]
  }
  const spansOf = (traceId: string, complete: (spans: Span[]) => boolean): Promise<Span[]> =>
    until(async () => {
      const response = await fetch(`${sidecar.urls['viewer']}/api/traces/${traceId}`)
      if (!response.ok) return undefined
      const { spans } = (await response.json()) as { spans: Span[] }
      return complete(spans) ? spans : undefined
    }, 30)
  const linked = new Map<string, number>()
  for (const { run_trace_id } of parts) {
    // The thread sends the run, its process the job around it: in either order.
    const spans = await spansOf(run_trace_id, (found) =>
      ['process backtests', 'backtest.run'].every((name) => found.some((span) => span.name === name)),
    )
    // Done once, to the end: a second run of the same part would have left a second span.
    expect(spans.filter(({ name }) => name === 'backtest.run')).toHaveLength(1)
    const job = spans.find(({ name }) => name === 'process backtests')!
    expect(job.parentSpanId).toBeNull()
    for (const { traceId } of job.links) linked.set(traceId, (linked.get(traceId) ?? 0) + 1)
  }
  // From each part to its sweep, and from there to the request, where that was traced.
  expect([...linked.values()]).toEqual(Array.from(linked.keys(), () => 200))
  const roots: string[] = []
  for (const traceId of linked.keys()) {
    const spans = await spansOf(traceId, (found) => found.some(({ parentSpanId }) => parentSpanId === null))
    roots.push(spans.find(({ parentSpanId }) => parentSpanId === null)!.name)
  }
  expect(roots).toContain('sweep')
})

it('answers requests while 1,000 runs wait, and a drained worker leaves none half done', async () => {
  const position_frac = Array.from({ length: 1_000 }, (_, i) => (i + 1) / 1_000)
  const id = await sweep({ ...short, symbols: ['SHORT'], parameters: { position_frac } })
  const worker = await startWorker(2)
  const took: number[] = []
  for (let i = 0; i < 50; i++) {
    const asked = performance.now()
    expect((await service.call('GET', '/api/v1/backtests/results?limit=20')).status).toBe(200)
    took.push(performance.now() - asked)
  }
  // A bound far above what is seen, and far below what a blocked service would give.
  expect(took.toSorted((a, b) => a - b)[45]).toBeLessThan(2_000)
  expect(await end(worker, 'SIGTERM')).toBe(0)
  const { body } = await service.call('GET', `/api/v1/sweeps/${id}?top=1`)
  expect(body['counts']).toMatchObject({ running: 0, failed: 0 })
  const cancelled = await service.call('POST', `/api/v1/sweeps/${id}/cancel`)
  expect(cancelled.body['counts']).toMatchObject({ pending: 0 })
})
