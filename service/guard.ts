import { getConnInfo } from '@hono/node-server/conninfo'
import type { Context, MiddlewareHandler } from 'hono'
import type { ApiKeys } from './api-keys.ts'
import { Problem } from './problem.ts'
import type { RateLimit } from './rate-limit.ts'

export interface GuardOptions {
  keys: ApiKeys
  rateLimit: RateLimit
  /** Origins whose pages may read answers: the viewer's. */
  allowedOrigins: readonly string[]
}

function isWrite(method: string): boolean {
  return !/^(GET|HEAD|OPTIONS)$/i.test(method)
}

/** Whether an API key is asked for where there are any. */
export function needsKey(method: string, path: string): boolean {
  return isWrite(method) || computing.has(path)
}

/** Whose doing it is where no key says. */
const localUser = 'local'
/** Routes that compute although they only read. */
const computing = new Set(['/api/v1/patterns/detect', '/api/v1/events'])
/** What probes and Prometheus ask must not be refused under load. */
const unlimited = new Set(['/healthz', '/readyz', '/api/v1/metrics'])

/**
 * Who may do what, and how often. With keys, writes and compute need one. Without keys the service is for this
 * machine alone: a name in Host that is not loopback is a page that points its own name here, and a foreign Origin
 * on a write is a page that writes in the user's name.
 */
export function guard({ keys, rateLimit, allowedOrigins }: GuardOptions): MiddlewareHandler {
  return async (c, next) => {
    const key = keyOf(c)
    const user = key === undefined ? undefined : keys.userOf(key)
    c.set('user', user ?? localUser)
    // Before anything is refused, so that keys cannot be tried without limit.
    const client = user === undefined ? `address ${network(addressOf(c))}` : `user ${user}`
    c.set('client', client)
    if (!unlimited.has(c.req.path)) {
      const wait = rateLimit.take(client)
      if (wait > 0) {
        throw new Problem(429, 'Too many requests of this client.', {
          headers: { 'Retry-After': String(Math.ceil(wait)) },
        })
      }
    }
    const writes = isWrite(c.req.method)
    if (keys.count === 0) {
      if (!isLoopbackName(c.req.header('host'))) {
        throw new Problem(403, 'Without API keys this service answers to localhost only.')
      }
    } else if (user === undefined && needsKey(c.req.method, c.req.path)) {
      throw new Problem(401, 'Writes and compute need an API key: Authorization: Bearer KEY.', {
        headers: { 'WWW-Authenticate': 'Bearer' },
      })
    }
    const origin = c.req.header('origin')
    if (
      writes &&
      user === undefined &&
      origin !== undefined &&
      !isOwn(origin, c) &&
      !allowedOrigins.includes(origin)
    ) {
      throw new Problem(403, 'Pages of another origin may not write here.')
    }
    await next()
  }
}

function keyOf(c: Context): string | undefined {
  const bearer = /^Bearer ([\x21-\x7e]{1,512})$/i.exec(c.req.header('authorization') ?? '')
  return bearer?.[1] ?? c.req.header('x-api-key')?.slice(0, 512)
}

function isOwn(origin: string, c: Context): boolean {
  return URL.parse(origin)?.host === c.req.header('host')
}

export function isLoopbackHost(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host)
}

function isLoopbackName(host: string | undefined): boolean {
  // A request that never was on a socket (tests) has none.
  if (host === undefined) return true
  return isLoopbackHost(host.replace(/:\d+$/, '').replace(/^\[|\]$/g, ''))
}

/** A network of IPv6 has one owner and 2 to the 64 addresses: its first half counts. */
export function network(address: string): string {
  if (!address.includes(':') || address.includes('.')) return address
  const [head, tail] = address.split('::')
  const groups = head === '' ? [] : head.split(':')
  if (tail !== undefined) {
    const last = tail === '' ? 0 : tail.split(':').length
    while (groups.length < 8 - last) groups.push('0')
  }
  return groups.slice(0, 4).join(':')
}

function addressOf(c: Context): string {
  try {
    return getConnInfo(c).remote.address ?? 'unknown'
  } catch {
    return 'none'
  }
}
