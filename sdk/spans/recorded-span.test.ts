import { ROOT_CONTEXT, SpanStatusCode, trace, type Span, type Tracer } from '@opentelemetry/api'
import {
  AlwaysOffSampler,
  InMemorySpanExporter,
  SimpleSpanProcessor,
  TracerProvider,
} from '@opentelemetry/sdk-trace'
import { expect, it } from 'vitest'
import { SpanProvider } from './span-provider.ts'

const spanLimits = {
  attributeCountLimit: 4,
  attributeValueLengthLimit: 10,
  eventCountLimit: 2,
  linkCountLimit: 2,
  attributePerEventCountLimit: 1,
  attributePerLinkCountLimit: 1,
}

/** What both leave behind, ids and clocks apart. */
function recorded(
  Provider: typeof TracerProvider | typeof SpanProvider,
  limited: boolean,
  act: (span: Span, tracer: Tracer) => void,
) {
  const memory = new InMemorySpanExporter()
  const provider = new Provider({
    spanProcessors: [new SimpleSpanProcessor({ exporter: memory })],
    ...(limited && { spanLimits }),
  })
  const tracer = provider.getTracer('scope', '1.2', { schemaUrl: 'https://schema' })
  const link = { context: { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), traceFlags: 1 } }
  const start = {
    kind: 2,
    attributes: { a: 1, b: 'b', c: [1, 2], d: true },
    links: [link],
    startTime: [100, 5] as [number, number],
  }
  const span = tracer.startSpan('name', start, ROOT_CONTEXT)
  act(span, tracer)
  span.end([101, 7])
  return memory.getFinishedSpans().map((one) => ({
    name: one.name,
    kind: one.kind,
    parent: one.parentSpanContext,
    start: one.startTime,
    end: one.endTime,
    duration: one.duration,
    status: one.status,
    attributes: one.attributes,
    links: one.links.map(({ attributes, context, droppedAttributesCount = 0 }) => ({
      attributes,
      context,
      droppedAttributesCount,
    })),
    events: one.events,
    ended: one.ended,
    dropped: [one.droppedAttributesCount, one.droppedEventsCount, one.droppedLinksCount],
    scope: one.instrumentationScope,
    resource: one.resource.attributes,
  }))
}

const link = {
  context: { traceId: 'c'.repeat(32), spanId: 'd'.repeat(16), traceFlags: 0 },
  attributes: { x: 1, y: 2 },
}
const acts: Record<string, (span: Span, tracer: Tracer) => void> = {
  nothing: () => undefined,
  attributes(span) {
    span.setAttributes({
      e: 'text that is long',
      a: 2,
      f: ['one', 'two'],
      g: undefined,
      h: 0.5,
      '': 'no name',
    })
    span.setAttribute('deep', { one: { two: [1, 'x', null] } })
    span.setAttribute('bytes', new Uint8Array(20))
    span.setAttribute('bad', () => 1)
    span.setAttribute('date', new Date(0))
    span.setAttribute('constructor', 'mine').setAttribute('toString', 'mine too')
  },
  events(span) {
    span
      .addEvent('one', { a: 1, b: 2 }, [100, 9])
      .addEvent('two', [100, 10])
      .addEvent('three', undefined, [100, 11])
    span.addEvent('four', new Date(1_000_000))
  },
  exceptions(span) {
    const error = Object.assign(new TypeError('what'), { code: 'E_CODE' })
    delete error.stack
    span.recordException(error, [100, 9])
    span.recordException('a text', [100, 10])
    span.recordException({ name: '', message: '' }, [100, 11])
  },
  links(span) {
    span.addLink(link).addLinks([link, link])
  },
  status(span) {
    span.setStatus({ code: SpanStatusCode.UNSET, message: 'ignored' })
    span.setStatus({ code: SpanStatusCode.ERROR, message: 'wrong' })
    span.setStatus({ code: SpanStatusCode.ERROR, message: 7 as never })
    span.setStatus({ code: SpanStatusCode.OK, message: 'dropped' })
    span.setStatus({ code: SpanStatusCode.ERROR, message: 'too late' })
    span.updateName('renamed')
  },
  backwards(span) {
    span.end([99, 0])
  },
  twice(span) {
    span.end([102, 0])
    span
      .setAttribute('late', 1)
      .addEvent('late')
      .addLink(link)
      .setStatus({ code: SpanStatusCode.ERROR })
      .updateName('late')
    span.end([103, 0])
  },
}

it.each(Object.keys(acts).flatMap((name) => [false, true].map((limited) => ({ name, limited }))))(
  'records what the library records: $name, limited: $limited',
  ({ name, limited }) => {
    expect(recorded(SpanProvider, limited, acts[name])).toEqual(recorded(TracerProvider, limited, acts[name]))
  },
)

it('continues a trace, and records nothing that is not sampled', () => {
  const tracer = new SpanProvider().getTracer('test')
  const parent = tracer.startSpan('parent', {}, ROOT_CONTEXT)
  const child = tracer.startSpan('child', {}, trace.setSpan(ROOT_CONTEXT, parent))
  expect(child.spanContext().traceId).toBe(parent.spanContext().traceId)
  expect(child.spanContext().spanId).not.toBe(parent.spanContext().spanId)
  const off = new SpanProvider({ sampler: new AlwaysOffSampler() }).getTracer('test')
  expect(off.startSpan('none', {}, ROOT_CONTEXT).isRecording()).toBe(false)
  // An id that cannot be one begins a new trace.
  const broken = trace.setSpanContext(ROOT_CONTEXT, { traceId: 'xyz', spanId: '1', traceFlags: 1 })
  expect(tracer.startSpan('new', {}, broken).spanContext().traceId).toMatch(/^[0-9a-f]{32}$/)
})

it('makes ids that are never the same', () => {
  const tracer = new SpanProvider().getTracer('test')
  const ids = new Set<string>()
  for (let i = 0; i < 20_000; i++) {
    const { traceId, spanId } = tracer.startSpan('one', {}, ROOT_CONTEXT).spanContext()
    ids.add(traceId).add(spanId)
  }
  expect(ids.size).toBe(40_000)
})
