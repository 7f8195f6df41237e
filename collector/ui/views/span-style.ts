import { hueOf } from '../format.ts'
import { nameOf, type TraceModel } from '../model/trace-model.ts'

/** Colour by service and the first word of the name: `pg.query:bars.load` is like all other queries. */
export const spanStyle = (trace: TraceModel, span: number): Record<string, number> => ({
  '--hue': hueOf(`${trace.services[trace.service[span]]}${nameOf(trace, span).split(/[.:]/)[0]}`),
})
