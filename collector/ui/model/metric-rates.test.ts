import { expect, test } from 'vitest'
import type { History } from '../api.ts'
import { ratesOf as rates } from './metric-rates.ts'

const ratesOf = (history: History) => rates(history, 's')

const of = (...series: History['series'][number][]): History => ({
  times: [0, 5000, 10_000, 20_000],
  series,
  notKept: 0,
})
const calls = (values: (number | null)[], status = 'STATUS_CODE_UNSET') => ({
  name: 'traces_span_metrics_calls_total',
  labels: { status_code: status, job: 's' },
  values,
})

test('counters become rates of the time between two scrapes, errors among them', () => {
  const made = ratesOf(of(calls([0, 10, 10, 30]), calls([0, 5, 5, 5], 'STATUS_CODE_ERROR')))
  expect(made.time).toEqual([5, 10, 20])
  expect(made.calls).toEqual([3, 0, 2])
  expect(made.errors).toEqual([1, 0, 0])
})

test('a series that is new, gone or begins anew neither falls below nothing nor jumps', () => {
  expect(ratesOf(of(calls([null, 10, null, 5]))).calls).toEqual([2, null, 0.5])
  expect(ratesOf(of(calls([100, 5, 15, 15]))).calls).toEqual([1, 2, 0])
})

test('quantiles are of the calls between two scrapes only', () => {
  const bucket = (le: string, values: (number | null)[]) => ({
    name: 'traces_span_metrics_duration_seconds_bucket',
    labels: { le, service_name: 's' },
    values,
  })
  const made = ratesOf(
    of(
      bucket('0.01', [100, 100, 104, 104]),
      bucket('0.1', [100, 110, 114, 114]),
      bucket('+Inf', [100, 110, 114, 114]),
    ),
  )
  // Ten calls of 10 to 100 ms, then four below 10 ms, then none.
  expect(made.p50[0]).toBeCloseTo(55, 6)
  expect(made.p50[1]).toBeCloseTo(5, 6)
  expect(made.p50[2]).toBeNull()
  expect(made.p95[0]).toBeCloseTo(95.5, 6)
})

test('clocks that stand still or go back give no point', () => {
  expect(ratesOf({ times: [5000, 5000, 1000], series: [calls([1, 2, 3])], notKept: 0 }).time).toEqual([])
  expect(ratesOf({ times: [], series: [], notKept: 0 }).time).toEqual([])
})

test('what another service did under the same name is not added', () => {
  const other = { ...calls([0, 99, 99, 99]), labels: { job: 'other' } }
  expect(ratesOf(of(calls([0, 10, 10, 10]), other)).calls).toEqual([2, 0, 0])
})
