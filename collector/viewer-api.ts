import type { IncomingMessage, ServerResponse } from 'node:http'
import { z } from 'zod'
import { PayloadError } from './otlp/wire.ts'
import { scanTraces, STRIDE, TRACE_ID } from './otlp/trace-batch.ts'
import type { MetricHistory } from './metric-history.ts'
import type { ProfileStore, SpeedscopeFile } from './profile-store.ts'
import { stageRule } from './stage-functions.ts'
import { QueryError, readTraceQuery } from './store/trace-query.ts'
import type { TraceStore } from './store/trace-store.ts'
import type { Telemetry } from './telemetry.ts'

export interface ApiContext {
  readonly store: TraceStore
  readonly telemetry: Telemetry
  readonly profiles: ProfileStore
  readonly history: MetricHistory
  /** Where the sidecar's Prometheus exporter is scraped; undefined when the configuration has none. */
  readonly scrapeUrl: () => string | undefined
}

/** An answer that is no success: an RFC 9457 problem. */
export class ApiProblem extends Error {
  readonly status: number
  constructor(status: number, detail: string) {
    super(detail)
    this.status = status
  }
}

type Handler = (context: ApiContext, ids: string[], url: URL) => unknown

const TRACE = '([^/]+)'
/** Every GET of the API: its path, and what it answers with. */
const paths: readonly (readonly [string, Handler])[] = [
  ['runs', async ({ store }, _, url) => ({ runs: await store.runs(readTraceQuery(url.searchParams)) })],
  ['traces', async ({ store }, _, url) => ({ traces: await store.traces(readTraceQuery(url.searchParams)) })],
  [`traces/${TRACE}`, readTrace],
  [`traces/${TRACE}/columns`, readColumns],
  [`traces/${TRACE}/search`, searchTrace],
  [`traces/${TRACE}/samples`, ({ profiles }, [id]) => ({ spans: profiles.sampled(traceIdOf(id)) })],
  [`traces/${TRACE}/spans/${TRACE}`, readSpan],
  [`traces/${TRACE}/profile`, traceProfile],
  [`traces/${TRACE}/export`, exportTrace],
  [`spans/${TRACE}/profile`, spanProfile],
  ['profile', nameProfile],
  ['health', ({ telemetry, store }) => ({ metrics: telemetry.read(), store: store.size })],
  ['metrics', scrape],
  ['metrics/history', metricHistory],
]
const routes = paths.map(([path, handler]) => [new RegExp(`^/api/${path}$`), handler] as const)

/** @throws ApiProblem, QueryError */
export async function answer(context: ApiContext, url: URL): Promise<unknown> {
  for (const [path, handler] of routes) {
    const found = path.exec(url.pathname)
    if (found) return handler(context, found.slice(1), url)
  }
  throw new ApiProblem(404, 'there is no such resource')
}

function traceIdOf(text: string): string {
  const id = text.toLowerCase()
  if (!/^[0-9a-f]{32}$/.test(id)) throw new ApiProblem(400, 'a trace id is 32 hexadecimal digits')
  return id
}

function spanIdOf(text: string): string {
  const id = text.toLowerCase()
  if (!/^[0-9a-f]{16}$/.test(id)) throw new ApiProblem(400, 'a span id is 16 hexadecimal digits')
  return id
}

const noTrace = (id: string) => new ApiProblem(404, `no trace ${id} is in the store`)

async function readTrace({ store }: ApiContext, [id]: string[]) {
  const traceId = traceIdOf(id)
  const spans = await store.trace(traceId)
  if (spans.length === 0) throw noTrace(traceId)
  return { traceId, spans }
}

async function readColumns({ store }: ApiContext, [id]: string[]) {
  const traceId = traceIdOf(id)
  const columns = await store.columns(traceId)
  if (columns === undefined) throw noTrace(traceId)
  return { traceId, ...columns }
}

async function searchTrace({ store }: ApiContext, [id]: string[], url: URL) {
  const text = url.searchParams.get('q') ?? ''
  if (text === '') throw new QueryError('q must be the text to search for')
  return { spanIds: await store.search(traceIdOf(id), text) }
}

async function readSpan({ store }: ApiContext, [trace, id]: string[]) {
  const [traceId, spanId] = [traceIdOf(trace), spanIdOf(id)]
  const span = await store.span(traceId, spanId)
  if (span === undefined) throw new ApiProblem(404, `no span ${spanId} of trace ${traceId} is in the store`)
  return { traceId, ...span }
}

const noSamples = () =>
  new ApiProblem(404, 'no CPU samples of it have arrived: start the profiler with this sidecar')

async function traceProfile({ store, profiles }: ApiContext, [id]: string[]): Promise<SpeedscopeFile> {
  const traceId = traceIdOf(id)
  const found = profiles.speedscope(traceId, (span) => span.traceId === traceId)
  if (found) return found
  throw (await store.trace(traceId)).length === 0 ? noTrace(traceId) : noSamples()
}

/**
 * CPU samples of one span. With `trace` a stage of a run is answered by its functions, and `below=true` adds the
 * samples of all spans below it.
 */
async function spanProfile(context: ApiContext, [id]: string[], url: URL): Promise<SpeedscopeFile> {
  const spanId = spanIdOf(id)
  const { store, profiles } = context
  const trace = url.searchParams.get('trace')
  if (trace === null) {
    const found = profiles.speedscope(`span ${spanId}`, (span) => span.spanId === spanId)
    if (found) return found
    throw noSamples()
  }
  const traceId = traceIdOf(trace)
  const span = await readSpan(context, [traceId, spanId])
  const stage = stageRule(span.name)
  if (stage && span.parentSpanId !== null) {
    const ofRun = (one: { traceId: string; spanId: string }): boolean =>
      one.spanId === span.parentSpanId && one.traceId === traceId
    const through = stage.functions.join(' or ')
    const found = profiles.speedscope(`${span.name} through ${through}`, ofRun, stage.passes)
    if (found) return found
    if (!profiles.speedscope(span.name, ofRun)) throw noSamples()
    throw new ApiProblem(404, `no sample of the run passes through ${through}`)
  }
  const wanted =
    url.searchParams.get('below') === 'true' ? await below(store, traceId, spanId) : new Set([spanId])
  const found = profiles.speedscope(span.name, (one) => one.traceId === traceId && wanted.has(one.spanId))
  if (found) return found
  throw noSamples()
}

/** The span and all under it. Columns stand by start time, so a child may stand before its parent: to a fixed point. */
async function below(store: TraceStore, traceId: string, spanId: string): Promise<Set<string>> {
  const columns = await store.columns(traceId)
  const wanted = new Set([spanId])
  if (columns === undefined) return wanted
  const idOf = (i: number) => columns.spanIds.slice(i * 16, i * 16 + 16)
  const children = Map.groupBy(columns.parent.keys(), (i) => columns.parent[i])
  const pending = [...columns.parent.keys()].filter((i) => idOf(i) === spanId)
  for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
    for (const child of children.get(at) ?? []) {
      if (wanted.has(idOf(child))) continue
      wanted.add(idOf(child))
      pending.push(child)
    }
  }
  return wanted
}

/** All spans of a name; `part=slow` only the slowest 5 %, `part=rest` the others. */
async function nameProfile({ store, profiles }: ApiContext, _: string[], url: URL): Promise<SpeedscopeFile> {
  const name = url.searchParams.get('name')
  if (!name) throw new QueryError('name must be a span name')
  const part = url.searchParams.get('part') ?? 'all'
  if (part !== 'all' && part !== 'slow' && part !== 'rest')
    throw new QueryError(`part must be all, slow or rest, found "${part}"`)
  let wanted = (_key: string) => true
  if (part !== 'all') {
    const durations = await store.durations(name, 100_000)
    const sorted = [...durations.values()].sort((a, b) => b - a)
    const limit = sorted[Math.max(0, Math.ceil(sorted.length * 0.05) - 1)] ?? 0
    wanted = (key) => {
      const ms = durations.get(key)
      return ms !== undefined && ms >= limit === (part === 'slow')
    }
  }
  const found = profiles.speedscope(
    name,
    (span) => span.name === name && wanted(`${span.traceId} ${span.spanId}`),
  )
  if (found) return found
  throw noSamples()
}

/** What the sidecar's Prometheus exporter shows, with exemplars. */
async function scrape({ scrapeUrl }: ApiContext) {
  const url = scrapeUrl()
  if (url === undefined) throw new ApiProblem(404, 'the configuration has no prometheus exporter')
  const response = await fetch(url, { headers: { accept: 'application/openmetrics-text; version=1.0.0' } })
  return { time: Date.now(), text: await response.text() }
}

/** What it showed in the last `minutes`: series of a `name`, with all labels `label=key:value`. */
function metricHistory({ history }: ApiContext, _: string[], { searchParams }: URL) {
  const name = searchParams.get('name') ?? undefined
  const labels: Record<string, string> = {}
  for (const text of searchParams.getAll('label')) {
    const colon = text.indexOf(':')
    if (colon < 1) throw new QueryError(`label must be key:value, found "${text.slice(0, 80)}"`)
    labels[text.slice(0, colon)] = text.slice(colon + 1)
  }
  if (name === undefined && Object.keys(labels).length === 0)
    throw new QueryError('name or label must say which series are wanted')
  const minutes = Number(searchParams.get('minutes') ?? 60)
  if (!(minutes > 0)) throw new QueryError('minutes must be a number above 0')
  return history.read(name, labels, Date.now() - minutes * 60_000)
}

const runFile = z.object({
  format: z.literal('tapescope.run/1'),
  otlp: z.base64(),
  profiles: z.array(z.unknown()).max(1000),
})

/** A trace and its CPU samples as one file. */
async function exportTrace({ store, profiles }: ApiContext, [id]: string[]) {
  const traceId = traceIdOf(id)
  const otlp = await store.otlp(traceId)
  if (otlp === undefined) throw noTrace(traceId)
  return {
    format: 'tapescope.run/1',
    traceId,
    otlp: otlp.toString('base64'),
    profiles: profiles.ofTrace(traceId),
  }
}

/** Takes such a file: all of it, or nothing. Answers with the trace's id. @throws ApiProblem */
export function importRun({ store, profiles }: ApiContext, text: string): { traceIds: string[] } {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    throw new ApiProblem(400, 'the file is not JSON')
  }
  const checked = runFile.safeParse(parsed)
  if (!checked.success) {
    const [issue] = checked.error.issues
    throw new ApiProblem(400, `${issue?.path.join('.') || 'the file'}: ${issue?.message ?? 'not a run'}`)
  }
  try {
    const batch = scanTraces(Buffer.from(checked.data.otlp, 'base64'))
    if (batch.count === 0) throw new ApiProblem(400, 'otlp: there is no span in it')
    const documents = checked.data.profiles.map((profile) => JSON.stringify(profile))
    for (const [i, document] of documents.entries()) {
      const wrong = profiles.check(document)
      if (wrong !== undefined) throw new ApiProblem(400, `profiles.${i}: ${wrong}`)
    }
    store.append(batch)
    for (const document of documents) profiles.add(document)
    const ids = new Set<string>()
    for (let span = 0; span < batch.count; span++) {
      const at = batch.rows[span * STRIDE + TRACE_ID]
      ids.add(batch.body.toString('hex', at, at + 16))
    }
    return { traceIds: [...ids] }
  } catch (error) {
    if (error instanceof PayloadError) throw new ApiProblem(400, `otlp: ${error.message}`)
    throw error
  }
}

/** A request's body as text. @throws ApiProblem 415 without JSON's type, 413 past `maxBytes` */
export async function readJsonBody(request: IncomingMessage, maxBytes: number): Promise<string> {
  // Only JSON: a page of another origin cannot send that without being asked first.
  if (!/^application\/json\b/.test(request.headers['content-type'] ?? '')) {
    request.resume()
    throw new ApiProblem(415, 'the body must be sent as application/json')
  }
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size <= maxBytes) chunks.push(chunk)
  }
  if (size > maxBytes) throw new ApiProblem(413, `the body may have ${maxBytes} bytes`)
  return Buffer.concat(chunks).toString('utf8')
}

export function sendJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  type = 'application/json',
): void {
  response.writeHead(status, {
    'content-type': type,
    'x-content-type-options': 'nosniff',
    'cache-control': 'no-store',
  })
  response.end(JSON.stringify(body))
}
