import type { Tracer, TracerProvider } from '@opentelemetry/api'
import { defaultResource } from '@opentelemetry/resources'
import {
  AlwaysOnSampler,
  ParentBasedSampler,
  type SpanProcessor,
  type TracerProviderOptions,
} from '@opentelemetry/sdk-trace'
import type { SpanSettings } from './recorded-span.ts'
import { SpanTracer } from './span-tracer.ts'

/** A tracer provider with the options of the library's, whose spans are `RecordedSpan`s. */
export class SpanProvider implements TracerProvider {
  private readonly settings: SpanSettings
  private readonly processors: SpanProcessor[]
  private readonly sampler: NonNullable<TracerProviderOptions['sampler']>
  private readonly tracers = new Map<string, SpanTracer>()

  constructor({ resource, sampler, spanLimits, spanProcessors = [] }: TracerProviderOptions = {}) {
    this.processors = [...spanProcessors]
    this.sampler = sampler ?? new ParentBasedSampler({ root: new AlwaysOnSampler() })
    this.settings = {
      resource: resource ?? defaultResource(),
      processors: this.processors,
      limits: {
        attributeCountLimit: spanLimits?.attributeCountLimit ?? 128,
        attributeValueLengthLimit: spanLimits?.attributeValueLengthLimit ?? Infinity,
        eventCountLimit: spanLimits?.eventCountLimit ?? 128,
        linkCountLimit: spanLimits?.linkCountLimit ?? 128,
        attributePerEventCountLimit: spanLimits?.attributePerEventCountLimit ?? 128,
        attributePerLinkCountLimit: spanLimits?.attributePerLinkCountLimit ?? 128,
      },
    }
  }

  getTracer(name: string, version?: string, options?: { schemaUrl?: string }): Tracer {
    const schemaUrl = options?.schemaUrl
    const key = `${name}@${version ?? ''}:${schemaUrl ?? ''}`
    let tracer = this.tracers.get(key)
    if (tracer === undefined) {
      const scope = {
        name,
        ...(version !== undefined && { version }),
        ...(schemaUrl !== undefined && { schemaUrl }),
      }
      tracer = new SpanTracer(scope, this.settings, this.sampler)
      this.tracers.set(key, tracer)
    }
    return tracer
  }

  /** Puts one before all others; answers with what takes it away again. */
  addSpanProcessor(processor: SpanProcessor): () => void {
    if (!this.processors.includes(processor)) this.processors.unshift(processor)
    return () => {
      const place = this.processors.indexOf(processor)
      if (place >= 0) this.processors.splice(place, 1)
    }
  }

  async forceFlush(): Promise<void> {
    await Promise.all(this.processors.map((processor) => processor.forceFlush()))
  }

  async shutdown(): Promise<void> {
    await Promise.all(this.processors.map((processor) => processor.shutdown()))
  }
}
