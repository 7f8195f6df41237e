import type { TextMapPropagator } from '@opentelemetry/api'
import { CompositePropagator, W3CBaggagePropagator } from '@opentelemetry/core'
import { B3InjectEncoding, B3Propagator } from '@opentelemetry/propagator-b3'
import type { Settings } from '../config/settings.ts'
import { TraceContextPropagator } from './trace-context-propagator.ts'

const makers: Record<string, () => TextMapPropagator> = {
  tracecontext: () => new TraceContextPropagator(),
  baggage: () => new W3CBaggagePropagator(),
  b3: () => new B3Propagator(),
  b3multi: () => new B3Propagator({ injectEncoding: B3InjectEncoding.MULTI_HEADER }),
}

/** The propagators of the settings as one; `none` passes nothing on. */
export function createPropagator({ propagators }: Pick<Settings, 'propagators'>): TextMapPropagator {
  const names = propagators.includes('none') ? [] : propagators
  return new CompositePropagator({ propagators: names.map((name) => makers[name]()) })
}
