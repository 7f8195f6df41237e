import { context, propagation, ROOT_CONTEXT, SpanKind } from '@opentelemetry/api'
import { afterAll, afterEach, expect, it } from 'vitest'
import { createTestTelemetry } from '../testing/test-telemetry.ts'
import { withSpan } from '../with-span.ts'
import {
  carryContext,
  linkTo,
  withCarriedContext,
  withLinkedSpan,
  type ContextCarrier,
} from './carry-context.ts'

const telemetry = createTestTelemetry()
afterEach(() => telemetry.reset())
afterAll(() => telemetry.stop())

/** As through a message to another thread. */
const sent = (carrier: ContextCarrier): ContextCarrier => structuredClone(carrier)

function inRequest(): ContextCarrier {
  const baggage = propagation.createBaggage({ desk: { value: 'blue, ünd=more;x' } })
  return context.with(propagation.setBaggage(ROOT_CONTEXT, baggage), () =>
    withSpan('request', () => sent(carryContext())),
  )
}

it('continues the trace and the baggage of the sender', () => {
  const carrier = inRequest()
  withCarriedContext(carrier, () => {
    expect(propagation.getActiveBaggage()?.getEntry('desk')?.value).toBe('blue, ünd=more;x')
    withSpan('work', () => {})
  })
  telemetry.expectTree(`
    request
      work
  `)
  expect(telemetry.span('work').parentSpanContext?.isRemote).toBe(true)
})

it('begins a trace of its own that links to every sender', () => {
  const carriers = [inRequest(), inRequest(), undefined]
  withLinkedSpan('job', carriers, () => withSpan('step', () => {}))
  const requests = telemetry.spans.filter(({ name }) => name === 'request')
  const job = telemetry.span('job')
  expect(job.kind).toBe(SpanKind.CONSUMER)
  expect(job.parentSpanContext).toBeUndefined()
  expect(job.links.map((link) => link.context.spanId)).toEqual(
    requests.map((span) => span.spanContext().spanId),
  )
  expect(telemetry.span('step').spanContext().traceId).toBe(job.spanContext().traceId)
  withLinkedSpan('single', carriers[0], () =>
    expect(propagation.getActiveBaggage()?.getEntry('desk')?.value).toBe('blue, ünd=more;x'),
  )
})

it('takes a carrier that is missing or malformed for an empty one', () => {
  const odd: unknown[] = [undefined, null, 5, 'text', [], {}, { traceparent: 'x' }, { traceparent: 5 }]
  for (const carrier of odd) {
    expect(withCarriedContext(carrier as ContextCarrier, () => 7)).toBe(7)
    expect(linkTo(carrier as ContextCarrier)).toBeUndefined()
    withLinkedSpan('job', carrier as ContextCarrier, () => {})
  }
  expect(telemetry.spans.filter(({ links }) => links.length > 0)).toEqual([])
  expect(carryContext()).toEqual({})
})
