import { encode, type Json } from '../otlp/codec.ts'
import { TracesRequest } from '../otlp/schema.ts'

/** A span as a test writes it. Ids are numbers; times are milliseconds after `madeAt`. */
export interface MadeSpan {
  readonly id: number
  readonly parent?: number
  readonly name: string
  readonly startMs?: number
  readonly ms?: number
  readonly error?: boolean
  readonly attributes?: Readonly<Record<string, Json>>
  readonly links?: readonly { readonly traceId: string; readonly spanId: string }[]
  readonly events?: readonly string[]
}

/** Epoch ms. */
export const madeAt = 1_795_000_000_000

export const spanIdOf = (id: number): string => id.toString(16).padStart(16, '0')

/** Spans of one trace as an OTLP request, for tests. */
export function madeSpans(traceId: string, spans: readonly MadeSpan[], service = 'made'): Buffer {
  const ns = (ms: number) => String(BigInt(Math.round((madeAt + ms) * 1000)) * 1000n)
  const pairs = (map: Readonly<Record<string, Json>>) =>
    Object.entries(map).map(([key, value]) => ({ key, value }))
  return encode(TracesRequest, {
    resourceSpans: [
      {
        resource: { attributes: pairs({ 'service.name': { stringValue: service } }) },
        scopeSpans: [
          {
            scope: { name: 'test' },
            spans: spans.map(
              ({
                id,
                parent,
                name,
                startMs = 0,
                ms = 1,
                error,
                attributes = {},
                links = [],
                events = [],
              }) => ({
                traceId,
                spanId: spanIdOf(id),
                ...(parent !== undefined && { parentSpanId: spanIdOf(parent) }),
                name,
                kind: 1,
                startTimeUnixNano: ns(startMs),
                endTimeUnixNano: ns(startMs + ms),
                status: error ? { code: 2, message: 'it failed' } : {},
                attributes: pairs(attributes),
                links: [...links],
                events: events.map((name) => ({ name, timeUnixNano: ns(startMs) })),
              }),
            ),
          },
        ],
      },
    ],
  })
}
