import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  type Sampler,
} from '@opentelemetry/sdk-trace'
import type { Settings } from '../config/settings.ts'

export function createSampler({ tracesSampler, tracesSamplerRatio }: Settings): Sampler {
  const [, parent, kind] = /^(parentbased_)?(.*)$/.exec(tracesSampler) ?? []
  const root =
    kind === 'always_off'
      ? new AlwaysOffSampler()
      : kind === 'traceidratio'
        ? new TraceIdRatioBasedSampler(tracesSamplerRatio)
        : new AlwaysOnSampler()
  return parent === undefined ? root : new ParentBasedSampler({ root })
}
