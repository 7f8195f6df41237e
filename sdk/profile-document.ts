/**
 * One model between the sampler and everything that shows samples: CPU samples of the main thread, each on the
 * span in whose synchronous extent it was taken, or on none. Plain JSON, columns where there are many rows.
 */
export interface ProfileDocument {
  format: 'tapescope.profile/1'
  /** `service.name` of the process, or its script. */
  service: string
  pid: number
  /** Epoch milliseconds of time 0 of the samples. */
  startedAtUnixMs: number
  /** Wanted distance of two samples, microseconds. */
  intervalUs: number
  frames: ProfileFrame[]
  /** A tree of stacks: `parent[i]` is a position before `i`, or -1; `frame[i]` a position in `frames`. */
  stacks: { parent: number[]; frame: number[] }
  /** Oldest first. `timeUs` counts from `startedAtUnixMs`; `span` is a position in `spans`, -1 unattributed. */
  samples: { timeUs: number[]; weightUs: number[]; stack: number[]; span: number[] }
  spans: ProfiledSpan[]
  /** Entries of the section log that were lost because it was full: their samples are unattributed. */
  lostSections: number
}

export interface ProfileFrame {
  /** Function name; `(anonymous)` when it has none. */
  name: string
  /** Script URL or path; absent for native code. */
  file?: string
  /** From 1. */
  line?: number
  col?: number
}

export interface ProfiledSpan {
  traceId: string
  spanId: string
  parentSpanId: string | null
  name: string
}

/** Where a document's time went, microseconds of sample weight. */
interface ProfileTotals {
  samples: number
  totalUs: number
  attributedSamples: number
  gcUs: number
  idleUs: number
  programUs: number
}

/** Totals of the samples that `wanted` accepts (all of them without it). */
export function profileTotals(
  document: ProfileDocument,
  wanted: (span: number) => boolean = () => true,
): ProfileTotals {
  const { samples, stacks, frames } = document
  const totals = { samples: 0, totalUs: 0, attributedSamples: 0, gcUs: 0, idleUs: 0, programUs: 0 }
  for (let i = 0; i < samples.stack.length; i += 1) {
    const span = samples.span[i] ?? -1
    if (!wanted(span)) continue
    const weight = samples.weightUs[i] ?? 0
    totals.samples += 1
    totals.totalUs += weight
    if (span >= 0) totals.attributedSamples += 1
    const leaf = frames[stacks.frame[samples.stack[i] ?? -1] ?? -1]?.name
    if (leaf === '(garbage collector)') totals.gcUs += weight
    else if (leaf === '(idle)') totals.idleUs += weight
    else if (leaf === '(program)') totals.programUs += weight
  }
  return totals
}
