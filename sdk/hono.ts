import {
  context,
  propagation,
  SpanKind,
  SpanStatusCode,
  trace,
  type Attributes,
  type Context as OtelContext,
  type TextMapGetter,
} from '@opentelemetry/api'
import type { Context, MiddlewareHandler } from 'hono'
import { matchedRoutes } from 'hono/route'
import { errorType, recordError } from './record-error.ts'
import { tracer } from './safe-span.ts'

/** What `traceRequests` takes; each has a default. */
export interface TraceRequestsOptions {
  /** Requests that get no span, such as health checks and scrapes. */
  readonly ignore?: (request: Request) => boolean
}

/** Methods that become part of a span's name; a client may invent others. */
const methods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'QUERY'])

/**
 * A server span for each request to a Hono app, by OpenTelemetry's conventions: continues the caller's trace, is named
 * after the route's template (sub-routers included), never after the path, and fails with `error.type` on an error or
 * a status of 500 and above. Register it first: `app.use(traceRequests())`. Do not use instrumentation-http or
 * `@hono/otel` beside it: there would be two spans.
 */
export function traceRequests({ ignore }: TraceRequestsOptions = {}): MiddlewareHandler {
  return async (c, next) => {
    if (ignore?.(c.req.raw) === true) return next()
    const parent = propagation.extract(context.active(), c.req.raw.headers, headerGetter)
    return inServerSpan(c, parent, next)
  }
}

const headerGetter: TextMapGetter<Headers> = {
  get: (headers, name) => headers.get(name) ?? undefined,
  keys: (headers) => [...headers.keys()],
}

async function inServerSpan(c: Context, parent: OtelContext, next: () => Promise<void>): Promise<void> {
  const { method } = c.req
  const known = methods.has(method) ? method : '_OTHER'
  const attributes: Attributes = { 'http.request.method': known }
  if (known === '_OTHER') attributes['http.request.method_original'] = method.slice(0, 32)
  addUrl(attributes, c.req.url)
  const agent = c.req.header('user-agent')
  if (agent !== undefined) attributes['user_agent.original'] = agent
  const verb = known === '_OTHER' ? 'HTTP' : known
  const span = tracer().startSpan(verb, { kind: SpanKind.SERVER, attributes }, parent)
  try {
    await context.with(trace.setSpan(parent, span), next)
    const { status } = c.res
    span.setAttribute('http.response.status_code', status)
    if (c.error !== undefined && status >= 500) recordError(span, c.error)
    else if (status >= 500) {
      span.setAttribute('error.type', String(status))
      span.setStatus({ code: SpanStatusCode.ERROR })
    } else if (c.error !== undefined) span.setAttribute('error.type', errorType(c.error))
  } catch (error) {
    recordError(span, error)
    throw error
  } finally {
    const route = routeTemplate(c)
    if (route !== undefined) {
      span.setAttribute('http.route', route)
      span.updateName(nameOf(verb, route))
    }
    span.end()
  }
}

/** What the last request was sent to: nearly always the same. */
let lastOrigin = ''
let lastUrl: URL | null = null

/** A request's URL is an absolute one that the server has made; it is taken apart by hand, which costs a fifth. */
function addUrl(attributes: Attributes, url: string): void {
  const path = url.indexOf('/', url.indexOf('://') + 3)
  const origin = path < 0 ? url : url.slice(0, path)
  if (origin !== lastOrigin) {
    lastUrl = URL.parse(origin)
    lastOrigin = origin
  }
  if (lastUrl === null || path < 0) return
  attributes['url.scheme'] = lastUrl.protocol.slice(0, -1)
  const end = url.indexOf('#', path)
  const whole = end < 0 ? url.slice(path) : url.slice(path, end)
  const query = whole.indexOf('?')
  attributes['url.path'] = query < 0 ? whole : whole.slice(0, query)
  if (query >= 0 && query + 1 < whole.length) attributes['url.query'] = whole.slice(query + 1)
  attributes['server.address'] = lastUrl.hostname
  if (lastUrl.port !== '') attributes['server.port'] = Number(lastUrl.port)
}

/** By verb and route: templates are few, and a text that is the same each time is masked and written faster. */
const names = new Map<string, Map<string, string>>()
const mostNames = 1000

function nameOf(verb: string, route: string): string {
  let ofVerb = names.get(verb)
  if (ofVerb === undefined) names.set(verb, (ofVerb = new Map()))
  let name = ofVerb.get(route)
  if (name === undefined) {
    name = `${verb} ${route}`
    if (ofVerb.size < mostNames) ofVerb.set(route, name)
  }
  return name
}

/**
 * The template of the route that a request matched, as `/api/users/:id`; undefined when only middleware did. Right in
 * any middleware, before and after `next`, and whether or not the handler was reached.
 */
export function routeTemplate(c: Context): string | undefined {
  return matchedRoutes(c).findLast(({ method, path }) => method !== 'ALL' || !path.endsWith('*'))?.path
}
