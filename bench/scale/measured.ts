import { z } from 'zod'
import { environmentSchema } from '../result.ts'

/** CPU and waiting of one operation, a new bar of one symbol: stored, analysed with all before it, findings stored; ms. */
const operation = z.object({
  /** Bars that lie before the new one. */
  history: z.int().positive(),
  /** Single operations, one at a time, by the wall clock; what the model's answers are checked with. */
  wallMs: z.array(z.number().positive()).min(10),
  /** Of the service's process, its spans delivered, mean. */
  serviceCpuMs: z.number().positive(),
  /** Of all processes of PostgreSQL, mean. */
  postgresCpuMs: z.number().positive(),
})

/** The figures that the simulation works with, as `npm run scale -- --measure` writes them. */
export const measuredSchema = z.object({
  schema: z.literal('tapescope.scale/1'),
  createdAt: z.iso.datetime(),
  revision: z.object({ commit: z.string(), dirty: z.boolean() }),
  environment: environmentSchema,
  operations: z.array(operation).min(2),
  /** The service under Poisson arrivals of operations, which the model has to foretell. */
  point: z.object({
    history: z.int().positive(),
    perSecond: z.number().positive(),
    seconds: z.number().positive(),
    done: z.int().positive(),
    p50Ms: z.number().positive(),
    p95Ms: z.number().positive(),
  }),
  /** With their indexes and TOAST, bytes of a row. */
  bytesPerRow: z.record(z.string(), z.number().positive()),
  /** Rows of each table per 1,000 bars of the generator. */
  rowsPer1000Bars: z.record(z.string(), z.number().nonnegative()),
  telemetry: z.object({
    spansPerOperation: z.number().positive(),
    /** OTLP as sent, uncompressed. */
    bytesPerSpan: z.number().positive(),
    /** The same, compressed by gzip in batches as they are sent. */
    gzipBytesPerSpan: z.number().positive(),
    /** Series with this symbol that a process shows after it was analysed. */
    seriesPerSymbol: z.number().positive(),
    seriesWithoutSymbol: z.number().positive(),
  }),
  /** CPU of the main thread, ns per bar of wyckoff_all over 10,000 bars with closed trades. */
  backtestNsPerBar: z.number().positive(),
  /** CPU of the sidecar with the whole configuration, ns per span. */
  sidecarNsPerSpan: z.number().positive(),
})

export type Measured = z.infer<typeof measuredSchema>
export type Operation = Measured['operations'][number]
