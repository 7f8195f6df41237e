import { decode, type Json, type JsonValue } from '../otlp/codec.ts'
import { resourceAttributes } from '../otlp/attributes.ts'
import { attributesOf, list, text } from '../otlp/plain.ts'
import { Scope, Span } from '../otlp/schema.ts'
import { END, SCOPE, START, STRIDE, type TraceBatch } from '../otlp/trace-batch.ts'

/** A span as the viewer's API shows it. Times are nanoseconds since 1970 as decimal strings. */
export interface SpanView {
  readonly spanId: string
  readonly parentSpanId: string | null
  readonly name: string
  readonly kind: string
  readonly service: string
  readonly scope: string
  readonly startTimeUnixNano: string
  readonly endTimeUnixNano: string
  readonly durationMs: number
  readonly status: { readonly code: string; readonly message?: string }
  readonly attributes: Record<string, JsonValue>
  readonly events: readonly {
    readonly name: string
    readonly timeUnixNano: string
    readonly attributes: Record<string, JsonValue>
  }[]
  readonly links: readonly {
    readonly traceId: string
    readonly spanId: string
    readonly attributes: Record<string, JsonValue>
  }[]
  readonly resource: Record<string, JsonValue>
}

const KINDS = ['unspecified', 'internal', 'server', 'client', 'producer', 'consumer']
const STATUSES = ['unset', 'ok', 'error']

export function viewSpan(batch: TraceBatch, span: number): SpanView {
  const { body, rows } = batch
  const row = span * STRIDE
  const json = decode(Span, body, rows[row + START], rows[row + END])
  const resource = resourceAttributes(batch, span)
  const scope = decode(Scope, batch.scopes[rows[row + SCOPE]].bytes)
  const start = text(json['startTimeUnixNano'], '0')
  const end = text(json['endTimeUnixNano'], '0')
  const status = (json['status'] ?? {}) as Json
  const message = text(status['message'])
  return {
    spanId: text(json['spanId']),
    parentSpanId: text(json['parentSpanId']) || null,
    name: text(json['name']),
    kind: KINDS[Number(json['kind'] ?? 0)] ?? 'unspecified',
    service: serviceName(resource),
    scope: text(scope['name']),
    startTimeUnixNano: start,
    endTimeUnixNano: end,
    durationMs: Number(BigInt(end) - BigInt(start)) / 1e6,
    status: { code: STATUSES[Number(status['code'] ?? 0)] ?? 'unset', ...(message !== '' && { message }) },
    attributes: attributesOf(json),
    events: list(json['events']).map((event) => ({
      name: text(event['name']),
      timeUnixNano: text(event['timeUnixNano'], '0'),
      attributes: attributesOf(event),
    })),
    links: list(json['links']).map((link) => ({
      traceId: text(link['traceId']),
      spanId: text(link['spanId']),
      attributes: attributesOf(link),
    })),
    resource,
  }
}

export function serviceName(resource: Record<string, JsonValue>): string {
  const name = resource['service.name']
  return typeof name === 'string' && name !== '' ? name : 'unknown_service'
}
