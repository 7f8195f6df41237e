import { readFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { extname, join } from 'node:path'
import { close, listen } from './listen.ts'
import { ProfileStore } from './profile-store.ts'
import { QueryError, readTraceQuery } from './store/trace-query.ts'
import type { TraceStore } from './store/trace-store.ts'
import type { Telemetry } from './telemetry.ts'

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.json': 'application/json',
  '.map': 'application/json',
  '.woff2': 'font/woff2',
  '.txt': 'text/plain; charset=utf-8',
  '.png': 'image/png',
}

const CSP =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; connect-src 'self' http://127.0.0.1:* http://localhost:*; frame-src 'self'; base-uri 'none'; form-action 'none'"

export interface ViewerOptions {
  readonly endpoint: string
  readonly store: TraceStore
  readonly telemetry: Telemetry
  /** The folder of the built page; without it only the API is served. */
  readonly pageDir: string
}

/** The viewer's port: the page, and what it shows as JSON. */
export function createViewer(options: ViewerOptions) {
  const profiles = new ProfileStore()
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://viewer')
    if (request.method === 'POST' && url.pathname === '/api/profiles') {
      void takeProfile(profiles, request, response)
      return
    }
    if (request.method === 'GET' && PROFILE_PATH.test(url.pathname)) {
      void settle(response, profileOf(profiles, options.store, url.pathname, response))
      return
    }
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('allow', 'GET, HEAD')
      problem(response, 405, 'only GET is served here')
      return
    }
    if (url.pathname.startsWith('/api/')) {
      void settle(response, api(options, url, response))
    } else void page(options.pageDir, url.pathname, response)
  })
  return {
    listen: () => listen(server, options.endpoint, 'viewer'),
    close: (deadline: number) => close(server, deadline),
  }
}

const MAX_PROFILE = 16 * 2 ** 20

/** A profile that the SDK posts. Only JSON: a page of another origin cannot send that without being asked first. */
async function takeProfile(
  profiles: ProfileStore,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (!/^application\/json\b/.test(request.headers['content-type'] ?? '')) {
    request.resume()
    return problem(response, 415, 'a profile is sent as application/json')
  }
  const chunks: Buffer[] = []
  let size = 0
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      size += chunk.length
      if (size <= MAX_PROFILE) chunks.push(chunk)
    }
  } catch {
    return
  }
  if (size > MAX_PROFILE) return problem(response, 413, `a profile may have ${MAX_PROFILE} bytes`)
  const wrong = profiles.add(Buffer.concat(chunks).toString('utf8'))
  if (wrong !== undefined) return problem(response, 400, wrong)
  json(response, 200, { stored: true })
}

/** Turns what a handler rejects with into an answer. */
async function settle(response: ServerResponse, handled: Promise<void>): Promise<void> {
  try {
    await handled
  } catch (error) {
    if (error instanceof QueryError) problem(response, 400, error.message)
    else problem(response, 500, `the viewer failed to answer: ${(error as Error).message}`)
  }
}

const PROFILE_PATH = /^\/api\/(?:traces\/([0-9a-f]{32})|spans\/([0-9a-f]{16}))\/profile$/i

/** CPU samples of a trace, or of one span alone, as a speedscope file. */
async function profileOf(
  profiles: ProfileStore,
  store: TraceStore,
  pathname: string,
  response: ServerResponse,
): Promise<void> {
  const [, traceId, spanId] = PROFILE_PATH.exec(pathname)!.map((id) => id?.toLowerCase())
  const found = profiles.speedscope(traceId ?? `span ${spanId}`, (span) =>
    traceId === undefined ? span.spanId === spanId : span.traceId === traceId,
  )
  if (found) json(response, 200, found)
  else if (traceId !== undefined && (await store.trace(traceId)).length === 0)
    problem(response, 404, `no trace ${traceId} is in the store`)
  else problem(response, 404, 'no CPU samples of it have arrived: start the profiler with this sidecar')
}

async function api({ store, telemetry }: ViewerOptions, url: URL, response: ServerResponse): Promise<void> {
  const trace = /^\/api\/traces\/([^/]+)$/.exec(url.pathname)
  if (url.pathname === '/api/traces') {
    json(response, 200, { traces: await store.traces(readTraceQuery(url.searchParams)) })
  } else if (url.pathname === '/api/runs') {
    json(response, 200, { runs: await store.runs(readTraceQuery(url.searchParams)) })
  } else if (trace) {
    const traceId = trace[1].toLowerCase()
    if (!/^[0-9a-f]{32}$/.test(traceId)) return problem(response, 400, 'a trace id is 32 hexadecimal digits')
    const spans = await store.trace(traceId)
    if (spans.length === 0) return problem(response, 404, `no trace ${traceId} is in the store`)
    json(response, 200, { traceId, spans })
  } else if (url.pathname === '/api/health') {
    json(response, 200, { metrics: telemetry.read() })
  } else {
    problem(response, 404, 'there is no such resource')
  }
}

/** A file of the page; any other path is one of its own routes and gets the page. */
async function page(dir: string, pathname: string, response: ServerResponse): Promise<void> {
  let name: string
  try {
    name = decodeURIComponent(pathname)
  } catch {
    return problem(response, 400, 'the path is not valid')
  }
  const wanted = /^(\/[\w@-][\w.@ -]*)+$/.test(name) && extname(name) !== '' ? name : '/index.html'
  const bytes = await readFile(join(dir, wanted)).catch(() => undefined)
  if (bytes === undefined) {
    if (wanted !== '/index.html') return problem(response, 404, 'there is no such file')
    return json(response, 200, {
      page: 'not built',
      api: ['/api/runs', '/api/traces', '/api/traces/{traceId}', '/api/health'],
    })
  }
  response.writeHead(200, {
    'content-type': TYPES[extname(wanted)] ?? 'application/octet-stream',
    'cache-control': wanted.startsWith('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache',
    'content-security-policy': CSP,
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
  })
  response.end(bytes)
}

function json(response: ServerResponse, status: number, body: unknown, type = 'application/json'): void {
  response.writeHead(status, {
    'content-type': type,
    'x-content-type-options': 'nosniff',
    'cache-control': 'no-store',
  })
  response.end(JSON.stringify(body))
}

function problem(response: ServerResponse, status: number, detail: string): void {
  json(response, status, { type: 'about:blank', status, detail }, 'application/problem+json')
}
