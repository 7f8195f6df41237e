import type { ExporterFactory } from '../component.ts'
import { section } from '../config/shapes.ts'

const config = section({})

/** Takes everything and keeps nothing: for pipelines that are to end without a backend. */
export const nopExporter: ExporterFactory<object> = {
  type: 'nop',
  summary: 'takes everything and keeps nothing',
  signals: ['traces', 'metrics', 'logs'],
  config,
  create: () => ({ consumer: () => ({ consume: () => {} }) }),
}
