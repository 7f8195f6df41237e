import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestService, type TestService } from './test-service.ts'

let service: TestService
const minute = 60_000
const begin = Date.parse('2024-01-02T14:30:00Z')
/** 300 minutes of two days with a night between, prices that go up and down. */
const bars = Array.from({ length: 600 }, (_, i) => {
  const time = begin + i * minute + (i >= 300 ? 24 * 60 * minute : 0)
  const open = 100 + (i % 37)
  return { time, open, high: open + 3, low: open - 2, close: open + 1, volume: 10 + i }
})

interface Chart {
  first: number | null
  last: number | null
  point_ms: number
  time: number[]
  open: number[]
  high: number[]
  low: number[]
  close: number[]
  volume: number[]
  bars: number[]
}

beforeAll(async () => {
  service = await startTestService({ concurrency: 0 })
  const { status } = await service.call('POST', '/api/v1/bars', {
    symbol: 'MIN',
    timeframe: '1m',
    bars: bars.map(({ time, ...bar }) => ({ timestamp: new Date(time).toISOString(), ...bar })),
  })
  if (status >= 300) throw new Error(`the bars were answered with ${status}`)
})
afterAll(() => service.stop())

async function chart(query: string): Promise<Chart> {
  const { status, body } = await service.call('GET', `/api/v1/bars/chart?symbol=MIN&timeframe=1m${query}`)
  expect(status, JSON.stringify(body)).toBe(200)
  return body as unknown as Chart
}

test('a window that fits comes bar by bar, oldest first', async () => {
  const all = await chart('')
  expect(all).toMatchObject({ first: bars[0].time, last: bars[599].time, point_ms: minute })
  expect(all.time).toEqual(bars.map(({ time }) => time))
  expect(all.close).toEqual(bars.map(({ close }) => close))
  expect(new Set(all.bars)).toEqual(new Set([1]))
  const part = await chart(`&from=${bars[10].time}&to=${bars[19].time}`)
  expect(part.time).toEqual(bars.slice(10, 20).map(({ time }) => time))
})

test('the newest so many are the last of the window', async () => {
  expect((await chart('&newest=3')).time).toEqual(bars.slice(-3).map(({ time }) => time))
  const before = await chart(`&newest=2&to=${bars[299].time + 1}`)
  expect(before.time).toEqual([bars[298].time, bars[299].time])
})

test.each([1, 7, 50, 599])('drawn together to %i points nothing is lost', async (points) => {
  const all = await chart(`&points=${points}`)
  expect(all.time.length).toBeLessThanOrEqual(points)
  expect(all.bars.reduce((sum, one) => sum + one, 0)).toBe(600)
  expect(all.volume.reduce((sum, one) => sum + one, 0)).toBe(bars.reduce((sum, bar) => sum + bar.volume, 0))
  let at = 0
  for (const [i, count] of all.bars.entries()) {
    const part = bars.slice(at, at + count)
    expect(all.time[i]).toBe(part[0].time)
    expect(part.at(-1)!.time - part[0].time).toBeLessThan(all.point_ms)
    expect(all.open[i]).toBe(part[0].open)
    expect(all.close[i]).toBe(part.at(-1)!.close)
    expect(all.high[i]).toBe(Math.max(...part.map(({ high }) => high)))
    expect(all.low[i]).toBe(Math.min(...part.map(({ low }) => low)))
    at += count
  }
})

test('a series that is not there, and a window before or after it, have no points', async () => {
  const { body } = await service.call('GET', '/api/v1/bars/chart?symbol=NONE&timeframe=1d')
  expect(body).toMatchObject({ first: null, last: null, time: [] })
  for (const query of ['&to=2020-01-01', '&from=2030-01-01'])
    expect((await chart(query)).time, query).toEqual([])
})

test.each([
  'from=2025-01-01&to=2024-01-01',
  'points=0',
  'points=5001',
  'newest=1.5',
  'from=yesterday',
  'colour=red',
])('%s is refused', async (query) => {
  const { status } = await service.call('GET', `/api/v1/bars/chart?symbol=MIN&timeframe=1m&${query}`)
  expect(status).toBe(422)
})
