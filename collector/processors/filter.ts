import { z } from 'zod'
import type { Batch, Consumer, Context, Processor, ProcessorFactory } from '../component.ts'
import { ConfigError } from '../config/read-config.ts'
import { section } from '../config/shapes.ts'
import type { AttributeReader } from '../otlp/attributes.ts'
import { gather } from '../otlp/trace-batch.ts'
import { compileCondition, OttlError, type SpanCondition } from '../ottl/condition.ts'

const config = section({
  error_mode: z.enum(['ignore', 'silent', 'propagate']).default('propagate'),
  traces: section({
    span: z.array(z.string()).default([]).describe('OTTL conditions; a span for which one holds is left out'),
  }).prefault({}),
})

type Config = z.infer<typeof config>

export const filterProcessor: ProcessorFactory<Config> = {
  type: 'filter',
  summary: 'leaves out spans for which an OTTL condition holds',
  signals: ['traces'],
  config,
  create: (config, context, _signal, next) => new Filter(config, context, next),
}

/** Compiles conditions of a component; a mistake is told with the path of the component. */
export function compileConditions(texts: readonly string[], path: string): SpanCondition[] {
  const readers = new Map<string, AttributeReader>()
  return texts.map((text) => {
    try {
      return compileCondition(text, readers)
    } catch (error) {
      if (error instanceof OttlError) throw new ConfigError(`${path}: ${error.message}`, { cause: error })
      throw error
    }
  })
}

class Filter implements Processor {
  private readonly next: Consumer
  private readonly conditions: readonly SpanCondition[]
  private readonly filtered

  constructor(config: Config, context: Context, next: Consumer) {
    this.next = next
    this.conditions = compileConditions(config.traces.span, `processors::${context.id}::traces::span`)
    this.filtered = context.telemetry.counter(
      'otelcol_processor_filter_spans_filtered_total',
      'Spans left out because a condition held',
      { filter: context.id, pipeline: context.pipeline ?? '' },
    )
  }

  consume(batch: Batch): void {
    if (batch.signal !== 'traces') return this.next.consume(batch)
    const { conditions } = this
    let kept: number[] | undefined
    for (let span = 0; span < batch.count; span++) {
      let drop = false
      for (let i = 0; i < conditions.length && !drop; i++) drop = conditions[i](batch, span)
      if (drop) kept ??= Array.from({ length: span }, (_, i) => i)
      else kept?.push(span)
    }
    if (kept === undefined) return this.next.consume(batch)
    if (kept.length > 0) this.next.consume(gather([{ batch, spans: kept }]))
    this.filtered.value += batch.count - kept.length
  }
}
