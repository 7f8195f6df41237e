import { afterAll, beforeEach, expect, test } from 'vitest'
import { createTestTelemetry } from '@tapescope/sdk/testing'
import { placeOrder, type Venue } from './place-order.ts'

// Spans and metrics stay in memory; nothing listens and nothing is sent.
const telemetry = createTestTelemetry()
beforeEach(() => telemetry.reset())
afterAll(() => telemetry.stop())

const venue: Venue = { send: async () => 'N-1' }

test('an order is one trace: check, then venue', async () => {
  await placeOrder(venue, { symbol: 'ACME', quantity: 100 })
  telemetry.expectTree(`
    order.place
      order.check
      order.send
  `)
  expect(telemetry.span('order.place').attributes).toMatchObject({ 'order.quantity': 100 })
})

test('a refused order is counted, its span says why', async () => {
  await expect(placeOrder(venue, { symbol: 'HUGE', quantity: 5000 })).rejects.toThrow(RangeError)
  const refused = await telemetry.metric('orders_total', { symbol: 'HUGE', outcome: 'refused' })
  expect(refused).toEqual({ kind: 'number', value: 1 })
  expect(telemetry.span('order.check').attributes).toMatchObject({ 'error.type': 'RangeError' })
  telemetry.expectTree(`
    order.place
      order.check
  `)
})

test('what the venue says stays out of the trace', async () => {
  const rude: Venue = { send: async () => Promise.reject(new Error('bad key api_key=sk-12345')) }
  await expect(placeOrder(rude, { symbol: 'ACME', quantity: 1 })).rejects.toThrow('sk-12345')
  expect(JSON.stringify(telemetry.spans.map(({ status, events }) => ({ status, events })))).not.toContain(
    '12345',
  )
})
