import { encode, type Json } from '../../collector/otlp/codec.ts'
import { TracesRequest } from '../../collector/otlp/schema.ts'
import { seededRandom } from '../statistics.ts'

/** Why the tail policy must keep a trace; `rest` is subject to chance, by its trace id. */
export type TraceKind = 'errors' | 'slow' | 'marked' | 'backtests' | 'rejected-signals' | 'rest' | 'noise'

export interface MadeTrace {
  readonly traceId: string
  readonly kind: TraceKind
  readonly spans: readonly Json[]
}

const kinds: readonly TraceKind[] = [
  'errors',
  'slow',
  'marked',
  'backtests',
  'rejected-signals',
  'rest',
  'rest',
  'rest',
  'rest',
  'noise',
]
const routes = ['/api/v1/signals/generate', '/api/v1/patterns/detect', '/api/v1/backtests/run']

/**
 * Traces as the service makes them, seeded: requests with a run, its stages and queries below them, one kind after
 * the other. `startMs` is the epoch time of the first. Ids and times repeat with the seed.
 */
export function tradingTraces(count: number, seed: number, startMs: number): MadeTrace[] {
  const random = seededRandom(seed)
  const hex = (bytes: number): string =>
    Array.from({ length: bytes }, () =>
      Math.floor(random() * 256)
        .toString(16)
        .padStart(2, '0'),
    ).join('')
  return Array.from({ length: count }, (_, index) => {
    const kind = kinds[index % kinds.length]
    const traceId = hex(16)
    const begin = BigInt(startMs) * 1_000_000n + BigInt(index) * 1_000_000n
    const durationNs = kind === 'slow' ? 900_000_000 + random() * 1e9 : 2_000_000 + random() * 700_000_000
    const root = hex(8)
    const route = kind === 'noise' ? '/healthz' : routes[index % routes.length]
    const span = (
      spanId: string,
      parent: string,
      name: string,
      from: number,
      to: number,
      more: Json,
    ): Json => ({
      traceId,
      spanId,
      ...(parent === '' ? {} : { parentSpanId: parent }),
      name,
      kind: parent === '' ? 2 : name.startsWith('pg') ? 3 : 1,
      startTimeUnixNano: String(begin + BigInt(Math.floor(from * durationNs))),
      endTimeUnixNano: String(begin + BigInt(Math.floor(to * durationNs))),
      flags: 257,
      ...more,
    })
    const spans = [
      span(root, '', `POST ${route}`, 0, 1, {
        attributes: pairs({
          'http.request.method': 'POST',
          'http.route': route,
          'http.response.status_code': kind === 'errors' ? 500 : 200,
        }),
        status: kind === 'errors' ? { code: 2, message: 'no range' } : {},
      }),
    ]
    if (kind !== 'noise') {
      const run = hex(8)
      const name = kind === 'backtests' ? 'backtest.run' : 'signals.generate'
      spans.push(
        span(run, root, name, 0.1, 0.9, {
          attributes: pairs({
            'tapescope.symbol': ['SPY', 'AAPL', 'INTC'][index % 3],
            'tapescope.bars': 5105 + index,
            'tapescope.share': random(),
            ...(kind === 'marked' ? { 'tapescope.keep': true } : {}),
            ...(kind === 'rejected-signals' ? { 'tapescope.signals.rejected': 1 + (index % 4) } : {}),
          }),
          events: [
            {
              name: 'pattern',
              timeUnixNano: String(begin + 1_000n),
              attributes: pairs({ type: 'SPRING', bar: index }),
            },
          ],
        }),
        span(hex(8), run, 'stage.detect', 0.2, 0.5, { attributes: pairs({ 'tapescope.stage': 'detect' }) }),
        span(hex(8), root, 'pg.query:SELECT bars.load', 0.02, 0.08, {
          attributes: pairs({ 'db.operation.name': 'SELECT' }),
        }),
      )
    }
    return { traceId, kind, spans }
  })
}

/** One OTLP request, protobuf, of one service. */
export function tracesRequest(traces: readonly MadeTrace[]): Buffer {
  return encode(TracesRequest, {
    resourceSpans: [
      {
        resource: {
          attributes: pairs({ 'service.name': 'tapescope-service', 'service.version': '0.1.0' }),
        },
        scopeSpans: [
          {
            scope: { name: '@tapescope/sdk', version: '0.1.0' },
            spans: traces.flatMap(({ spans }) => [...spans]),
          },
        ],
      },
    ],
  })
}

function pairs(attributes: Record<string, string | number | boolean>): Json[] {
  return Object.entries(attributes).map(([key, value]) => ({
    key,
    value:
      typeof value === 'string'
        ? { stringValue: value }
        : typeof value === 'boolean'
          ? { boolValue: value }
          : Number.isInteger(value)
            ? { intValue: String(value) }
            : { doubleValue: value },
  }))
}
