import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { MetricHistory } from './metric-history.ts'

const sample = (name: string, value: number, labels: Record<string, string> = {}) => ({ name, value, labels })
const never = () => undefined

test('values stand under the times of their scrapes, null where a series was not there', () => {
  const history = new MetricHistory({ scrapeUrl: never, points: 4 })
  history.add(1000, [sample('calls', 1, { span: 'a' })])
  history.add(2000, [sample('calls', 2, { span: 'a' }), sample('calls', 7, { span: 'b' })])
  history.add(3000, [sample('calls', 9, { span: 'b' }), sample('other', NaN)])
  expect(history.read('calls', {})).toEqual({
    times: [1000, 2000, 3000],
    series: [
      { name: 'calls', labels: { span: 'a' }, values: [1, 2, null] },
      { name: 'calls', labels: { span: 'b' }, values: [null, 7, 9] },
    ],
    notKept: 0,
  })
  expect(history.read(undefined, { span: 'b' }, 2500).series).toEqual([
    { name: 'calls', labels: { span: 'b' }, values: [9] },
  ])
  expect(history.read('other', {}).series[0].values).toEqual([null, null, null])
  expect(history.read('none', {}).series).toEqual([])
})

test('the oldest points go first, and a series that was not seen for so long goes with them', () => {
  const history = new MetricHistory({ scrapeUrl: never, points: 3 })
  history.add(0, [sample('gone', 1)])
  for (let i = 1; i <= 5; i++) history.add(i, [sample('kept', i)])
  expect(history.read('kept', {})).toMatchObject({ times: [3, 4, 5], series: [{ values: [3, 4, 5] }] })
  expect(history.read('gone', {}).series).toEqual([])
})

test('its size is bounded; what has no room is counted, and comes in when others have gone', () => {
  const history = new MetricHistory({ scrapeUrl: never, points: 10, maxBytes: 3000 })
  const many = Array.from({ length: 100 }, (_, i) => sample('m', i, { i: String(i) }))
  history.add(0, many)
  const kept = history.read('m', {})
  expect(kept.series.length).toBeGreaterThan(3)
  expect(kept.series.length).toBeLessThan(11)
  expect(kept.notKept).toBe(100 - kept.series.length)
  for (let i = 1; i <= 11; i++) history.add(i, [sample('later', i)])
  expect(history.read('later', {}).series).toHaveLength(1)
  expect(history.read('m', {}).series).toEqual([])
})

const stops: (() => unknown)[] = []
afterEach(() => stops.splice(0).map((stop) => stop()))

test('it scrapes what it is told to; an answer that is no success or never comes is left out', async () => {
  let answers = 0
  const server = createServer((_, response) => {
    answers++
    if (answers === 1) response.writeHead(500).end('calls 1\n')
    else if (answers > 2) response.end('calls 5\n')
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const history = new MetricHistory({
    scrapeUrl: () => `http://127.0.0.1:${(server.address() as AddressInfo).port}/metrics`,
    everyMs: 50,
  })
  history.start()
  history.start()
  stops.push(
    () => history.stop(),
    () => server.close().closeAllConnections(),
  )
  await expect.poll(() => history.read('calls', {}).series[0]?.values.at(-1), { timeout: 20_000 }).toBe(5)
})
