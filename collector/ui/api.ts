/** Answers of the sidecar's API, as far as the page reads them. */
export type Value = string | number | boolean | null | readonly Value[] | { readonly [key: string]: Value }
export type Attributes = Readonly<Record<string, Value>>

export interface Run {
  readonly kind: 'backtest' | 'signals' | 'stream'
  readonly traceId: string
  readonly spanId: string
  readonly name: string
  readonly service: string
  readonly startTime: string
  readonly durationMs: number
  readonly error: boolean
  readonly symbol: string | null
  readonly timeframe: string | null
  readonly bars: number | null
  readonly attributes: Attributes
}

export interface TraceSummary {
  readonly traceId: string
  readonly name: string
  readonly service: string
  readonly startTime: string
  readonly durationMs: number
  readonly spanCount: number
  readonly errorCount: number
}

export interface SpanDetail {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId: string | null
  readonly name: string
  readonly kind: string
  readonly service: string
  readonly scope: string
  readonly startTimeUnixNano: string
  readonly durationMs: number
  readonly status: { readonly code: string; readonly message?: string }
  readonly attributes: Attributes
  readonly events: readonly {
    readonly name: string
    readonly timeUnixNano: string
    readonly attributes: Attributes
  }[]
  readonly links: readonly {
    readonly traceId: string
    readonly spanId: string
    readonly attributes: Attributes
  }[]
  readonly resource: Attributes
}

export type SampleCounts = Readonly<Record<string, { readonly samples: number; readonly weightUs: number }>>

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
  const body = (await response.json().catch(() => ({}))) as Answer & { detail?: string }
  if (!response.ok) throw new Error(body.detail ?? `The server answered ${response.status}.`)
  return body
}
