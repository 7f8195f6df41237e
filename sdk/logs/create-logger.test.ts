import { context, ROOT_CONTEXT, trace, TraceFlags } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import * as fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createLogger } from './create-logger.ts'

const traceId = '0af7651916cd43dd8448eb211c80319c'
const spanId = 'b7ad6b7169203331'
const lines: string[] = []
const log = createLogger({ write: (line) => lines.push(line), level: 'debug', now: () => 0 })

function lineOf(act: () => void): Record<string, unknown> {
  lines.length = 0
  act()
  expect(lines.length).toBe(1)
  const [line = ''] = lines
  // One line for who splits at any line end that Unicode knows.
  expect(line.split(/[\n\r\v\f\u0085\u2028\u2029]/)).toEqual([line.slice(0, -1), ''])
  return JSON.parse(line) as Record<string, unknown>
}

beforeAll(() => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
})
afterAll(() => context.disable())

it('carries the active span', () => {
  const span = trace.wrapSpanContext({ traceId, spanId, traceFlags: TraceFlags.SAMPLED })
  const inside = context.with(trace.setSpan(ROOT_CONTEXT, span), () =>
    lineOf(() => log.child({ desk: 7 }).warn('slow', { seconds: 1.5 })),
  )
  expect(inside).toEqual({
    time: '1970-01-01T00:00:00.000Z',
    level: 'warn',
    message: 'slow',
    trace_id: traceId,
    span_id: spanId,
    desk: 7,
    seconds: 1.5,
  })
  expect(lineOf(() => log.info('outside'))).not.toHaveProperty('trace_id')
})

it('says nothing below its level', () => {
  lines.length = 0
  createLogger({ write: (line) => lines.push(line) }).debug('quiet')
  expect(lines).toEqual([])
})

it('makes one parseable line of any message and any attributes', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary' }),
      fc.dictionary(fc.string(), fc.anything()),
      (message, attributes) => {
        const line = lineOf(() => log.info(message, attributes))
        expect(line['level']).toBe('info')
        expect(line['time']).toBe('1970-01-01T00:00:00.000Z')
        expect(typeof line['message']).toBe('string')
      },
    ),
    { numRuns: 2000 },
  )
})

it('survives what hostile values do', () => {
  const circle: Record<string, unknown> = { name: 'circle' }
  circle['self'] = circle
  const hostile = {
    circle,
    text: 'a\nb\r\u2028\u2029\u0085\0"\\\ud800',
    big: 2n ** 70n,
    nan: Number.NaN,
    when: new Date(Number.NaN),
    bytes: new Uint8Array(1e6),
    error: new RangeError('above', { cause: new Error('below') }),
    toJSON: () => {
      throw new Error('never called')
    },
    get broken() {
      throw new Error('getter')
    },
    proxy: new Proxy(
      {},
      {
        ownKeys: () => {
          throw new Error('trap')
        },
      },
    ),
    map: new Map([['a', new Set([1])]]),
    deep: JSON.parse('['.repeat(500) + ']'.repeat(500)) as unknown,
    long: 'x'.repeat(1e6),
    many: Array.from({ length: 5000 }, (_, i) => i),
    level: 'mine',
    message: 'mine',
    symbol: Symbol('s'),
    nothing: undefined,
  }
  const line = lineOf(() => log.error('hostile', hostile))
  expect(line).toMatchObject({
    level: 'error',
    message: 'hostile',
    circle: { name: 'circle', self: '[circular]' },
    text: hostile.text,
    big: '1180591620717411303424',
    nan: 'NaN',
    when: '[invalid date]',
    bytes: '[Uint8Array of 1000000 bytes]',
    error: { type: 'RangeError', message: 'above', cause: { type: 'Error', message: 'below' } },
    broken: '[unreadable]',
    proxy: '[unreadable]',
    map: { a: [1] },
    'attributes.level': 'mine',
    'attributes.message': 'mine',
    symbol: '[symbol]',
  })
  expect(lines[0].length).toBeLessThan(20_000)
  for (const odd of [undefined, null, 5, { a: 1 }, Symbol('s')])
    lineOf(() => log.info(odd as never, odd as never))
  expect(() =>
    createLogger({
      write: () => {
        throw new Error('full')
      },
    }).info('lost'),
  ).not.toThrow()
})
