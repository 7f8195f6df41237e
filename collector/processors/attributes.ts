import { z } from 'zod'
import type { Batch, Consumer, Processor, ProcessorFactory } from '../component.ts'
import { section } from '../config/shapes.ts'
import { decode, encode, type Json } from '../otlp/codec.ts'
import { list } from '../otlp/plain.ts'
import { REQUESTS, type Signal } from '../otlp/schema.ts'
import { encodeTraces, scanTraces } from '../otlp/trace-batch.ts'
import { applyActions, attributeAction, type AttributeAction } from './attribute-actions.ts'

const config = section({ actions: z.array(attributeAction).min(1) })

type Config = z.infer<typeof config>

export const attributesProcessor: ProcessorFactory<Config> = {
  type: 'attributes',
  summary: 'adds, changes and removes attributes of spans and log records',
  signals: ['traces', 'logs'],
  config,
  create: (config, _context, signal, next) => new AttributesProcessor(config.actions, signal, next),
}

const PATHS: Readonly<Record<Signal, readonly [string, string, string]>> = {
  traces: ['resourceSpans', 'scopeSpans', 'spans'],
  logs: ['resourceLogs', 'scopeLogs', 'logRecords'],
  metrics: ['resourceMetrics', 'scopeMetrics', 'metrics'],
}

/** Decodes and writes anew what it changes; leave it out of a pipeline that must be fast. */
class AttributesProcessor implements Processor {
  private readonly actions: readonly AttributeAction[]
  private readonly signal: Signal
  private readonly next: Consumer

  constructor(actions: readonly AttributeAction[], signal: Signal, next: Consumer) {
    this.actions = actions
    this.signal = signal
    this.next = next
  }

  consume(batch: Batch): void {
    const body = this.rewritten(batch.signal === 'traces' ? encodeTraces(batch) : batch.body)
    this.next.consume(batch.signal === 'traces' ? scanTraces(body) : { ...batch, body })
  }

  private rewritten(body: Buffer): Buffer {
    const [resources, scopes, items] = PATHS[this.signal]
    const request = decode(REQUESTS[this.signal], body)
    const changed = each(request, resources, (resource) =>
      each(resource, scopes, (scope) => each(scope, items, (item) => applyActions(this.actions, item))),
    )
    return encode(REQUESTS[this.signal], changed)
  }
}

function each(message: Json, name: string, change: (item: Json) => Json): Json {
  return { ...message, [name]: list(message[name]).map(change) }
}
