import { expect, test } from 'vitest'
import { CallRecord } from './call-record.ts'
import { judge } from './judge.ts'
import { type LoadResult, loadSchemaName, rateOf } from './load-result.ts'
import { loadReport } from './report-console.ts'
import { routesCsv, timelineCsv } from './report-csv.ts'
import { loadPage } from './report-page.ts'
import { criteriaOf } from './scenarios.ts'
import { callNames } from './traffic-model.ts'

const hostile = '<script>alert("x")</script>'

/** Two seconds of 100 calls each; every tenth of the second fails with a body that would like to be HTML. */
function result(): LoadResult {
  const record = new CallRecord()
  const windows = [1, 2].map((second) => {
    for (let i = 0; i < 100; i++) {
      const dueMs = second * 1_000 + i
      record.send(1)
      record.answer({
        call: callNames[i % callNames.length],
        ok: second === 1 || i % 10 !== 0,
        reason: second === 1 || i % 10 !== 0 ? '200' : '404',
        dueMs,
        sentMs: dueMs + 1,
        answeredMs: dueMs + 10 + i,
        detail: () => hostile,
      })
    }
    return record.takeWindow(second, 1, 10)
  })
  const figures = record.figures()
  const generator = { cpuShare: 0.02, loopP99: 1, loopMax: 9, priorityRaised: true }
  const observed = { figures, generator, perSecond: 95, jobs: null, burst: null, cut: null, judged: true }
  return {
    schema: loadSchemaName,
    createdAt: '2026-11-25T09:00:00.000Z',
    revision: { commit: 'abc', dirty: false },
    environment: {
      node: 'v24',
      v8: '13',
      platform: 'linux',
      cpu: hostile,
      cores: 2,
      memoryGb: 8,
      freeMemoryGb: 4,
      load: 1,
      governor: null,
      machineClass: 'test-2c-8g-node24',
      warnings: [],
    },
    loadAfter: 2,
    scenario: 'custom',
    scale: 1,
    plan: {
      userClass: 'trading',
      seconds: 2,
      load: { kind: 'users', users: 10, spawnPerSecond: 10 },
      seed: 1,
      windowSeconds: 1,
      timeoutMs: 30_000,
      followOneIn: 10,
      slowest: 3,
    },
    target: { url: 'http://127.0.0.1:1', own: true, viewer: null },
    bars: 1,
    seconds: 2,
    verdict: judge({ ...observed, criteria: criteriaOf('custom') }),
    perSecond: { overall: rateOf(windows, 0, 2), steady: rateOf(windows, 0.9, 2) },
    figures,
    generator,
    windows,
    jobs: null,
    burst: null,
    service: {
      samples: [{ seconds: 0, cpu: null, rssMib: 100, heapMib: 50, queue: 0 }],
      healthMs: { p50: 1, p99: 2, max: 3 },
      spansDropped: 0,
    },
    slowest: [
      {
        call: 'generate',
        atSeconds: 1.5,
        latencyMs: 109,
        reason: '201',
        asked: hostile,
        traceId: 'f'.repeat(32),
        entity: { kind: 'signals', id: 'x' },
        traceUrl: 'http://127.0.0.1:2/#/trace/x',
        spans: [{ name: hostile, depth: 0, startMs: 0, durationMs: 100 }],
        spanCount: 1,
        chainUrl: null,
        chain: [{ stage: hostile, verdict: 'PASS', reason: null }],
      },
    ],
  }
}

test('a page asks nobody for anything and shows what services said as text', () => {
  const page = loadPage(result())
  expect(page).not.toContain('<script')
  expect(page).not.toMatch(/(src|href)="(?!http:\/\/127\.0\.0\.1:2\/#\/trace)/)
  expect(page.match(/&lt;script/g)!.length).toBeGreaterThanOrEqual(4)
  expect(page).toContain('FAIL: failures 5.00 % (below 1 %).')
  expect(page).not.toMatch(/NaN|undefined|Infinity/)
})

test('a run of which nothing is known has a page, too', () => {
  const empty = new CallRecord()
  const page = loadPage({
    ...result(),
    windows: [],
    figures: empty.figures(),
    service: {
      samples: [],
      healthMs: { p50: Number.NaN, p99: Number.NaN, max: Number.NaN },
      spansDropped: 0,
    },
    slowest: [],
  })
  expect(page).toContain('nothing was measured')
  expect(page).not.toMatch(/NaN|undefined|Infinity/)
})

test('counts and times of the tables are those of the calls', () => {
  const rows = routesCsv(result())
    .trim()
    .split('\n')
    .map((line) => line.split(','))
  expect(rows.length).toBe(2 + callNames.length)
  const [all] = rows.filter(([, route]) => route === 'all')
  expect(all.slice(2, 4)).toEqual(['200', '10'])
  expect(rows.slice(1, -1).reduce((sum, row) => sum + Number(row[2]), 0)).toBe(200)
  // 10 to 109 ms, evenly: three significant digits of an HDR histogram.
  expect(Math.abs(Number(all[5]) - 59)).toBeLessThan(1.1)
  expect(Math.abs(Number(all[8]) - 109)).toBeLessThan(0.2)
  const times = timelineCsv(result()).trim().split('\n')
  expect(times.length).toBe(3)
  expect(times[2]).toMatch(/^2,1,10,0,100,10,/)
})

test('the terminal gets lines of 80 columns', () => {
  for (const line of loadReport(result()).split('\n')) expect(line.length).toBeLessThanOrEqual(80)
})

test('a rate counts the windows that lie in its time', () => {
  const { windows } = result()
  expect(rateOf(windows, 0, 2)).toBe(95)
  expect(rateOf(windows, 1, 2)).toBe(90)
  expect(rateOf([], 0, 2)).toBe(0)
})
