import { createHash } from 'node:crypto'
import { Hono } from 'hono'
import { describe, expect, it } from 'vitest'
import { readApiKeys } from './api-keys.ts'
import { guard, isLoopbackHost, network } from './guard.ts'
import { problemOf } from './problem.ts'
import { createRateLimit } from './rate-limit.ts'

const hash = (key: string) => createHash('sha256').update(key).digest('hex')
const viewer = 'http://127.0.0.1:4319'

function appWith(keys: string | undefined, { now = (): number => 0, burst = 20 } = {}): Hono {
  const app = new Hono()
  app.use(
    guard({
      keys: readApiKeys(keys),
      rateLimit: createRateLimit({ perSecond: 2, burst, now }),
      allowedOrigins: [viewer],
    }),
  )
  app.all('*', (c) => c.text('ok'))
  app.onError((error, c) => {
    const problem = problemOf(error)
    return c.text(problem.message, problem.status as 403, { ...problem.headers })
  })
  return app
}

const write = (headers: Record<string, string> = {}) => ({ method: 'POST', headers })

describe('without keys', () => {
  it('answers to this machine alone', async () => {
    const app = appWith(undefined)
    expect((await app.request('/', { headers: { host: '127.0.0.1:8080' } })).status).toBe(200)
    expect((await app.request('/', { headers: { host: '[::1]:8080' } })).status).toBe(200)
    expect((await app.request('/', { headers: { host: 'evil.example:8080' } })).status).toBe(403)
    expect(['127.0.0.1', '127.8.9.1', '::1', 'localhost'].every(isLoopbackHost)).toBe(true)
    expect(['0.0.0.0', '::', '127.0.0.1.evil.example', '10.0.0.1'].some(isLoopbackHost)).toBe(false)
  })

  it('lets no foreign page write', async () => {
    const app = appWith(undefined)
    const host = '127.0.0.1:8080'
    const status = async (origin: string) => (await app.request('/x', write({ host, origin }))).status
    expect(await status('https://evil.example')).toBe(403)
    expect(await status('null')).toBe(403)
    expect(await status(viewer)).toBe(200)
    expect(await status(`http://${host}`)).toBe(200)
  })
})

describe('with keys', () => {
  const keys = `alice:${hash('a-key')}, bob:${hash('b-key')}`

  it('needs one for writes and compute, none for reading', async () => {
    const app = appWith(keys)
    expect((await app.request('/x')).status).toBe(200)
    const refused = await app.request('/x', write())
    expect(refused.status).toBe(401)
    expect(refused.headers.get('www-authenticate')).toBe('Bearer')
    expect((await app.request('/x', write({ authorization: 'Bearer wrong' }))).status).toBe(401)
    expect((await app.request('/x', write({ authorization: `Bearer ${hash('a-key')}` }))).status).toBe(401)
    expect((await app.request('/x', write({ authorization: 'Bearer a-key' }))).status).toBe(200)
    expect((await app.request('/x', write({ 'x-api-key': 'b-key' }))).status).toBe(200)
    for (const computed of ['patterns/detect', 'events'])
      expect((await app.request(`/api/v1/${computed}`)).status).toBe(401)
  })

  it('counts each user alone', async () => {
    let time = 0
    const app = appWith(keys, { now: () => time, burst: 3 })
    const status = async (key: string) => (await app.request('/x', write({ 'x-api-key': key }))).status
    expect([await status('a-key'), await status('a-key'), await status('a-key')]).toEqual([200, 200, 200])
    const refused = await app.request('/x', write({ 'x-api-key': 'a-key' }))
    expect(refused.status).toBe(429)
    expect(refused.headers.get('retry-after')).toBe('1')
    expect(await status('b-key')).toBe(200)
    expect((await app.request('/healthz')).status).toBe(200)
    time = 500
    expect(await status('a-key')).toBe(200)
    expect(await status('a-key')).toBe(429)
  })

  it('counts an address by its connection, whatever it says of itself', async () => {
    const app = appWith(keys, { burst: 2 })
    const statuses: number[] = []
    for (const name of ['x-forwarded-for', 'x-real-ip', 'forwarded', 'cf-connecting-ip'])
      statuses.push((await app.request('/x', { headers: { [name]: `10.0.0.${name.length}` } })).status)
    expect(statuses).toEqual([200, 200, 429, 429])
  })

  it('refuses an entry that is none, without showing it', () => {
    expect(() => readApiKeys(`alice:${hash('a')},bob:secret`)).toThrow(
      /^Entry 2 of TAPESCOPE_API_KEYS is not/,
    )
    expect(() => readApiKeys('bob:secret')).not.toThrow(/secret/)
  })

  it('lets no one try keys without limit', async () => {
    const app = appWith(keys, { burst: 3 })
    const statuses: number[] = []
    for (const key of ['1', '2', '3', '4'])
      statuses.push((await app.request('/x', write({ 'x-api-key': key }))).status)
    expect(statuses).toEqual([401, 401, 401, 429])
  })

  it('counts a network of IPv6 as one client', () => {
    expect(network('2001:db8:1:2::7')).toBe(network('2001:db8:1:2:9:9:9:9'))
    expect(network('2001:db8:1:2::7')).not.toBe(network('2001:db8:1:3::7'))
    expect(network('::1')).toBe('0:0:0:0')
    expect(network('::ffff:10.0.0.1')).toBe('::ffff:10.0.0.1')
    expect(network('10.0.0.1')).toBe('10.0.0.1')
  })
})

describe('the rate limit', () => {
  it('remembers a bounded number of clients', () => {
    const limit = createRateLimit({ perSecond: 1, burst: 1, now: () => 0, capacity: 2 })
    expect([limit.take('a'), limit.take('a'), limit.take('b'), limit.take('c')]).toEqual([0, 1, 0, 0])
    expect(limit.take('a')).toBe(0)
  })
})
