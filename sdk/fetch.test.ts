import { createServer, type IncomingHttpHeaders } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { context, propagation } from '@opentelemetry/api'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startTelemetry, type Telemetry } from './start-telemetry.ts'
import { startOtlpSink, type OtlpSink } from './testing/otlp-sink.ts'
import { withSpan } from './with-span.ts'

let sink: OtlpSink
let telemetry: Telemetry
let received: IncomingHttpHeaders = {}
const peer = createServer((request, response) => {
  received = request.headers
  response.writeHead(request.url === '/fails' ? 500 : 200).end()
})

beforeAll(async () => {
  sink = await startOtlpSink()
  telemetry = await startTelemetry({ otlpEndpoint: sink.url, spanDelayMs: 600_000 })
  peer.listen(0, '127.0.0.1')
  await once(peer, 'listening')
})
afterAll(async () => {
  await telemetry.shutdown()
  await sink.close()
  peer.close()
})

const place = (): string => `http://127.0.0.1:${(peer.address() as AddressInfo).port}`

it('gives an outgoing fetch a span below the active one, and its context with the random flag to the peer', async () => {
  const baggage = propagation.createBaggage({ desk: { value: 'blue one' } })
  await context.with(propagation.setBaggage(context.active(), baggage), () =>
    withSpan('work', async () => {
      await fetch(`${place()}/orders?token=secret`)
    }),
  )
  await telemetry.flush()
  const [client, work] = sink.spans
  expect([client?.name, work?.name]).toEqual(['GET', 'work'])
  expect(received.traceparent).toBe(`00-${work?.traceId}-${client?.spanId}-03`)
  expect(received.baggage).toBe('desk=blue%20one')
})

it('fails a span with its error.type', async () => {
  const before = sink.bodies.length
  await withSpan('work', async () => {
    await fetch(`${place()}/fails`)
    const gone = await startOtlpSink()
    await gone.close()
    await expect(fetch(gone.url)).rejects.toThrow('fetch failed')
  })
  await telemetry.flush()
  const text = sink.bodies
    .slice(before)
    .map(({ body }) => body.toString('latin1'))
    .join()
  expect(text).toMatch(/error\.type.{2,8}500/s)
  expect(text.match(/error\.type/g)?.length).toBe(2)
})

it('makes no span of a fetch that belongs to nothing, such as the exporter of somebody else', async () => {
  const before = sink.spans.length
  await fetch(place())
  await telemetry.flush()
  expect(sink.spans.length).toBe(before)
})
