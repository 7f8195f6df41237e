import {
  context,
  propagation,
  SpanKind,
  SpanStatusCode,
  trace,
  type Attributes,
  type Context as OtelContext,
  type Span,
  type TextMapGetter,
} from '@opentelemetry/api'
import type { Context, MiddlewareHandler } from 'hono'
import { matchedRoutes } from 'hono/route'
import { fixAttributes } from './spans/fixed-attributes.ts'
import { errorType, recordError } from './record-error.ts'
import { tracer } from './safe-span.ts'

/** What `traceRequests` takes; each has a default. */
export interface TraceRequestsOptions {
  /** Requests that get no span, such as health checks and scrapes. */
  readonly ignore?: (request: Request) => boolean
  /**
   * Called when a request has been answered, before its span ends: a place for metrics of requests that costs no
   * middleware of its own. `route` is the template, undefined when none matched. Must not throw.
   */
  readonly ended?: (request: EndedRequest) => void
}

/** A request that has been answered. */
export interface EndedRequest {
  readonly context: Context
  readonly span: Span
  readonly route: string | undefined
  readonly seconds: number
}

/** Methods that become part of a span's name; a client may invent others. */
const methods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'QUERY'])

/**
 * A server span for each request to a Hono app, by OpenTelemetry's conventions: continues the caller's trace, is named
 * after the route's template (sub-routers included), never after the path, and fails with `error.type` on an error or
 * a status of 500 and above. Register it first: `app.use(traceRequests())`. Do not use instrumentation-http or
 * `@hono/otel` beside it: there would be two spans.
 */
export function traceRequests({ ignore, ended }: TraceRequestsOptions = {}): MiddlewareHandler {
  const route = staticRoutes()
  return (c, next) => {
    if (ignore?.(c.req.raw) === true) return next()
    const parent = propagation.extract(context.active(), c, headerGetter)
    return inServerSpan(c, parent, next, route, ended)
  }
}

const headerGetter: TextMapGetter<Context> = {
  get: headerOf,
  keys: (c) => [...c.req.raw.headers.keys()],
}

/** A header by its name in small letters, as `Headers` gives it; on Node without the checks that `Headers` makes at each call. */
function headerOf(c: Context, name: string): string | undefined {
  const raw = (c.env as { incoming?: { rawHeaders?: unknown } } | undefined)?.incoming?.rawHeaders
  if (!Array.isArray(raw)) return c.req.raw.headers.get(name) ?? undefined
  let found: string | undefined
  for (let i = 0; i < raw.length; i += 2) {
    const given = raw[i] as string
    if (given.length !== name.length || given.toLowerCase() !== name) continue
    const value = raw[i + 1] as string
    found = found === undefined ? value : `${found}, ${value}`
  }
  return found
}

async function inServerSpan(
  c: Context,
  parent: OtelContext,
  next: () => Promise<void>,
  routeOf: (c: Context) => string | undefined,
  ended: TraceRequestsOptions['ended'],
): Promise<void> {
  const started = performance.now()
  const { method } = c.req
  const known = methods.has(method) ? method : '_OTHER'
  const verb = known === '_OTHER' ? 'HTTP' : known
  const { url } = c.req
  const path = Math.max(0, url.indexOf('/', url.indexOf('://') + 3))
  const attributes = senderOf(known, url.slice(0, path), headerOf(c, 'user-agent') ?? '')
  const span = tracer().startSpan(verb, { kind: SpanKind.SERVER, attributes }, parent)
  if (known === '_OTHER') span.setAttribute('http.request.method_original', method.slice(0, 32))
  setPath(span, url, path)
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
    const route = routeOf(c)
    if (route !== undefined) {
      span.setAttribute('http.route', route)
      span.updateName(nameOf(verb, route))
    }
    ended?.({ context: c, span, route, seconds: (performance.now() - started) / 1e3 })
    span.end()
  }
}

/** A request's URL is an absolute one that the server has made; it is taken apart by hand, which costs a fifth. */
function setPath(span: Span, url: string, start: number): void {
  const fragment = url.indexOf('#', start)
  const end = fragment < 0 ? url.length : fragment
  const query = url.indexOf('?', start)
  const split = query < 0 || query > end ? end : query
  span.setAttribute('url.path', url.slice(start, split))
  if (split + 1 < end) span.setAttribute('url.query', url.slice(split + 1, end))
}

/** By method, origin and user agent: what a client sends again and again. */
const senders = new Map<string, Readonly<Attributes>>()
const mostSenders = 500

function senderOf(method: string, origin: string, agent: string): Readonly<Attributes> {
  const key = `${method} ${origin} ${agent}`
  const known = senders.get(key)
  if (known !== undefined) return known
  const url = URL.parse(origin)
  const attributes = fixAttributes({
    'http.request.method': method,
    ...(url !== null && { 'url.scheme': url.protocol.slice(0, -1), 'server.address': url.hostname }),
    ...(url !== null && url.port !== '' && { 'server.port': Number(url.port) }),
    ...(agent !== '' && { 'user_agent.original': agent }),
  })
  if (senders.size >= mostSenders) senders.clear()
  if (key.length < 1024) senders.set(key, attributes)
  return attributes
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

const mostStatic = 1000

/** `routeTemplate` that remembers the paths which are their own template: to look at all matches takes as long as a span. */
function staticRoutes(): (c: Context) => string | undefined {
  const known = new Map<string, Set<string>>()
  return (c) => {
    const { path, method } = c.req
    let paths = known.get(method)
    if (paths?.has(path) === true) return path
    const template = routeTemplate(c)
    if (template === path && methods.has(method)) {
      if (paths === undefined) known.set(method, (paths = new Set()))
      if (paths.size < mostStatic) paths.add(path)
    }
    return template
  }
}

/**
 * The template of the route that a request matched, as `/api/users/:id`; undefined when only middleware did. Right in
 * any middleware, before and after `next`, and whether or not the handler was reached.
 */
export function routeTemplate(c: Context): string | undefined {
  const matched = matchedRoutes(c).filter(({ method, path }) => method !== 'ALL' || !path.endsWith('*'))
  // Of templates that fit alike (`/users/me`, `/users/:id`) the first one registered answers.
  return (matched.find(({ method }) => method !== 'ALL') ?? matched.at(-1))?.path
}
