import { bindCounter, bindHistogram, type BoundCounter, type BoundHistogram } from '@tapescope/sdk'
import type { EndedRequest } from '@tapescope/sdk/hono'

/** Methods that become label values; a client may invent others. */
const methods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])

/** Bound once for each route: to bind for each request costs as much as all the rest of this. */
interface Watched {
  readonly duration: BoundHistogram
  readonly byStatus: Map<number, BoundCounter>
}

/**
 * Counts and times every request, errors included: `api_requests_total`, `api_request_duration_seconds`. Routes are
 * few; a path that matches none is `unmatched`.
 */
export function observeRequests(): (request: EndedRequest) => void {
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

  return ({ context, span, route, seconds }) => {
    const method = methods.has(context.req.method) ? context.req.method : '_OTHER'
    const endpoint = route === undefined || route.includes('*') ? 'unmatched' : route
    const { status } = context.res
    const { duration, byStatus } = watchedFor(method, endpoint)
    let count = byStatus.get(status)
    if (count === undefined) {
      count = bindCounter('api_requests_total', { method, endpoint, status_code: String(status) })
      byStatus.set(status, count)
    }
    count.add()
    duration.recordInSpan(seconds, span)
  }
}
