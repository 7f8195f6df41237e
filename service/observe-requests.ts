import { trace } from '@opentelemetry/api'
import { bindCounter, bindHistogram, type BoundCounter, type BoundHistogram } from '@tapescope/sdk'
import type { MiddlewareHandler } from 'hono'
import { matchedRoutes } from 'hono/route'

/** Methods that become label values; a client may invent others. */
const methods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])

/** Bound once for each route: to bind for each request costs as much as all the rest of this. */
interface Watched {
  readonly duration: BoundHistogram
  readonly byStatus: Map<number, BoundCounter>
}

/** Counts and times every request, errors included: `api_requests_total`, `api_request_duration_seconds`. */
export function observeRequests(): MiddlewareHandler {
  const byEndpoint = new Map<string, Map<string, Watched>>()

  function watchedFor(method: string, endpoint: string): Watched {
    let byMethod = byEndpoint.get(endpoint)
    if (byMethod === undefined) byEndpoint.set(endpoint, (byMethod = new Map()))
    let watched = byMethod.get(method)
    if (watched === undefined) {
      const duration = bindHistogram('api_request_duration_seconds', { method, endpoint })
      byMethod.set(method, (watched = { duration, byStatus: new Map() }))
    }
    return watched
  }

  return async (c, next) => {
    const started = performance.now()
    try {
      await next()
    } finally {
      const method = methods.has(c.req.method) ? c.req.method : '_OTHER'
      // Middleware is registered for all paths; a route is the last match that is not.
      const path = matchedRoutes(c).at(-1)?.path ?? '*'
      const endpoint = path.includes('*') ? 'unmatched' : path
      const { status } = c.res
      const { duration, byStatus } = watchedFor(method, endpoint)
      let count = byStatus.get(status)
      if (count === undefined) {
        count = bindCounter('api_requests_total', { method, endpoint, status_code: String(status) })
        byStatus.set(status, count)
      }
      count.add()
      duration.recordInSpan((performance.now() - started) / 1e3, trace.getActiveSpan())
    }
  }
}
