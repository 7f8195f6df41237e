import { expect, test } from 'vitest'
import { CallRecord, onTimeMs } from './call-record.ts'
import { exitCodes, judge, type Observed } from './judge.ts'
import { criteriaOf } from './scenarios.ts'

interface Calls {
  count: number
  latencyMs?: number
  lagMs?: number
  reason?: string
}

function figuresOf(...groups: Calls[]) {
  const record = new CallRecord()
  for (const { count, latencyMs = 10, lagMs = 0, reason = '200' } of groups)
    for (let i = 0; i < count; i++) {
      record.send(lagMs)
      const ok = reason === '200'
      record.answer({ call: 'detect', ok, reason, dueMs: 0, sentMs: lagMs, answeredMs: latencyMs })
    }
  return record.figures()
}

const healthy: Observed = {
  criteria: criteriaOf('medium'),
  judged: true,
  figures: figuresOf({ count: 1_000 }),
  generator: { cpuShare: 0.1, loopP99: 2, loopMax: 10, priorityRaised: false },
  perSecond: 24,
  jobs: { followed: 5, completed: 5, failed: [], unfinished: 0, longestMs: 900 },
  burst: { calls: 100, failed: 0, reasons: [], slowestMs: 700 },
  cut: null,
}

function verdictOf(changed: Partial<Observed>) {
  const verdict = judge({ ...healthy, ...changed })
  return { ...verdict, exitCode: exitCodes[verdict.kind] }
}

test('a run that meets everything passes', () => {
  expect(verdictOf({})).toMatchObject({ kind: 'PASS', exitCode: 0, invalid: [] })
})

test.each<[string, Partial<Observed>, RegExp]>([
  ['a slow tail', { figures: figuresOf({ count: 90 }, { count: 10, latencyMs: 2_500 }) }, /p95 2\d{3}/],
  ['answers of 404', { figures: figuresOf({ count: 980 }, { count: 20, reason: '404' }) }, /failures 2.00 %/],
  ['timeouts', { figures: figuresOf({ count: 980 }, { count: 20, reason: 'timeout' }) }, /failures 2.00 %/],
  ['too few answers', { perSecond: 19.9 }, /throughput 19.9/],
  [
    'a job that failed',
    { jobs: { ...healthy.jobs!, completed: 4, failed: [{ runId: 'x', status: 'FAILED', error: '' }] } },
    /4 of 5, 1 ended FAILED/,
  ],
  ['a job that does not end', { jobs: { ...healthy.jobs!, completed: 4, unfinished: 1 } }, /1 not over/],
  ['slow calls at once', { burst: { ...healthy.burst!, slowestMs: 2_000 } }, /100 at once 2000 ms/],
  ['failed calls at once', { burst: { ...healthy.burst!, failed: 1, reasons: ['503'] } }, /1 failed \(503\)/],
  ['a service that ended', { cut: { by: 'service', sentence: 'after 3 s the service ended' } }, /after 3 s/],
])('%s fails it', (_, changed, sentence) => {
  const verdict = verdictOf(changed)
  expect(verdict).toMatchObject({ kind: 'FAIL', exitCode: 1 })
  expect(verdict.sentence).toMatch(sentence)
})

test('exactly one percent of failures is too much, below it is not', () => {
  expect(verdictOf({ figures: figuresOf({ count: 990 }, { count: 10, reason: '503' }) }).kind).toBe('FAIL')
  expect(verdictOf({ figures: figuresOf({ count: 991 }, { count: 9, reason: '503' }) }).kind).toBe('PASS')
})

test.each<[string, Partial<Observed>, RegExp]>([
  [
    'late calls',
    { figures: figuresOf({ count: 97 }, { count: 3, lagMs: onTimeMs + 1, latencyMs: 80 }) },
    /97.0 %/,
  ],
  ['a late event loop', { generator: { ...healthy.generator, loopP99: 51 } }, /event loop/],
  ['a busy generator', { generator: { ...healthy.generator, cpuShare: 0.9 } }, /90 % of a core/],
  [
    'no sockets left here',
    { figures: figuresOf({ count: 999 }, { count: 1, reason: 'EMFILE' }) },
    /no socket left/,
  ],
  [
    'refused connections',
    { figures: figuresOf({ count: 80 }, { count: 20, reason: 'ECONNREFUSED' }) },
    /20 of 100/,
  ],
  ['nothing answered', { figures: figuresOf() }, /not one call/],
])('%s make it invalid, whatever the service did', (_, changed, sentence) => {
  for (const more of [{}, { perSecond: 1 }]) {
    const verdict = verdictOf({ ...changed, ...more })
    expect(verdict).toMatchObject({ kind: 'INVALID', exitCode: 3 })
    expect(verdict.sentence).toMatch(sentence)
  }
})

test('wrong answers fail a run of a late generator, too: 404 does not depend on when it was asked for', () => {
  const verdict = verdictOf({
    figures: figuresOf({ count: 50 }, { count: 50, reason: '404' }),
    generator: { ...healthy.generator, loopP99: 200 },
  })
  expect(verdict).toMatchObject({ kind: 'FAIL', exitCode: 1 })
  expect(verdict.sentence).toMatch(/failures 50.00 %.*cannot be believed/)
})

test('stress on a small machine is reported, not judged', () => {
  const missed = verdictOf({ judged: false, perSecond: 3 })
  expect(missed).toMatchObject({ kind: 'REPORTED', exitCode: 0 })
  expect(missed.sentence).toMatch(/not judged: throughput 3.0/)
})

test('a run that somebody stopped, or whose generator died, is no pass', () => {
  expect(verdictOf({ cut: { by: 'person', sentence: 'stopped' } })).toMatchObject({ exitCode: 130 })
  expect(verdictOf({ cut: { by: 'generator', sentence: 'it ended' } })).toMatchObject({ exitCode: 2 })
})
