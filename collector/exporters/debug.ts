import { z } from 'zod'
import type { Batch, ExporterFactory } from '../component.ts'
import { section } from '../config/shapes.ts'
import { requestJson } from './request-json.ts'

const config = section({ verbosity: z.enum(['basic', 'normal', 'detailed']).default('basic') })

type Config = z.infer<typeof config>

const NOUNS = { traces: 'spans', metrics: 'data points', logs: 'log records' }

export const debugExporter: ExporterFactory<Config> = {
  type: 'debug',
  summary: 'tells on stderr what comes: counts, or with `detailed` the whole request as JSON',
  signals: ['traces', 'metrics', 'logs'],
  config,
  create: ({ verbosity }, context) => ({
    consumer: () => ({
      consume(batch: Batch) {
        const detail = verbosity === 'detailed' ? ` ${JSON.stringify(requestJson(batch))}` : ''
        context.log.info(`${context.id}: ${batch.count} ${NOUNS[batch.signal]}${detail}`)
      },
    }),
  }),
}
