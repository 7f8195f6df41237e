import type { ConnectorFactory } from '../component.ts'
import { section } from '../config/shapes.ts'

const config = section({})

/** Joins the end of one pipeline to the beginning of others. */
export const forwardConnector: ConnectorFactory<object> = {
  type: 'forward',
  summary: 'joins pipelines of the same signal',
  routes: [
    ['traces', 'traces'],
    ['metrics', 'metrics'],
    ['logs', 'logs'],
  ],
  config,
  create: (_config, _context, _from, next) => ({ consume: (batch) => next.consume(batch) }),
}
