import type { SlowCall } from './generator-messages.ts'
import type { ExplainedCall } from './load-result.ts'
import type { Target } from './seed-service.ts'

/** Spans of a trace that a report shows: its longest. */
const spansShown = 12
const patienceMs = 5_000

interface ViewedSpan {
  spanId: string
  parentSpanId: string | null
  name: string
  startTimeUnixNano: string
  durationMs: number
}

/**
 * Finds for each slow call its trace at the sidecar, and at the service the decision chain of the row it made. Spans are
 * kept of the slowest of each route only: a report stays small.
 */
export function explainSlowCalls(
  slowest: readonly SlowCall[],
  target: Target,
  viewer: string | null,
): Promise<ExplainedCall[]> {
  return Promise.all(
    slowest.map(async (slow, i) => {
      const isSlowestOfRoute = slowest.findIndex(({ call }) => call === slow.call) === i
      const { traceId, entity } = slow
      const trace = viewer === null || traceId === null ? null : await findTrace(viewer, traceId)
      const chainUrl = entity === null ? null : `${target.url}/api/v1/${entity.kind}/${entity.id}/trace`
      return {
        ...slow,
        traceUrl: trace === null ? null : `${viewer}/#/trace/${traceId}`,
        spans: trace === null || !isSlowestOfRoute ? null : longest(trace),
        spanCount: trace?.length ?? null,
        chainUrl,
        chain: chainUrl === null ? null : await findChain(chainUrl, target.key),
      }
    }),
  )
}

async function findTrace(viewer: string, traceId: string): Promise<ViewedSpan[] | null> {
  const found = await json<{ spans: ViewedSpan[] }>(`${viewer}/api/traces/${traceId}`, {})
  return found?.spans ?? null
}

async function findChain(url: string, key: string | null): Promise<ExplainedCall['chain']> {
  const headers: Record<string, string> = key === null ? {} : { authorization: `Bearer ${key}` }
  const found = await json<{ chain: { stage: string; verdict: string; reason: string | null }[] }>(
    url,
    headers,
  )
  return found?.chain.map(({ stage, verdict, reason }) => ({ stage, verdict, reason })) ?? null
}

async function json<Body>(url: string, headers: Record<string, string>): Promise<Body | null> {
  try {
    const response = await fetch(url, { headers, signal: AbortSignal.timeout(patienceMs) })
    return response.ok ? ((await response.json()) as Body) : null
  } catch {
    // Nobody there: the report says that it was not found.
    return null
  }
}

function longest(spans: readonly ViewedSpan[]): ExplainedCall['spans'] {
  const byId = new Map(spans.map((span) => [span.spanId, span]))
  const depthOf = ({ parentSpanId }: ViewedSpan, level = 0): number => {
    const parent = parentSpanId === null ? undefined : byId.get(parentSpanId)
    return parent === undefined || level > 20 ? level : depthOf(parent, level + 1)
  }
  const startNs = (span: ViewedSpan) => BigInt(span.startTimeUnixNano)
  const begin = spans.reduce(
    (least, span) => (startNs(span) < least ? startNs(span) : least),
    startNs(spans[0]),
  )
  return [...spans]
    .sort((a, b) => b.durationMs - a.durationMs)
    .slice(0, spansShown)
    .sort((a, b) => Number(startNs(a) - startNs(b)) || depthOf(a) - depthOf(b))
    .map((span) => ({
      name: span.name,
      depth: depthOf(span),
      startMs: Math.round(Number(startNs(span) - begin) / 1e4) / 100,
      durationMs: Math.round(span.durationMs * 100) / 100,
    }))
}
