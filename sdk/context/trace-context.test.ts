import {
  context,
  defaultTextMapGetter,
  defaultTextMapSetter,
  ROOT_CONTEXT,
  trace,
  type SpanContext,
} from '@opentelemetry/api'
import { AlwaysOffSampler } from '@opentelemetry/sdk-trace'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SpanProvider } from '../spans/span-provider.ts'
import { TraceContextPropagator } from './trace-context-propagator.ts'
import { W3cTraceState } from './trace-state.ts'

const traceId = '0af7651916cd43dd8448eb211c80319c'
const spanId = 'b7ad6b7169203331'
const propagator = new TraceContextPropagator()

const extract = (carrier: Record<string, string | string[]>): SpanContext | undefined =>
  trace.getSpanContext(propagator.extract(ROOT_CONTEXT, carrier, defaultTextMapGetter))

function inject(span: SpanContext): Record<string, string> {
  const carrier: Record<string, string> = {}
  propagator.inject(trace.setSpanContext(ROOT_CONTEXT, span), carrier, defaultTextMapSetter)
  return carrier
}

describe('traceparent', () => {
  it.each([
    ['00', 0],
    ['01', 1],
    ['02', 2],
    ['03', 3],
    // Flags that nobody knows yet are not passed on.
    ['ff', 3],
    ['fc', 0],
  ])('carries the sampled and the random flag of %s, and no other', (flags, known) => {
    const span = extract({ traceparent: `00-${traceId}-${spanId}-${flags}` })
    expect(span).toEqual({ traceId, spanId, traceFlags: known, isRemote: true })
    expect(inject(span!)).toEqual({ traceparent: `00-${traceId}-${spanId}-0${known}` })
    // Whatever sets more flags: two hex digits leave this process.
    expect(inject({ traceId, spanId, traceFlags: 255 }).traceparent).toBe(`00-${traceId}-${spanId}-03`)
  })

  it('reads what later versions have in common with this one', () => {
    const rest = `${traceId}-${spanId}-01`
    for (const header of [`cc-${rest}`, `cc-${rest}-what-the-future-will-be-like`, ` 00-${rest}\t`])
      expect(extract({ traceparent: header })).toMatchObject({ traceId, spanId, traceFlags: 1 })
  })

  it('is nothing when it is malformed', () => {
    const wrong = [
      '',
      `00-${traceId}-${spanId}`,
      `00-${traceId}-${spanId}-01-`,
      `00-${traceId}-${spanId}-01-more`,
      `cc-${traceId}-${spanId}-01.what`,
      `ff-${traceId}-${spanId}-01`,
      `0-${traceId}-${spanId}-01`,
      `00-${'0'.repeat(32)}-${spanId}-01`,
      `00-${traceId}-${'0'.repeat(16)}-01`,
      `00-${traceId.toUpperCase()}-${spanId}-01`,
      `00-${traceId}-${spanId}-0G`,
      `00-${traceId}-${spanId}-1`,
      `00-${traceId.slice(1)}-${spanId}-01`,
      // Two headers, joined by an HTTP library.
      `00-${traceId}-${spanId}-01, 00-${traceId}-${spanId}-00`,
    ]
    for (const traceparent of wrong) expect(extract({ traceparent, tracestate: 'a=1' })).toBeUndefined()
    const header = `00-${traceId}-${spanId}-01`
    expect(extract({ traceparent: [header, header] })).toBeUndefined()
    expect(extract({ traceparent: [header] })).toMatchObject({ traceId })
  })
})

describe('tracestate', () => {
  const state = (tracestate: string | string[]) =>
    extract({ traceparent: `00-${traceId}-${spanId}-01`, tracestate })?.traceState

  it('keeps members in order, across headers and around blanks', () => {
    expect(state('foo=1 \t,\t bar=2')?.serialize()).toBe('foo=1,bar=2')
    expect(state(['foo=1', '', 'bar=2,,baz=3'])?.serialize()).toBe('foo=1,bar=2,baz=3')
    expect(state('0@a-b_c*d/e=f g:h')?.serialize()).toBe('0@a-b_c*d/e=f g:h')
    expect(state(`${'z'.repeat(256)}=${'v'.repeat(256)},a=1`)?.get('z'.repeat(256))).toBe('v'.repeat(256))
  })

  it.each([
    'foo',
    'foo=',
    '=1',
    'FOO=1',
    'foo =1',
    'föö=1',
    'foo=bär',
    'foo=\t1',
    'a=1,foo',
    '@a=1',
    `${'z'.repeat(257)}=1`,
    `foo=${'v'.repeat(257)}`,
    Array.from({ length: 33 }, (_, i) => `k${i}=1`).join(','),
  ])('is dropped as a whole when malformed: %s', (header) => {
    expect(state(header)).toBeUndefined()
  })

  it('takes 32 members, and a 33rd in the place of the oldest', () => {
    const header = Array.from({ length: 32 }, (_, i) => `k${i}=1`).join(',')
    const full = state(header)!
    expect(full.serialize()).toBe(header)
    const changed = full.set('new', 'x')
    expect(changed.serialize()).toBe(`new=x,${header.slice(0, header.lastIndexOf(','))}`)
    expect(full.get('new')).toBeUndefined()
    expect(full.set('k5', '2').serialize()).toMatch(/^k5=2,k0=1,.*k4=1,k6=1/)
    expect(full.unset('k0').get('k0')).toBeUndefined()
    expect(full.set('BAD', '1').set('ok', 'ends in blank ').serialize()).toBe(header)
  })

  it('sends at most 512 characters: long members go first, then from the end', () => {
    const long = `long=${'x'.repeat(200)}`
    const short = Array.from({ length: 20 }, (_, i) => `k${String(i).padStart(2, '0')}=${'y'.repeat(20)}`)
    const sent = state([short[0], long, ...short.slice(1)].join(','))!.serialize()
    expect(sent).toBe(short.slice(0, 20).join(','))
    const all = Array.from({ length: 32 }, (_, i) => `k${String(i).padStart(2, '0')}=${'y'.repeat(20)}`)
    expect(state(all.join(','))!.serialize()).toBe(all.slice(0, 20).join(','))
  })

  it('reads back what it wrote, for any members', () => {
    const first = Array.from('abcdefghijklmnopqrstuvwxyz0123456789')
    const key = fc
      .tuple(
        fc.constantFrom(...first),
        fc.string({ unit: fc.constantFrom(...first, '_', '-', '*', '/', '@'), maxLength: 12 }),
      )
      .map(([a, b]) => a + b)
    const value = fc
      .string({
        unit: fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code)),
        maxLength: 10,
      })
      .map((text) => `${text.replace(/[,=]/g, '.')}!`)
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.tuple(key, value), { selector: ([k]) => k, minLength: 1, maxLength: 16 }),
        (members) => {
          const made = members.reduceRight((all, [k, v]) => all.set(k, v), new W3cTraceState())
          const text = made.serialize()
          expect(W3cTraceState.parse(text)?.serialize()).toBe(text)
          expect(text).toBe(members.map(([k, v]) => `${k}=${v}`).join(','))
        },
      ),
    )
  })

  it('never throws on any header', () => {
    fc.assert(
      fc.property(fc.string(), (header) => {
        expect(() => W3cTraceState.parse(header)?.serialize()).not.toThrow()
      }),
    )
  })
})

describe('the random flag', () => {
  const tracer = new SpanProvider().getTracer('test')
  const below = (traceFlags: number) =>
    trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags, isRemote: true })

  it('is set on a new trace and inherited otherwise, sampled or not', () => {
    expect(tracer.startSpan('root', {}, ROOT_CONTEXT).spanContext().traceFlags).toBe(3)
    expect(tracer.startSpan('child', {}, below(1)).spanContext()).toMatchObject({ traceId, traceFlags: 1 })
    expect(tracer.startSpan('child', {}, below(3)).spanContext()).toMatchObject({ traceId, traceFlags: 3 })
    expect(tracer.startSpan('child', {}, below(2)).spanContext()).toMatchObject({ traceId, traceFlags: 2 })
    expect(tracer.startSpan('child', { root: true }, below(0)).spanContext().traceFlags).toBe(3)
    const unsampled = new SpanProvider({ sampler: new AlwaysOffSampler() }).getTracer('test')
    expect(unsampled.startSpan('root', {}, ROOT_CONTEXT).spanContext().traceFlags).toBe(2)
  })

  it('holds for active spans and for a tracer that is asked for twice', () => {
    const provider = new SpanProvider()
    expect(provider.getTracer('a')).toBe(provider.getTracer('a'))
    provider.getTracer('a').startActiveSpan('active', {}, context.active(), (span) => {
      expect(span.spanContext().traceFlags).toBe(3)
      span.end()
    })
  })
})
