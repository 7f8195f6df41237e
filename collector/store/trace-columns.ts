import { resourceAttributes } from '../otlp/attributes.ts'
import {
  END_TIME,
  KIND,
  NAME,
  NAME_END,
  PARENT_ID,
  SCOPE,
  SPAN_ID,
  START_TIME,
  STATUS,
  STRIDE,
  type TraceBatch,
} from '../otlp/trace-batch.ts'
import { serviceName } from './span-view.ts'

/**
 * A trace for drawing: one entry per span in each column, by start time, and nothing that takes decoding. Attributes
 * and events of one span are asked for when it is looked at.
 */
export interface TraceColumns {
  /** Nanoseconds since 1970 of the earliest start, as a decimal string. */
  readonly startTimeUnixNano: string
  /** What `name` and `service` point into. */
  readonly names: readonly string[]
  readonly services: readonly string[]
  /** 16 hexadecimal digits each, without anything between. */
  readonly spanIds: string
  /** Position of the parent; -1 for a root, -2 when the parent is not in the store. */
  readonly parent: readonly number[]
  readonly name: readonly number[]
  readonly service: readonly number[]
  /** Nanoseconds after `startTimeUnixNano`. */
  readonly startNs: readonly number[]
  readonly durationNs: readonly number[]
  /** 0 unset, 1 ok, 2 error. */
  readonly status: readonly number[]
  readonly kind: readonly number[]
}

interface Row {
  readonly id: string
  readonly parent: string
  readonly name: number
  readonly service: number
  /** Nanoseconds after the start of the span that came first; exact to a hundred days. */
  readonly start: number
  readonly durationNs: number
  readonly status: number
  readonly kind: number
}

/** Gathers the spans of one trace from requests; what came twice counts once, the newest first. */
export function createTraceColumns() {
  const rows: Row[] = []
  /** Position in `rows` by span id. */
  const place = new Map<string, number>()
  let origin = 0n
  const names = createTable()
  const services = createTable()
  const known = new WeakMap<object, number>()

  function serviceOf(batch: TraceBatch, span: number): number {
    const scope = batch.scopes[batch.rows[span * STRIDE + SCOPE]]
    let service = known.get(scope)
    if (service === undefined) {
      service = services.of(serviceName(resourceAttributes(batch, span)))
      known.set(scope, service)
    }
    return service
  }

  return {
    add(batch: TraceBatch, span: number): void {
      const { body, rows: at } = batch
      const row = span * STRIDE
      const id = body.toString('hex', at[row + SPAN_ID], at[row + SPAN_ID] + 8)
      if (place.has(id)) return
      place.set(id, rows.length)
      const parentAt = at[row + PARENT_ID]
      const start = time(body, at[row + START_TIME])
      if (rows.length === 0) origin = start
      rows.push({
        id,
        parent: parentAt === 0 ? '' : body.toString('hex', parentAt, parentAt + 8),
        name: names.of(body.toString('utf8', at[row + NAME], at[row + NAME_END])),
        service: serviceOf(batch, span),
        start: Number(start - origin),
        durationNs: Number(time(body, at[row + END_TIME]) - start),
        status: at[row + STATUS],
        kind: at[row + KIND],
      })
    },
    columns(): TraceColumns | undefined {
      if (rows.length === 0) return undefined
      const order = Uint32Array.from(rows.keys()).sort(
        (a, b) => rows[a].start - rows[b].start || rows[b].durationNs - rows[a].durationNs,
      )
      const sorted = Array.from(order, (at) => rows[at])
      const sortedAt = new Uint32Array(rows.length)
      for (const [i, at] of order.entries()) sortedAt[at] = i
      const parentOf = (parent: string): number => {
        if (parent === '') return -1
        const at = place.get(parent)
        return at === undefined ? -2 : sortedAt[at]
      }
      const first = sorted[0].start
      return {
        startTimeUnixNano: String(origin + BigInt(first)),
        names: names.all,
        services: services.all,
        spanIds: sorted.map(({ id }) => id).join(''),
        parent: sorted.map(({ parent }) => parentOf(parent)),
        name: sorted.map(({ name }) => name),
        service: sorted.map(({ service }) => service),
        startNs: sorted.map(({ start }) => start - first),
        durationNs: sorted.map(({ durationNs }) => durationNs),
        status: sorted.map(({ status }) => status),
        kind: sorted.map(({ kind }) => kind),
      }
    },
  }
}

function time(body: Buffer, at: number): bigint {
  return at === 0 ? 0n : body.readBigUInt64LE(at)
}

function createTable() {
  const all: string[] = []
  const index = new Map<string, number>()
  return {
    all: all as readonly string[],
    of(text: string): number {
      let found = index.get(text)
      if (found === undefined) {
        found = all.push(text) - 1
        index.set(text, found)
      }
      return found
    },
  }
}
