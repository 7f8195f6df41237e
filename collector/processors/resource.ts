import { z } from 'zod'
import type { Batch, Consumer, Processor, ProcessorFactory } from '../component.ts'
import { section } from '../config/shapes.ts'
import { decode, encode, type Json } from '../otlp/codec.ts'
import { list } from '../otlp/plain.ts'
import { REQUESTS, Resource } from '../otlp/schema.ts'
import { decodeResource, type ResourceEntry } from '../otlp/trace-batch.ts'
import { applyActions, attributeAction, type AttributeAction } from './attribute-actions.ts'

const config = section({ attributes: z.array(attributeAction).min(1) })

type Config = z.infer<typeof config>

export const resourceProcessor: ProcessorFactory<Config> = {
  type: 'resource',
  summary: 'adds, changes and removes attributes of the resource',
  signals: ['traces', 'metrics', 'logs'],
  config,
  create: (config, _context, _signal, next) => new ResourceProcessor(config.attributes, next),
}

/** How many different resources are remembered with what became of them. */
const REMEMBERED = 256

class ResourceProcessor implements Processor {
  private readonly actions: readonly AttributeAction[]
  private readonly next: Consumer
  private readonly known = new Map<string, ResourceEntry>()

  constructor(actions: readonly AttributeAction[], next: Consumer) {
    this.actions = actions
    this.next = next
  }

  consume(batch: Batch): void {
    if (batch.signal === 'traces') {
      this.next.consume({
        ...batch,
        resources: batch.resources.map((entry) => this.changed(entry)),
        whole: false,
      })
      return
    }
    const request = decode(REQUESTS[batch.signal], batch.body)
    const name = batch.signal === 'logs' ? 'resourceLogs' : 'resourceMetrics'
    const groups = list(request[name]).map((group) => ({
      ...group,
      resource: applyActions(this.actions, (group['resource'] ?? {}) as Json),
    }))
    this.next.consume({ ...batch, body: encode(REQUESTS[batch.signal], { ...request, [name]: groups }) })
  }

  /** A process sends the same resource with every request, so the same bytes give the same entry again. */
  private changed(entry: ResourceEntry): ResourceEntry {
    const key = `${entry.schemaUrl.toString('latin1')}\0${entry.bytes.toString('latin1')}`
    let changed = this.known.get(key)
    if (changed === undefined) {
      if (this.known.size >= REMEMBERED) this.known.clear()
      changed = {
        bytes: encode(Resource, applyActions(this.actions, decodeResource(entry))),
        schemaUrl: Buffer.from(entry.schemaUrl),
      }
      this.known.set(key, changed)
    }
    return changed
  }
}
