/** A value with the trace in which it was seen. */
export interface Exemplar {
  readonly value: number
  readonly traceId: string
  readonly spanId: string
  readonly timeMs: number
}

/** A bucket keeps its exemplar for a scrape interval, so that few traces are kept for the sake of an exemplar. */
export const exemplarAgeMs = 15_000
