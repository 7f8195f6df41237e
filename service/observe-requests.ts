import { trace } from '@opentelemetry/api'
import { bindCounter, bindHistogram } from '@tapescope/sdk'
import type { MiddlewareHandler } from 'hono'
import { matchedRoutes } from 'hono/route'

/** Methods that become label values; a client may invent others. */
const methods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])

/** Counts and times every request, errors included: `api_requests_total`, `api_request_duration_seconds`. */
export function observeRequests(): MiddlewareHandler {
  return async (c, next) => {
    const started = performance.now()
    try {
      await next()
    } finally {
      const method = methods.has(c.req.method) ? c.req.method : '_OTHER'
      // Middleware is registered for all paths; a route is the last match that is not.
      const path = matchedRoutes(c).at(-1)?.path ?? '*'
      const endpoint = path.includes('*') ? 'unmatched' : path
      bindCounter('api_requests_total', { method, endpoint, status_code: String(c.res.status) }).add()
      bindHistogram('api_request_duration_seconds', { method, endpoint }).recordInSpan(
        (performance.now() - started) / 1e3,
        trace.getActiveSpan(),
      )
    }
  }
}
