import type { Telemetry } from '../telemetry.ts'
import type { SpanView } from '../store/span-view.ts'
import type { TraceStore } from '../store/trace-store.ts'

// What the sidecar answers, by its own types: they are erased, nothing of it comes into the page.
export type { History } from '../metric-history.ts'
export type { RunView as Run } from '../store/run-view.ts'
export type { TraceColumns } from '../store/trace-columns.ts'
export type { TraceSummary } from '../store/trace-store.ts'
export type { SpeedscopeFile } from '../profile-store.ts'

export type SpanDetail = SpanView & { readonly traceId: string }
export type Attributes = SpanView['attributes']
export type SampleCounts = Readonly<Record<string, { readonly samples: number; readonly weightUs: number }>>
export interface Health {
  readonly metrics: ReturnType<Telemetry['read']>
  readonly store: TraceStore['size']
}

/** GET as JSON. @throws Error with the problem's own sentence */
export async function get<Answer>(path: string, signal?: AbortSignal): Promise<Answer> {
  let response: Response
  try {
    response = await fetch(path, signal ? { signal } : {})
  } catch (error) {
    if (signal?.aborted) throw error
    throw new Error(`${new URL(path, location.href).origin} does not answer: is it still running?`, {
      cause: error,
    })
  }
  if (!response.ok) {
    const problem = (await response.json().catch(() => ({}))) as { detail?: string }
    throw new Error(problem.detail ?? `The server answered ${response.status}.`)
  }
  // A body that breaks off, by the signal too, is an error: never an answer without its members.
  return (await response.json()) as Answer
}
