import { readFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { extname, join } from 'node:path'
import { close, listen } from './listen.ts'
import { MetricHistory } from './metric-history.ts'
import { ProfileStore } from './profile-store.ts'
import { QueryError } from './store/trace-query.ts'
import type { TraceStore } from './store/trace-store.ts'
import type { Telemetry } from './telemetry.ts'
import { answer, type ApiContext, ApiProblem, importRun, readJsonBody, sendJson } from './viewer-api.ts'

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.ico': 'image/x-icon',
  '.json': 'application/json',
  '.woff2': 'font/woff2',
  '.txt': 'text/plain; charset=utf-8',
  '.png': 'image/png',
}

/** Nothing inline, no string becomes HTML; data comes from here and from a service on this machine. */
const CSP = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self' http://127.0.0.1:* http://localhost:*",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ')

/** speedscope writes its own style elements. It reads profiles from here and nothing else. */
const SPEEDSCOPE_CSP =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

interface ViewerOptions {
  readonly endpoint: string
  readonly store: TraceStore
  /** CPU samples; without one they are kept in memory. */
  readonly profiles?: ProfileStore | undefined
  readonly telemetry: Telemetry
  /** The folder of the built page; without it only the API is served. */
  readonly pageDir: string
  /** Settles when the page has been built, with what went wrong if anything did. */
  readonly pageReady?: Promise<string | undefined>
  readonly scrapeUrl?: () => string | undefined
}

/** An address or a Host header, with or without a port. */
const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/i

const MAX_PROFILE = 16 * 2 ** 20
const MAX_RUN = 256 * 2 ** 20

/** The viewer's port: the page, and what it shows as JSON. */
export function createViewer(options: ViewerOptions) {
  const { store, profiles = new ProfileStore(), telemetry, scrapeUrl = () => undefined } = options
  const history = new MetricHistory({ scrapeUrl })
  const context: ApiContext = { store, telemetry, profiles, history, scrapeUrl }
  // Traces are told to this machine alone: a page in its browser may let a name of its own point here.
  const local = LOOPBACK.test(options.endpoint)
  const server = createServer((request, response) => {
    void settle(response, handle(request, response))
  })

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://viewer')
    const { method } = request
    if (local && !LOOPBACK.test(request.headers.host ?? ''))
      throw new ApiProblem(403, 'the viewer answers to localhost and 127.0.0.1 only')
    if (method === 'POST' && url.pathname === '/api/profiles') {
      const wrong = context.profiles.add(await readJsonBody(request, MAX_PROFILE))
      if (wrong !== undefined) throw new ApiProblem(400, wrong)
      sendJson(response, 200, { stored: true })
    } else if (method === 'POST' && url.pathname === '/api/import') {
      sendJson(response, 200, importRun(context, await readJsonBody(request, MAX_RUN)))
    } else if (method !== 'GET' && method !== 'HEAD') {
      response.setHeader('allow', 'GET, HEAD')
      throw new ApiProblem(405, 'only GET is served here')
    } else if (url.pathname.startsWith('/api/')) {
      sendJson(response, 200, await answer(context, url))
    } else {
      await page(options, url.pathname, response)
    }
  }

  return {
    listen: () => {
      history.start()
      return listen(server, options.endpoint, 'viewer')
    },
    close: (deadline: number) => {
      history.stop()
      return close(server, deadline)
    },
  }
}

/** Turns what a handler rejects with into an answer. */
async function settle(response: ServerResponse, handled: Promise<void>): Promise<void> {
  try {
    await handled
  } catch (error) {
    if (response.destroyed || response.headersSent) return
    if (error instanceof ApiProblem) problem(response, error.status, error.message)
    else if (error instanceof QueryError) problem(response, 400, error.message)
    else problem(response, 500, `the viewer failed to answer: ${(error as Error).message}`)
  }
}

/** A file of the page; any other path is one of its own routes and gets the page. */
async function page(
  { pageDir, pageReady }: ViewerOptions,
  pathname: string,
  response: ServerResponse,
): Promise<void> {
  let name: string
  try {
    name = decodeURIComponent(pathname)
  } catch {
    throw new ApiProblem(400, 'the path is not valid')
  }
  const problemOfBuild = await pageReady
  if (name === '/speedscope/') name = '/speedscope/index.html'
  const wanted = /^(\/[\w@-][\w.@ -]*)+$/.test(name) && extname(name) !== '' ? name : '/index.html'
  const bytes = await readFile(join(pageDir, wanted)).catch(() => undefined)
  if (bytes === undefined) {
    if (wanted !== '/index.html') throw new ApiProblem(404, 'there is no such file')
    return sendJson(response, 200, {
      page: problemOfBuild ?? 'not built',
      api: ['/api/runs', '/api/traces', '/api/traces/{traceId}', '/api/health'],
    })
  }
  response.writeHead(200, {
    'content-type': TYPES[extname(wanted)] ?? 'application/octet-stream',
    'cache-control': wanted.startsWith('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache',
    'content-security-policy': wanted.startsWith('/speedscope/') ? SPEEDSCOPE_CSP : CSP,
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
  })
  response.end(bytes)
}

function problem(response: ServerResponse, status: number, detail: string): void {
  sendJson(response, status, { type: 'about:blank', status, detail }, 'application/problem+json')
}
