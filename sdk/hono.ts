import {
  context,
  propagation,
  SpanKind,
  SpanStatusCode,
  trace,
  type Context as OtelContext,
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
    const parent = propagation.extract(context.active(), c.req.raw.headers, {
      get: (headers, name) => headers.get(name) ?? undefined,
      keys: (headers) => [...headers.keys()],
    })
    return inServerSpan(c, parent, next)
  }
}

async function inServerSpan(c: Context, parent: OtelContext, next: () => Promise<void>): Promise<void> {
  const { method } = c.req
  const known = methods.has(method) ? method : '_OTHER'
  const url = URL.parse(c.req.url)
  const agent = c.req.header('user-agent')
  const span = tracer().startSpan(
    known === '_OTHER' ? 'HTTP' : known,
    {
      kind: SpanKind.SERVER,
      attributes: {
        'http.request.method': known,
        ...(known === '_OTHER' && { 'http.request.method_original': method.slice(0, 32) }),
        ...(url !== null && {
          'url.scheme': url.protocol.slice(0, -1),
          'url.path': url.pathname,
          ...(url.search !== '' && { 'url.query': url.search.slice(1) }),
          'server.address': url.hostname,
          ...(url.port !== '' && { 'server.port': Number(url.port) }),
        }),
        ...(agent !== undefined && { 'user_agent.original': agent }),
      },
    },
    parent,
  )
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
      span.updateName(known === '_OTHER' ? `HTTP ${route}` : `${known} ${route}`)
    }
    span.end()
  }
}

/**
 * The template of the route that a request matched, as `/api/users/:id`; undefined when only middleware did. Right in
 * any middleware, before and after `next`, and whether or not the handler was reached.
 */
export function routeTemplate(c: Context): string | undefined {
  return matchedRoutes(c).findLast(({ method, path }) => method !== 'ALL' || !path.endsWith('*'))?.path
}
