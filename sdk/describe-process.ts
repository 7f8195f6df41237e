import {
  defaultResource,
  detectResources,
  hostDetector,
  osDetector,
  processDetector,
  resourceFromAttributes,
  serviceInstanceIdDetector,
  type DetectedResourceAttributes,
  type Resource,
} from '@opentelemetry/resources'
import type { Settings } from './config/settings.ts'
import type { Redactor } from './privacy/redactor.ts'

/** What never describes a process here: the command line and its arguments may hold secrets. */
const withheld = ['process.command', 'process.command_args', 'process.command_line', 'process.owner']

/** The resource of this process: what was detected, then OTEL_RESOURCE_ATTRIBUTES, then the service's own name. */
export function describeProcess(settings: Settings, redactor: Redactor): Resource {
  const { resourceDetectors, resourceAttributes, serviceName, serviceVersion } = settings
  const given: Record<string, string> = { ...resourceAttributes }
  redactor.attributes(given)
  const wanted = new Set(resourceDetectors)
  const all = wanted.has('all')
  const detectors = wanted.has('none')
    ? []
    : [
        ...(all || wanted.has('host') ? [hostDetector, osDetector] : []),
        ...(all || wanted.has('process') ? [processDetector] : []),
        ...(all || wanted.has('service') ? [serviceInstanceIdDetector] : []),
      ]
  const detected = detectors.map((detector) => ({
    detect: () => ({ attributes: kept(detector.detect().attributes ?? {}) }),
  }))
  return defaultResource()
    .merge(detectResources({ detectors: detected }))
    .merge(resourceFromAttributes(given))
    .merge(
      resourceFromAttributes({
        ...(serviceName !== undefined && { 'service.name': serviceName }),
        ...(serviceVersion !== undefined && { 'service.version': serviceVersion }),
      }),
    )
}

/** Without what is withheld, and without what is not known at once (`host.id`): a start does not wait. */
function kept(attributes: DetectedResourceAttributes): DetectedResourceAttributes {
  return Object.fromEntries(
    Object.entries(attributes).filter(
      ([key, value]) => !withheld.includes(key) && !(value instanceof Promise),
    ),
  )
}
