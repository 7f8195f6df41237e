export interface RateLimit {
  /** Takes one request of `client`; 0 when it may pass, else seconds until it may. */
  take(client: string): number
}

interface RateLimitOptions {
  perSecond: number
  /** Requests that may come at once. */
  burst: number
  /** Milliseconds, monotonic. */
  now?: () => number
  /** Clients remembered; the least recent is forgotten, which only ever favours it. */
  capacity?: number
}

/** A token bucket per client. */
export function createRateLimit(options: RateLimitOptions): RateLimit {
  const { perSecond, burst, now = () => performance.now(), capacity = 10_000 } = options
  const buckets = new Map<string, { tokens: number; at: number }>()
  return {
    take(client) {
      const at = now()
      const old = buckets.get(client)
      const tokens =
        old === undefined ? burst : Math.min(burst, old.tokens + ((at - old.at) / 1e3) * perSecond)
      buckets.delete(client)
      if (buckets.size >= capacity) buckets.delete(buckets.keys().next().value!)
      const allowed = tokens >= 1
      buckets.set(client, { tokens: allowed ? tokens - 1 : tokens, at })
      return allowed ? 0 : (1 - tokens) / perSecond
    },
  }
}
