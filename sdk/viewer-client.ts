import { CommandError, urlOption } from './command-line.ts'
import type { ProfileDocument } from './profile-document.ts'

export const defaultViewer = 'http://127.0.0.1:4319'

/** From --viewer, else TAPESCOPE_VIEWER_URL, else the usual place. @throws CommandError when it is no URL */
export function viewerUrl(given: string | undefined): string {
  const fromEnvironment = process.env['TAPESCOPE_VIEWER_URL']
  const name = given === undefined && fromEnvironment !== undefined ? 'TAPESCOPE_VIEWER_URL' : '--viewer'
  return urlOption(given ?? fromEnvironment ?? defaultViewer, name, defaultViewer)
}

/** GET as JSON. @throws CommandError with a sentence that says what to do */
export async function get<Answer>(base: string, path: string): Promise<Answer> {
  let response: Response
  try {
    response = await fetch(new URL(path, base), { signal: AbortSignal.timeout(30_000) })
  } catch (error) {
    const late = error instanceof Error && error.name === 'TimeoutError'
    throw new CommandError(
      late
        ? `The viewer at ${base} did not answer within 30 s.`
        : `No viewer answers at ${base}: start the sidecar, or name its viewer with --viewer.`,
      { cause: error },
    )
  }
  const body = (await response.json().catch(() => undefined)) as (Answer & { detail?: string }) | undefined
  if (!response.ok) throw new CommandError(body?.detail ?? `${base} answered ${response.status}.`)
  if (body === undefined) throw new CommandError(`What answers at ${base} is not the sidecar's viewer.`)
  return body
}

/** Whether a sidecar's viewer is there. */
export async function viewerAnswers(base: string): Promise<boolean> {
  try {
    const response = await fetch(new URL('/api/health', base), { signal: AbortSignal.timeout(2000) })
    return response.ok && 'store' in ((await response.json()) as object)
  } catch {
    return false
  }
}

interface TreeSpan {
  readonly spanId: string
  readonly parentSpanId: string | null
}

/**
 * The viewer's page (collector/ui/route.ts) of the CPU samples of what took most: of the trace with the most samples,
 * from its top span down; of the span's name when the trace itself went elsewhere. Undefined when no sample is on a span.
 */
export async function findFlameGraph(
  viewer: string,
  { samples, spans }: ProfileDocument,
): Promise<string | undefined> {
  const byTrace = new Map<string, number>()
  const bySpan = new Map<number, number>()
  for (const [i, at] of samples.span.entries()) {
    if (at < 0) continue
    const { traceId } = spans[at]
    byTrace.set(traceId, (byTrace.get(traceId) ?? 0) + samples.weightUs[i])
    bySpan.set(at, (bySpan.get(at) ?? 0) + samples.weightUs[i])
  }
  const most = <Key>(of: Map<Key, number>): Key | undefined => [...of].sort((a, b) => b[1] - a[1])[0]?.[0]
  const [trace, span] = [most(byTrace), most(bySpan)]
  if (trace === undefined || span === undefined) return undefined
  const page = (query: Record<string, string>): string =>
    new URL(`/#/cpu?${new URLSearchParams(query)}`, viewer).href
  try {
    const stored = (await get<{ spans: TreeSpan[] }>(viewer, `/api/traces/${trace}`)).spans
    const ids = new Set(stored.map(({ spanId }) => spanId))
    const tops = stored.filter(({ parentSpanId }) => parentSpanId === null || !ids.has(parentSpanId))
    if (tops.length > 0) return page({ trace, span: tops[0].spanId, below: 'true' })
  } catch (error) {
    if (!(error instanceof CommandError)) throw error
  }
  return page({ name: spans[span].name })
}
