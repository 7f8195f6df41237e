import { propagation } from '@opentelemetry/api'
import { Hono } from 'hono'
import { afterEach, expect, it } from 'vitest'
import { routeTemplate, traceRequests } from './hono.ts'
import { createTestTelemetry } from './testing/test-telemetry.ts'

const telemetry = createTestTelemetry()
afterEach(() => telemetry.reset())

const orders = new Hono()
  .get('/open', (c) => c.json({ route: routeTemplate(c) }))
  .get('/:id', (c) => c.json({ route: routeTemplate(c) }))
  .get('/:id/fails', () => {
    throw new TypeError('no such order')
  })
const app = new Hono()
  .use(traceRequests({ ignore: ({ url }) => url.endsWith('/healthz') }))
  .use('/guarded/*', async (c) => c.text('no', 401))
  .get('/guarded/:thing', (c) => c.text('never'))
  .route('/api/orders', orders)
  .get('/files/*', (c) => c.text('file'))
  .all('/any', (c) => c.text('any'))
  .get('/down', (c) => c.text('down', 503))
  .get('/healthz', (c) => c.text('ok'))
  .get('/baggage', (c) => c.text(propagation.getActiveBaggage()?.getEntry('desk')?.value ?? '-'))

const only = () => {
  expect(telemetry.spans.length).toBe(1)
  return telemetry.spans[0]
}

it.each([
  ['/api/orders/17?x=1', 200, 'GET /api/orders/:id', '/api/orders/:id'],
  // Fits `/:id` as well, which comes later and does not answer.
  ['/api/orders/open', 200, 'GET /api/orders/open', '/api/orders/open'],
  ['/files/a/b', 200, 'GET /files/*', '/files/*'],
  ['/any', 200, 'GET /any', '/any'],
  ['/guarded/x', 401, 'GET /guarded/:thing', '/guarded/:thing'],
  ['/nowhere/9', 404, 'GET', undefined],
])('names the span of %s after its template', async (path, status, name, route) => {
  expect((await app.request(path)).status).toBe(status)
  const span = only()
  expect(span.name).toBe(name)
  expect(span.attributes['http.route']).toBe(route)
  expect(span.attributes).toMatchObject({ 'http.request.method': 'GET', 'http.response.status_code': status })
  expect(span.attributes['error.type']).toBeUndefined()
})

it('records an error with its type, and a status of 500 and above without one', async () => {
  await app.request('/api/orders/3/fails')
  expect(only()).toMatchObject({
    name: 'GET /api/orders/:id/fails',
    attributes: { 'error.type': 'TypeError' },
    status: { code: 2 },
  })
  telemetry.reset()
  await app.request('/down')
  expect(only()).toMatchObject({ attributes: { 'error.type': '503' }, status: { code: 2 } })
})

it("continues the caller's trace with its baggage, and invents no method", async () => {
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-03'
  const answer = await app.request('/baggage', {
    headers: { traceparent, tracestate: 'a=1', baggage: 'desk=blue%20one' },
  })
  expect(await answer.text()).toBe('blue one')
  const span = only()
  expect(span.parentSpanContext).toMatchObject({ spanId: 'b7ad6b7169203331', isRemote: true })
  expect(span.spanContext()).toMatchObject({ traceId: '0af7651916cd43dd8448eb211c80319c', traceFlags: 3 })
  expect(span.spanContext().traceState?.serialize()).toBe('a=1')
  telemetry.reset()
  await app.request('/any', { method: 'BREW' })
  expect(only()).toMatchObject({
    name: 'HTTP /any',
    attributes: { 'http.request.method': '_OTHER', 'http.request.method_original': 'BREW' },
  })
  telemetry.reset()
  await app.request('/healthz')
  expect(telemetry.spans).toEqual([])
})
