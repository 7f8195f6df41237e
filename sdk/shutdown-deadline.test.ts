import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { processStore } from './metric-store.ts'
import { startTelemetry } from './start-telemetry.ts'
import { withSpan } from './with-span.ts'

/** Takes requests and says nothing. */
const silent: ServerResponse[] = []
const sink = createServer((request, response) => {
  request.resume()
  silent.push(response)
})

beforeAll(() => new Promise<void>((resolve) => sink.listen(0, '127.0.0.1', resolve)))
afterAll(() => sink.close())

const total = (name: string, reason?: string): number => {
  let sum = 0
  for (const { labels, slots } of processStore.families.get(name)?.series.values() ?? [])
    if (reason === undefined || labels['reason'] === reason) sum += slots[0]
  return sum
}

it('counts every span as dropped when the backend stays silent past the deadline of shutdown', async () => {
  const { port } = sink.address() as AddressInfo
  const telemetry = await startTelemetry({ otlpEndpoint: `http://127.0.0.1:${port}`, deadlineMs: 200 })
  const spans = 5000
  for (let i = 0; i < spans; i++) withSpan('one', () => i)
  expect(await telemetry.shutdown()).toBe(false)
  const books = () => [
    total('tapescope_spans_created_total'),
    total('tapescope_spans_delivered_total'),
    total('tapescope_spans_dropped_total', 'shutdown_deadline'),
  ]
  expect(books()).toEqual([spans, 0, spans])
  // Some were on their way and some still waited; an answer that comes too late changes nothing.
  expect(silent.length).toBeGreaterThan(0)
  for (const response of silent) response.end()
  await sleep(50)
  expect(books()).toEqual([spans, 0, spans])
  expect(await telemetry.shutdown()).toBe(false)
})
